// JSON of one argument to a Go value, attachments put back in their places.

package socketio

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// Unmarshal decodes one argument, as NextArg returns it, into the value that
// into points to. The rules are those of encoding/json, with this addition: in
// a binary packet, whose attachments are bins, a placeholder decoded into a
// []byte, at any depth, yields the attachment, and inside an interface value it
// becomes a []byte. The attachment is not copied: the value shares its memory
// and its lifetime. Strings, maps and all else are copies.
//
// Errors are ErrPayload or a json.SyntaxError for text that is not JSON,
// ErrPlaceholder, or another error of the library, wrapped. The value may then
// be half filled. Any goroutine.
func Unmarshal(arg []byte, bins [][]byte, into any) error {
	return decodeInto(arg, bins, into, false)
}

// UnmarshalNumber is Unmarshal with numbers inside interface values decoded as
// json.Number, all digits kept, rather than as float64. Any goroutine.
func UnmarshalNumber(arg []byte, bins [][]byte, into any) error {
	return decodeInto(arg, bins, into, true)
}

func decodeInto(arg []byte, bins [][]byte, into any, wantNumbers bool) error {
	switch into.(type) {
	case *[]byte, *json.RawMessage, *string, *any, *map[string]any, *[]any:
	default:
		if len(bins) == 0 && !wantNumbers {
			return wrapDecode(json.Unmarshal(arg, into))
		}
	}
	if !validValue(arg) {
		return ErrPayload
	}
	arg = arg[skipSpace(arg, 0):]
	b := builder{b: arg, bins: bins, wantNumbers: wantNumbers}
	if done, err := b.into(into); done {
		return wrapDecode(err)
	}
	return decodeOther(arg, bins, into, wantNumbers)
}

// into decodes into the types that need no library, unless what they hold or
// what arrives calls for its rules. It tells whether it has.
func (b *builder) into(into any) (done bool, err error) {
	switch t := into.(type) {
	case *[]byte:
		if t != nil && b.b[0] == '{' && len(b.bins) > 0 {
			return true, attachmentInto(t, b.b, b.bins)
		}
	case *json.RawMessage:
		if t != nil {
			*t = append((*t)[:0], b.b...)
			return true, nil
		}
	case *string:
		if t != nil && b.b[0] == '"' {
			*t, _ = b.str(0)
			return true, nil
		}
	case *any:
		if t != nil && !heldPointer(*t) {
			*t, err = b.build()
			return true, err
		}
	case *map[string]any:
		if t != nil && *t == nil && b.b[0] == '{' {
			v, err := b.build()
			m, isMap := v.(map[string]any)
			if isMap {
				*t = m
			}
			return isMap, err
		}
	case *[]any:
		if t != nil && *t == nil && b.b[0] == '[' {
			v, err := b.build()
			*t = v.([]any)
			return true, err
		}
	}
	return false, nil
}

func heldPointer(v any) bool { return v != nil && reflect.TypeOf(v).Kind() == reflect.Pointer }

// attachmentInto sets target to the attachment that the object text stands for.
func attachmentInto(target *[]byte, text []byte, bins [][]byte) error {
	n, found := findPlaceholder(text, len(bins))
	if !found {
		return &json.UnmarshalTypeError{Value: "object", Type: bytesType}
	}
	if n < 0 {
		return ErrPlaceholder
	}
	*target = bins[n]
	return nil
}

// builder makes interface values from valid JSON: nil, bool, float64 or
// json.Number, string, []any, map[string]any, and []byte for attachments.
type builder struct {
	b           []byte
	bins        [][]byte
	wantNumbers bool
	err         error
}

func (b *builder) build() (any, error) {
	v, _ := b.value(skipSpace(b.b, 0))
	return v, b.err
}

// value returns the value at i and the position behind it.
func (b *builder) value(i int) (v any, end int) {
	switch b.b[i] {
	case '"':
		return b.str(i)
	case '{':
		return b.object(i)
	case '[':
		return b.array(i)
	case 't':
		return true, i + 4
	case 'f':
		return false, i + 5
	case 'n':
		return nil, i + 4
	}
	end = numberEnd(b.b, i)
	return b.number(b.b[i:end]), end
}

// str returns the string at i and the position behind it.
func (b *builder) str(i int) (s string, end int) {
	end, escaped := stringEnd(b.b, i+1)
	raw := b.b[i+1 : end-1]
	if escaped {
		raw = unescape(make([]byte, 0, len(raw)), raw)
	}
	return string(raw), end
}

func (b *builder) array(i int) (v any, end int) {
	items := []any{}
	i = skipSpace(b.b, i+1)
	for b.b[i] != ']' {
		var item any
		item, i = b.value(i)
		items = append(items, item)
		if i = skipSpace(b.b, i); b.b[i] == ',' {
			i = skipSpace(b.b, i+1)
		}
	}
	return items, i + 1
}

func (b *builder) object(i int) (v any, end int) {
	start := i
	members := map[string]any{}
	i = skipSpace(b.b, i+1)
	for b.b[i] != '}' {
		var key string
		var member any
		key, i = b.str(i)
		i = skipSpace(b.b, i)
		member, i = b.value(skipSpace(b.b, i+1))
		members[key] = member
		if i = skipSpace(b.b, i); b.b[i] == ',' {
			i = skipSpace(b.b, i+1)
		}
	}
	i++
	if len(b.bins) > 0 && members["_placeholder"] == true {
		var bin []byte
		if err := attachmentInto(&bin, b.b[start:i], b.bins); err != nil && b.err == nil {
			b.err = err
		}
		return bin, i
	}
	return members, i
}

// number returns the number that lit spells.
func (b *builder) number(lit []byte) any {
	if b.wantNumbers {
		return json.Number(lit)
	}
	f, err := strconv.ParseFloat(string(lit), 64)
	if err != nil && b.err == nil {
		b.err = &json.UnmarshalTypeError{Value: "number " + string(lit), Type: reflect.TypeFor[float64]()}
	}
	return f
}
