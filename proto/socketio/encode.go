// The way to the JSON libraries, for Go types without a shorter path of ours.
// encoding/json does all it can; values with byte slices inside go through
// go-json-experiment under encoding/json's rules, because it lets us decide how
// a []byte is written and read.

package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"sync/atomic"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// library holds what the JSON libraries need to work for us: they call back
// into it. Making one is dear, as the libraries remember types per instance.
type library struct {
	dst  []byte
	bins [][]byte

	plain       *json.Encoder
	marshal     jsonv2.Options
	unmarshal   jsonv2.Options
	wantNumbers bool // numbers in interfaces become json.Number
}

// spares are libraries not in use: as many as goroutines are likely to encode
// at the same time, and never more.
var spares [8]atomic.Pointer[library]

func takeLibrary() *library {
	for i := range spares {
		if l := spares[i].Swap(nil); l != nil {
			return l
		}
	}
	l := &library{}
	l.plain = json.NewEncoder(l)
	l.plain.SetEscapeHTML(false)
	l.marshal = jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false),
		jsonv2.WithMarshalers(jsonv2.JoinMarshalers(
			jsonv2.MarshalToFunc(l.marshalBytes), jsonv2.MarshalToFunc(marshalNumber))))
	l.unmarshal = jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(),
		jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
			jsonv2.UnmarshalFromFunc(l.unmarshalBytes), jsonv2.UnmarshalFromFunc(l.unmarshalAny),
			jsonv2.UnmarshalFromFunc(unmarshalNumber))))
	return l
}

// release keeps l for the next caller, without the memory it worked on.
func (l *library) release() {
	l.dst, l.bins = nil, nil
	for i := range spares {
		if spares[i].CompareAndSwap(nil, l) {
			return
		}
	}
}

// Write appends to the output: the libraries write to an io.Writer. It is for
// the one goroutine that took l. Any goroutine.
func (l *library) Write(b []byte) (int, error) {
	l.dst = append(l.dst, b...)
	return len(b), nil
}

// other appends a value of any type.
func (e *encoder) other(v any) error {
	class := classOf(reflect.TypeOf(v))
	if class == dynamic {
		found, err := holdsBytes(reflect.ValueOf(v), 0)
		if err != nil {
			return err
		}
		if found {
			class = withBytes
		}
	}
	l := takeLibrary()
	l.dst, l.bins = e.dst, e.bins
	var err error
	if class == withBytes {
		err = jsonv2.MarshalWrite(l, v, l.marshal)
	} else if err = l.plain.Encode(v); err == nil {
		l.dst = l.dst[:len(l.dst)-1] // Encode ends with a newline
	}
	if err == nil && !utf8.Valid(l.dst[len(e.dst):]) {
		// A marshaler's own bytes; both libraries pass them on unseen.
		err = ErrRawJSON
	}
	if err == nil {
		e.dst, e.bins = l.dst, l.bins
	}
	l.release()
	if err != nil {
		return fmt.Errorf("socketio: encode: %w", err)
	}
	return nil
}

// marshalBytes writes one []byte found inside a value.
func (l *library) marshalBytes(enc *jsontext.Encoder, bin []byte) error {
	if bin == nil {
		return enc.WriteToken(jsontext.Null)
	}
	var buf [48]byte
	if err := enc.WriteValue(appendPlaceholder(buf[:0], len(l.bins))); err != nil {
		return err
	}
	l.bins = append(l.bins, bin)
	return nil
}

// marshalNumber writes a json.Number, which go-json-experiment takes for any
// other string.
func marshalNumber(enc *jsontext.Encoder, n json.Number) error {
	if n == "" {
		n = "0"
	}
	value := jsontext.Value(n)
	if quoted, _ := jsonv2.GetOption(enc.Options(), jsonv2.StringifyNumbers); quoted {
		value = AppendString(nil, string(n))
	} else if value.Kind() != '0' {
		return fmt.Errorf("invalid number literal %q", string(n))
	}
	return enc.WriteValue(value)
}

// unmarshalNumber reads a json.Number: from a number, or from a string that
// holds one.
func unmarshalNumber(dec *jsontext.Decoder, target *json.Number) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, target)
}

// decodeOther decodes valid JSON into a value of any type.
func decodeOther(arg []byte, bins [][]byte, into any, wantNumbers bool) error {
	if len(bins) == 0 {
		dec := json.NewDecoder(bytes.NewReader(arg))
		if wantNumbers {
			dec.UseNumber()
		}
		return wrapDecode(dec.Decode(into))
	}
	l := takeLibrary()
	l.bins, l.wantNumbers = bins, wantNumbers
	err := jsonv2.Unmarshal(arg, into, l.unmarshal)
	l.release()
	return wrapDecode(err)
}

func wrapDecode(err error) error {
	if err != nil {
		return fmt.Errorf("socketio: decode: %w", err)
	}
	return nil
}

// unmarshalBytes reads one []byte target: an attachment, or else what
// encoding/json takes for one.
func (l *library) unmarshalBytes(dec *jsontext.Decoder, target *[]byte) error {
	if dec.PeekKind() != '{' {
		return jsonv2.SkipFunc
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return attachmentInto(target, raw, l.bins)
}

// unmarshalAny reads one target of type any.
func (l *library) unmarshalAny(dec *jsontext.Decoder, target *any) error {
	// As in encoding/json a pointer waiting in the interface is decoded into;
	// one that leads to itself is not followed.
	if held := reflect.ValueOf(*target); held.Kind() == reflect.Pointer && !held.IsNil() {
		if _, nested := (*target).(*any); !nested {
			return jsonv2.SkipFunc
		}
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	b := builder{b: raw, bins: l.bins, wantNumbers: l.wantNumbers}
	*target, err = b.build()
	return err
}
