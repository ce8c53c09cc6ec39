// Every form of the wire, read into interface values and written again.

package msgpack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

// formCases are the forms of MessagePack, and the value that each is. same tells
// that it is the form in which the value is written.
var formCases = []struct {
	name, bytes string
	want        any
	same        bool
}{
	{"positive fixint 0", "\x00", int64(0), true},
	{"positive fixint 127", "\x7f", int64(127), true},
	{"negative fixint -1", "\xff", int64(-1), true},
	{"negative fixint -32", "\xe0", int64(-32), true},
	{"uint 8", "\xcc\x80", int64(128), true},
	{"uint 8, too wide", "\xcc\x05", int64(5), false},
	{"uint 16", "\xcd\x01\x00", int64(256), true},
	{"uint 32", "\xce\x00\x01\x00\x00", int64(65536), true},
	{"uint 64", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", int64(1 << 32), true},
	{"uint 64, largest int64", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", int64(math.MaxInt64), true},
	{"uint 64, larger", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", uint64(1 << 63), true},
	{"uint 64, largest", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", uint64(math.MaxUint64), true},
	{"int 8", "\xd0\xdf", int64(-33), true},
	{"int 8, positive", "\xd0\x7f", int64(127), false},
	{"int 16", "\xd1\xff\x7f", int64(-129), true},
	{"int 32", "\xd2\xff\xff\x7f\xff", int64(-32769), true},
	{"int 64", "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", int64(math.MinInt32 - 1), true},
	{"int 64, smallest", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", int64(math.MinInt64), true},
	{"int 64, too wide", "\xd3\x00\x00\x00\x00\x00\x00\x00\x01", int64(1), false},
	{"float 32", "\xca\x3f\xc0\x00\x00", 1.5, false},
	{"float 64", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5, true},
	{"float 64, integral", "\xcb\x40\x14\x00\x00\x00\x00\x00\x00", 5.0, false},
	{"float 64, infinite", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", math.Inf(1), true},
	{"float 64, no number", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", math.NaN(), true},
	{"nil", "\xc0", nil, true},
	{"false", "\xc2", false, true},
	{"true", "\xc3", true, true},
	{"fixstr, empty", "\xa0", "", true},
	{"fixstr", "\xa6\xe6\x97\xa5\xe6\x9c\xac", "日本", true},
	{"str 8", "\xd9\x01a", "a", false},
	{"str 16", "\xda\x00\x01a", "a", false},
	{"str 32", "\xdb\x00\x00\x00\x01a", "a", false},
	{"bin 8", "\xc4\x02ab", []byte("ab"), true},
	{"bin 8, empty", "\xc4\x00", []byte{}, true},
	{"bin 16", "\xc5\x00\x02ab", []byte("ab"), false},
	{"bin 32", "\xc6\x00\x00\x00\x02ab", []byte("ab"), false},
	{"fixarray, empty", "\x90", []any{}, true},
	{"fixarray", "\x92\x01\x91\xc0", []any{int64(1), []any{nil}}, true},
	{"array 16", "\xdc\x00\x01\x01", []any{int64(1)}, false},
	{"array 32", "\xdd\x00\x00\x00\x01\x01", []any{int64(1)}, false},
	{"fixmap, empty", "\x80", map[string]any{}, true},
	{"fixmap", "\x82\xa1a\x01\xa1b\x80", map[string]any{"a": int64(1), "b": map[string]any{}}, true},
	{"map 16", "\xde\x00\x01\xa1a\x01", map[string]any{"a": int64(1)}, false},
	{"map 32", "\xdf\x00\x00\x00\x01\xa1a\x01", map[string]any{"a": int64(1)}, false},
	{"map, key twice", "\x82\xa1a\x01\xa1a\x02", map[string]any{"a": int64(2)}, false},
	{
		"map, integer keys", "\x83\x01\x01\xff\x02\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x03",
		map[string]any{"1": int64(1), "-1": int64(2), "18446744073709551615": int64(3)},
		false,
	},
	{"map, wide key", "\x81\xd9\x01a\x01", map[string]any{"a": int64(1)}, false},
	{"undefined", "\xd4\x00\x00", nil, false},
	{"undefined in places", "\x92\xd4\x00\x00\x81\xa1a\xd4\x00\x00", []any{nil, map[string]any{"a": nil}}, false},
	{"date", "\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05", time.UnixMilli(5).UTC(), true},
	{"date before 1970", "\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff", time.UnixMilli(-1).UTC(), true},
	{"timestamp 32", "\xd6\xff\x00\x00\x00\x05", time.Unix(5, 0).UTC(), false},
	{"timestamp 64", "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x05", time.Unix(5, 1).UTC(), false},
	{"timestamp 96", "\xc7\x0c\xff\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff", time.Unix(-1, 1).UTC(), false},
	{"ArrayBuffer", "\xc7\x02\x00ab", []byte("ab"), false},
	{"ArrayBuffer of 8", "\xc7\x08\x00abcdefgh", []byte("abcdefgh"), false},
	{"ArrayBuffer, ext 16", "\xc8\x00\x02\x00ab", []byte("ab"), false},
	{"ArrayBuffer, ext 32", "\xc9\x00\x00\x00\x02\x00ab", []byte("ab"), false},
	{"ArrayBuffer, fixext 2", "\xd5\x00ab", []byte("ab"), false},
	{"ArrayBuffer, fixext 4", "\xd6\x00abcd", []byte("abcd"), false},
	{"ArrayBuffer, fixext 16", "\xd8\x000123456789abcdef", []byte("0123456789abcdef"), false},
	{"extension, fixext 1", "\xd4\x07a", []any{int64(7), []byte("a")}, false},
	{"extension, negative type", "\xc7\x01\x80a", []any{int64(-128), []byte("a")}, false},
	{"extension, timestamp of no length", "\xc7\x00\xff", []any{int64(-1), []byte{}}, false},
}

func TestForms(t *testing.T) {
	for _, c := range formCases {
		t.Run(c.name, func(t *testing.T) {
			b := []byte(c.bytes)
			var got any
			if err := msgpack.Unmarshal(b, &got); err != nil || !sameValue(got, c.want) {
				t.Fatalf("%#v %v, want %#v", got, err, c.want)
			}
			again, err := msgpack.AppendArgs([]byte("x"), []any{got})
			if err != nil || (string(again) == "x"+c.bytes) != c.same {
				// Of NaN there are many.
				if f, isFloat := got.(float64); !isFloat || !math.IsNaN(f) {
					t.Errorf("written as %x, %v", again, err)
				}
			}
			for n := range b {
				if err := msgpack.Unmarshal(b[:n:n], new(any)); !errors.Is(err, msgpack.ErrMalformed) {
					t.Errorf("%d bytes of it: %v", n, err)
				}
			}
			if err := msgpack.Unmarshal(append(b, 0), new(any)); !errors.Is(err, msgpack.ErrTrailing) {
				t.Errorf("a byte more: %v", err)
			}
			compareJSONText(t, b)
		})
	}
}

// TestBytesAreViews: binary data shares the message's memory, and cannot be
// grown into it.
func TestBytesAreViews(t *testing.T) {
	b := []byte("\x92\xc4\x02ab\xc4\x01c")
	var list []any
	var bins [][]byte
	if msgpack.Unmarshal(b, &list) != nil || msgpack.Unmarshal(b, &bins) != nil {
		t.Fatal()
	}
	for _, bin := range [][]byte{list[0].([]byte), bins[0]} {
		if &bin[0] != &b[3] || cap(bin) != 2 {
			t.Errorf("not a view, or open: %d", cap(bin))
		}
	}
}

var writeCases = []struct {
	name  string
	value any
	want  string
}{
	{"int", int(300), "\xcd\x01\x2c"},
	{"int8", int8(-100), "\xd0\x9c"},
	{"int16", int16(-1000), "\xd1\xfc\x18"},
	{"int32", int32(math.MinInt32), "\xd2\x80\x00\x00\x00"},
	{"uint", uint(200), "\xcc\xc8"},
	{"uint8", uint8(200), "\xcc\xc8"},
	{"uint16", uint16(65535), "\xcd\xff\xff"},
	{"uint32", uint32(math.MaxUint32), "\xce\xff\xff\xff\xff"},
	{"float32", float32(1.5), "\xca\x3f\xc0\x00\x00"},
	{"float32, integral", float32(-3), "\xfd"},
	{"float, integral", 300.0, "\xcd\x01\x2c"},
	{"float, minus zero", math.Copysign(0, -1), "\x00"},
	{"float 2^53", float64(1 << 53), "\xcf\x00\x20\x00\x00\x00\x00\x00\x00"},
	{"float -2^53", -float64(1 << 53), "\xd3\xff\xe0\x00\x00\x00\x00\x00\x00"},
	{"float above 2^53", float64(1<<53 + 2), "\xcb\x43\x40\x00\x00\x00\x00\x00\x01"},
	{"string not UTF-8", "a\xffb\xc0\xafc", "\xaca\xef\xbf\xbdb\xef\xbf\xbd\xef\xbf\xbdc"},
	{"nil bytes", []byte(nil), "\xc0"},
	{"nil list", []any(nil), "\xc0"},
	{"nil map", map[string]any(nil), "\xc0"},
	{"time", time.Date(2024, 2, 29, 13, 34, 56, 789_999_999, time.FixedZone("", 3600)), "\xd7\x00\x00\x00\x01\x8d\xf4\xdc\x54\x95"},
	{"time zero", time.Time{}, "\xd7\x00\xff\xff\xc7\x7c\xed\xd3\x28\x00"},
	{"map sorted", map[string]any{"b": 1, "a": 2, "": 3}, "\x83\xa0\x03\xa1a\x02\xa1b\x01"},
	{"raw", json.RawMessage(` {"a" : [1,2.0,1e2,"\u0062"]} `), "\x81\xa1a\x94\x01\x02\x64\xa1b"},
	{"raw nil", json.RawMessage(nil), "\xc0"},
	{"number", json.Number("12"), "\x0c"},
	{"number, fraction", json.Number("-0.5"), "\xcb\xbf\xe0\x00\x00\x00\x00\x00\x00"},
	{"number, empty", json.Number(""), "\x00"},
	{"named string", named("x"), "\xa1x"},
	{"named bytes", blob("abc"), "\xa4YWJj"},
	{"nil named bytes", blob(nil), "\xc0"},
	{"strings", []string{"a", ""}, "\x92\xa1a\xa0"},
	{"nil strings", []string(nil), "\xc0"},
	{"array", [2]bool{true, false}, "\x92\xc3\xc2"},
	{"array of bytes", [2]byte{1, 200}, "\x92\x01\xcc\xc8"},
	{"list of bytes", [][]byte{{1}, nil}, "\x92\xc4\x01\x01\xc0"},
	{"map of ints", map[int]string{10: "a", -2: "b"}, "\x82\xa2-2\xa1b\xa210\xa1a"},
	{"map of texts", map[texty]int{{"k"}: 1}, "\x81\xa3<k>\x01"},
	{"nil map of ints", map[int]int(nil), "\xc0"},
	{"pointer", new(int), "\x00"},
	{"nil pointer", (*int)(nil), "\xc0"},
	{"pointer to time", new(time.Time), "\xd7\x00\xff\xff\xc7\x7c\xed\xd3\x28\x00"},
	{"duration", time.Second, "\xce\x3b\x9a\xca\x00"},
	{"text method", texty{"a"}, "\xa3<a>"},
	{"JSON method", jsony{1, 2}, "\x92\x01\x02"},
	{"JSON method of pointer, value", pointery{5}, "\x81\xa1N\x05"},
	{"JSON method of pointer", &pointery{5}, "\xa15"},
	{"JSON method of pointer, in a slice", []pointery{{5}}, "\x91\xa15"},
	{"nil pointer with method", (*pointery)(nil), "\xc0"},
	{"embedded time has its method", struct{ time.Time }{time.Unix(0, 0).UTC()}, "\xb41970-01-01T00:00:00Z"},
	{"struct", struct {
		A int `json:"a"`
		b int
		C string `json:"-"`
		D *int
		E []byte    `json:",omitempty"`
		F int       `json:"f,string"`
		G string    `json:",string"`
		H int       `json:"h" msgpack:"hh,omitempty"`
		I int       `msgpack:"-"`
		J time.Time `json:",omitzero"`
	}{1, 2, "c", nil, nil, 6, "g", 8, 9, time.Time{}}, "\x85\xa1a\x01\xa1D\xc0\xa1f\xa16\xa1G\xa3\"g\"\xa2hh\x08"},
	{
		"struct of 16 fields",
		struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P bool }{},
		"\xde\x00\x10\xa1A\xc2\xa1B\xc2\xa1C\xc2\xa1D\xc2\xa1E\xc2\xa1F\xc2\xa1G\xc2\xa1H\xc2\xa1I\xc2\xa1J\xc2\xa1K\xc2\xa1L\xc2\xa1M\xc2\xa1N\xc2\xa1O\xc2\xa1P\xc2",
	},
	{"struct with any", struct{ A any }{[]byte("x")}, "\x81\xa1A\xc4\x01x"},
}

type (
	named    string
	blob     []byte
	texty    struct{ s string }
	jsony    [2]int
	pointery struct{ N int }
)

func (v texty) MarshalText() ([]byte, error) { return []byte("<" + v.s + ">"), nil }

func (v *texty) UnmarshalText(text []byte) error {
	if len(text) < 2 {
		return errors.New("no brackets")
	}
	v.s = string(text[1 : len(text)-1])
	return nil
}

func (v jsony) MarshalJSON() ([]byte, error) { return json.Marshal([]int{v[0], v[1]}) }

func (v *pointery) MarshalJSON() ([]byte, error) { return json.Marshal(string(rune('0' + v.N))) }

func (v *pointery) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	v.N = len(s)
	return nil
}

func TestWrite(t *testing.T) {
	for _, c := range writeCases {
		t.Run(c.name, func(t *testing.T) {
			got, err := msgpack.AppendArgs(nil, []any{c.value})
			if err != nil || string(got) != c.want {
				t.Errorf("%x %v, want %x", got, err, c.want)
			}
			// The same inside of something, and as one of two.
			got, err = msgpack.AppendArgs(nil, []any{[]any{c.value}, map[string]any{"": c.value}})
			if want := "\x91" + c.want + "\x81\xa0" + c.want; err != nil || string(got) != want {
				t.Errorf("%x %v, want %x", got, err, want)
			}
		})
	}
}

type loop struct{ Next *loop }

func TestWriteRefuses(t *testing.T) {
	var self loop
	self.Next = &self
	list := []any{nil}
	list[0] = list
	object := map[string]any{}
	object["a"] = object
	type endless *endless
	var pointer endless
	pointer = &pointer
	deep := any(nil)
	for range 1001 {
		deep = []any{deep}
	}
	unsupported := new(json.UnsupportedTypeError)
	for _, c := range []struct {
		name  string
		value any
		want  error
	}{
		{"struct in itself", self, socketio.ErrCyclic},
		{"list in itself", list, socketio.ErrCyclic},
		{"map in itself", object, socketio.ErrCyclic},
		{"pointer to itself", pointer, socketio.ErrCyclic},
		{"too deep", deep, socketio.ErrCyclic},
		{"time too far", time.Unix(8_640_000_000_000, 1e6), msgpack.ErrDate},
		{"time too long ago", time.Unix(-8_640_000_000_001, 0), msgpack.ErrDate},
		{"time far beyond", time.Unix(math.MaxInt64, 0), msgpack.ErrDate},
		{"time too far in a struct", struct{ T time.Time }{time.Unix(math.MinInt64, 0)}, msgpack.ErrDate},
		{"raw", json.RawMessage(`{"a"}`), socketio.ErrRawJSON},
		{"raw, two values", json.RawMessage(`1 2`), socketio.ErrRawJSON},
		{"raw, empty", json.RawMessage{}, socketio.ErrRawJSON},
		{"raw, not UTF-8", json.RawMessage("\"\xff\""), socketio.ErrRawJSON},
		{"raw, too deep", json.RawMessage(strings.Repeat("[", 1001) + strings.Repeat("]", 1001)), socketio.ErrRawJSON},
		{"number", json.Number("1x"), nil},
		{"channel", make(chan int), unsupported},
		{"function in a struct", struct{ F func() }{}, unsupported},
		{"map of bools", map[bool]int{}, unsupported},
		{"JSON method fails", failing{}, errFailing},
		{"text method fails", failingText{}, errFailing},
		{"key method fails", map[failingText]int{{}: 1}, errFailing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := msgpack.AppendArgs([]byte("before"), []any{1, c.value})
			if string(got) != "before" || err == nil {
				t.Fatalf("%x %v", got, err)
			}
			if c.want == unsupported {
				if u := new(json.UnsupportedTypeError); !errors.As(err, &u) {
					t.Errorf("%v", err)
				}
			} else if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

var errFailing = errors.New("failing")

type (
	failing     struct{}
	failingText struct{}
)

func (failing) MarshalJSON() ([]byte, error)     { return nil, errFailing }
func (failingText) MarshalText() ([]byte, error) { return nil, errFailing }

// TestDepth: values may nest a thousand deep and no more, in either direction.
func TestDepth(t *testing.T) {
	for _, n := range []int{999, 1000, 1001} {
		ok := n <= 1000
		text := strings.Repeat("[", n) + strings.Repeat("]", n)
		if _, err := msgpack.FromJSON(nil, []byte(text), nil); (err == nil) != ok {
			t.Errorf("FromJSON %d: %v", n, err)
		}
		b := append(bytes.Repeat([]byte{0x91}, n-1), 0x90)
		var v any
		if err := msgpack.Unmarshal(b, &v); (err == nil) != ok {
			t.Errorf("Unmarshal %d: %v", n, err)
		}
		if _, _, err := msgpack.ToJSON(nil, nil, b); (err == nil) != ok {
			t.Errorf("ToJSON %d: %v", n, err)
		}
		if ok {
			if again, err := msgpack.AppendArgs(nil, []any{v}); err != nil || !bytes.Equal(again, b) {
				t.Errorf("AppendArgs %d: %v", n, err)
			}
		}
		var lists nested
		if err := msgpack.Unmarshal(b, &lists); (err == nil) != ok {
			t.Errorf("Unmarshal of slices %d: %v", n, err)
		}
		if again, err := msgpack.AppendArgs(nil, []any{lists}); ok && (err != nil || !reflect.DeepEqual(again, b)) {
			t.Errorf("AppendArgs of slices %d: %v", n, err)
		}
	}
}

type nested []nested
