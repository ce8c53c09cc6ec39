// MessagePack values that hold no others into Go values.

package msgpack

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
)

// setAbsent does what encoding/json does with null: it empties what can be
// empty, and leaves the rest alone.
func setAbsent(v reflect.Value, p *plan) error {
	switch p.read {
	case viaJSON:
		if u, ok := methods[json.Unmarshaler](v); ok {
			return u.UnmarshalJSON([]byte("null"))
		}
	case asRawJSON:
		v.SetBytes([]byte("null"))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		v.SetZero()
	}
	return nil
}

// setScalar decodes a value that holds no others.
func setScalar(it *item, v reflect.Value, p *plan) error {
	switch p.read {
	case asBool:
		if it.kind == boolKind {
			v.SetBool(it.n != 0)
			return nil
		}
	case asInt, asUint, asFloat:
		return setNumber(it, v, p)
	case asString:
		return setString(it, v, p)
	case asBytes, asBase64:
		return setBytes(it, v, p)
	case asTime:
		if it.kind == dateKind || it.kind == timeKind {
			v.Set(reflect.ValueOf(readTime(it.kind, it.contents)))
			return nil
		}
		return setText(it, v, p)
	case viaText:
		return setText(it, v, p)
	case asNumber:
		if text, ok := numberText(it); ok {
			v.SetString(text)
			return nil
		}
	}
	return mismatch(it, p.typ)
}

// setText decodes a string, or the text of a date, by the target's own method.
func setText(it *item, v reflect.Value, p *plan) error {
	text := it.contents
	if it.kind == dateKind || it.kind == timeKind {
		text, _ = appendISO(nil, readTime(it.kind, text))
	} else if it.kind != strKind {
		return mismatch(it, p.typ)
	}
	u, ok := methods[encoding.TextUnmarshaler](v)
	if !ok {
		return mismatch(it, p.typ)
	}
	return u.UnmarshalText(text)
}

// setNumber decodes a number, of which nothing may be lost but the precision of
// a float.
func setNumber(it *item, v reflect.Value, p *plan) error {
	f := math.Float64frombits(it.n)
	integral := it.kind == floatKind && isExactInteger(f)
	switch {
	case it.kind != intKind && it.kind != uintKind && it.kind != floatKind:
	case p.read == asFloat:
		switch it.kind {
		case intKind:
			f = float64(int64(it.n))
		case uintKind:
			f = float64(it.n)
		}
		if !v.OverflowFloat(f) {
			v.SetFloat(f)
			return nil
		}
	case p.read == asInt:
		n, ok := int64(it.n), it.kind == intKind
		if integral {
			n, ok = int64(f), true
		}
		if ok && !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
	default:
		n, ok := it.n, it.kind == uintKind || it.kind == intKind && int64(it.n) >= 0
		if integral && f >= 0 {
			n, ok = uint64(f), true
		}
		if ok && !v.OverflowUint(n) {
			v.SetUint(n)
			return nil
		}
	}
	return mismatch(it, p.typ)
}

// numberText returns the text of a number, or of a string that holds one, for a
// json.Number.
func numberText(it *item) (text string, ok bool) {
	switch it.kind {
	case intKind:
		return strconv.FormatInt(int64(it.n), 10), true
	case uintKind:
		return strconv.FormatUint(it.n, 10), true
	case floatKind:
		text = string(appendJSFloat(nil, math.Float64frombits(it.n)))
		return text, text != "null"
	case strKind:
		end, _ := numberEnd(it.contents, 0)
		return string(it.contents), end == len(it.contents)
	}
	return "", false
}

func setString(it *item, v reflect.Value, p *plan) error {
	switch it.kind {
	case strKind:
		v.SetString(string(it.contents))
		return nil
	case dateKind, timeKind:
		if text, ok := appendISO(nil, readTime(it.kind, it.contents)); ok {
			v.SetString(string(text))
			return nil
		}
	}
	return mismatch(it, p.typ)
}

func setBytes(it *item, v reflect.Value, p *plan) error {
	switch it.kind {
	case binKind:
		v.SetBytes(it.contents)
		return nil
	case strKind:
		bin, err := base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(it.contents))), it.contents)
		if err != nil {
			return err
		}
		v.SetBytes(bin)
		return nil
	}
	return mismatch(it, p.typ)
}
