// Arguments into Go values, held against encoding/json.

package msgpack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
)

// gadget has a field of each kind that encoding/json knows, but for those that
// MessagePack has more of.
type gadget struct {
	Base
	*Extra
	hidden
	A int8               `json:"a"`
	B *uint16            `json:"b,omitempty"`
	C []string           `json:"c"`
	D map[string]float64 `json:"d"`
	E any                `json:"e"`
	F bool               `json:",string"`
	G int                `json:"g,string"`
	H *float64           `json:"h,string,omitempty"`
	I string             `json:"i,string"`
	J map[int8]texty     `json:"j"`
	K [2]int             `json:"k"`
	L texty              `json:"l"`
	M pointery           `json:"m"`
	N *pointery          `json:"n"`
	O named              `json:"o"`
	P **int              `json:"p"`
	Q []gadget           `json:"q"`
	R blob               `json:"r"`
	S map[texty]int      `json:"s"`
	T uint64             `json:"t"`
	U int64              `json:"u,omitzero"`
	V struct{ X, Y int } `json:"v"`
	W Shadowed           `json:"w"`
	X interface{ Sum() } `json:"x"`
	Y *[]int             `json:"y"`
	Z []any              `json:"z"`
	k int
}

type (
	Base struct {
		BaseName string
		Twice    int
		Name     string `json:"name"`
	}
	Extra struct {
		Twice    int
		ExtraMap map[string]int `json:"extraMap,omitempty"`
		Name     string
	}
	hidden   struct{ Visible string }
	Shadowed struct {
		Base
		BaseName int
		Tagged   string `json:"twice"`
	}
)

// gadgetCases are JSON for gadgets and the other types.
var gadgetCases = []string{
	`{}`, `null`, `[]`, `"a"`, `1`, `true`, `{"a":1,"b":2,"c":["x",null],"d":{"k":1.5},"e":[1,{"x":null}]}`,
	`{"F":"true","g":"12","h":"1.5","i":"\"text\"","j":{"-5":"<t>"},"k":[1,2,3],"l":"<x>","m":"four","n":"two","o":"named","p":7}`,
	`{"F":true}`, `{"g":12}`, `{"g":"x"}`, `{"g":null,"h":null,"F":null,"i":null}`, `{"h":"null"}`, `{"i":"text"}`, `{"g":"1.5"}`, `{"g":""}`,
	`{"q":[{"a":1,"q":[]},{"c":[]},null]}`, `{"q":null}`, `{"r":"YWJj"}`, `{"r":"YWJ"}`, `{"r":[1,2,255]}`, `{"r":[1,256]}`, `{"r":null}`,
	`{"s":{"<a>":1,"<b>":2}}`, `{"s":{"a":1}}`, `{"t":18446744073709551615,"u":-9223372036854775808}`, `{"t":-1}`, `{"u":9223372036854775808}`,
	`{"a":127}`, `{"a":128}`, `{"a":-129}`, `{"b":65536}`, `{"b":null}`, `{"a":"1"}`, `{"c":{}}`, `{"c":"x"}`, `{"d":[]}`, `{"v":{"x":1,"Y":2,"z":3}}`,
	`{"v":1}`, `{"v":null,"w":null}`, `{"w":{"BaseName":5,"twice":"t","name":"n"}}`, `{"BaseName":"b","Twice":1,"name":"n","Name":"N"}`,
	`{"extraMap":{"a":1}}`, `{"extramap":{"a":1}}`, `{"EXTRAMAP":null}`, `{"Visible":"v","visible":"w"}`, `{"x":null}`, `{"x":1}`, `{"y":[1,2]}`, `{"y":null}`,
	`{"z":[1,"a",null,[],{}]}`, `{"k":[1]}`, `{"k":[]}`, `{"k":null}`, `{"p":null}`, `{"p":"x"}`, `{"l":1}`, `{"l":null}`, `{"l":"x"}`, `{"m":1}`, `{"m":null}`,
	`{"n":null}`, `{"n":{}}`, `{"j":{"128":"<x>"}}`, `{"j":{"x":"<x>"}}`, `{"j":null}`, `{"A":5}`, `{"a":1,"A":2,"a":3}`, `{"hidden":{"Visible":"x"}}`,
	`{"unknown":[[[{"a":1}]]],"a":1}`, `{"o":5}`, `{"o":"é\ud83d\ude00"}`, `{"K":[9,9]}`, `{"\u212a":[8,8]}`, `{"":1}`, `[1,2,3]`, `["a"]`, `[null]`, `[[1],[2]]`,
	`{"1":2}`, `{"a":{"b":1}}`, `1.5`, `-1`, `1e3`, `5.0`, `300`, `"2024-02-29T12:34:56.789Z"`, `"<a>"`, `"YWJj"`,
}

func newTargets() []any {
	held := 5
	return []any{
		new(gadget), new(*gadget), new([]gadget), new(map[string]gadget), new(map[string]*int), new(int), new(int8), new(uint8), new(uint64),
		new(float32), new(float64), new(bool), new(string), new(named), new([]int), new([]*int), new([2]int), new([2][]int), new(map[int]int),
		new(map[texty]int), new(texty), new(*texty), new(pointery), new(*pointery), new(blob), new([]byte), new(time.Time), new(*time.Time),
		new(struct{ Base }), new([]map[string]int), new(map[string]map[string]int), new([]json.Number), new(interface{ Sum() }),
		&gadget{k: 3, D: map[string]float64{"old": 1}, E: "old", Extra: &Extra{Twice: 3}, L: texty{"old"}, B: new(uint16), Y: &[]int{}},
		&map[string]int{"old": 1}, new(struct{ *hidden }), &struct{ *hidden }{new(hidden)}, ptr(&held),
	}
}

// integral matches numbers that may be integers without being written as such,
// and minus zero. JavaScript does not tell them apart and neither do we.
var integral = regexp.MustCompile(`[0-9](\.[0-9]*|[eE])|-0`)

// oddQuoted matches strings of digits that encoding/json takes for a field with
// the option string though they are not JSON, or refuses though they are.
var oddQuoted = regexp.MustCompile(`"(-?0[0-9]|[^"]*(\\[tnru]|[ ])[^"]*)`)

// compareStruct decodes text into every target, and with encoding/json.
func compareStruct(t *testing.T, text string) {
	t.Helper()
	arg, err := msgpack.FromJSON(nil, []byte(text), nil)
	if err != nil || !json.Valid([]byte(text)) || bytes.Contains(arg, []byte("\xf0\x00\x00\x00\x00\x00\x00")) {
		return // what is too large for a float64 is infinity here, as in JavaScript
	}
	if oddQuoted.MatchString(text) {
		return
	}
	got, want := newTargets(), newTargets()
	for i := range got {
		gotErr, wantErr := msgpack.Unmarshal(arg, got[i]), json.Unmarshal([]byte(text), want[i])
		if (gotErr == nil) != (wantErr == nil) {
			if gotErr == nil && integral.MatchString(text) {
				continue
			}
			t.Errorf("%s into %T: %v, encoding/json says %v", text, got[i], gotErr, wantErr)
			continue
		}
		if gotErr != nil {
			continue
		}
		compareWritten(t, text, got[i])
		likeStd(got[i], want[i])
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s into %T:\n%+v\nencoding/json makes\n%+v", text, got[i], got[i], want[i])
		}
	}
}

// likeStd turns the numbers inside interfaces, and the text of json.Number, into
// what encoding/json makes.
func likeStd(got, want any) {
	switch g := got.(type) {
	case *gadget:
		floatFields(g)
	case **gadget:
		if *g != nil {
			floatFields(*g)
		}
	case *[]gadget:
		for i := range *g {
			floatFields(&(*g)[i])
		}
	case *map[string]gadget:
		for key, inner := range *g {
			floatFields(&inner)
			(*g)[key] = inner
		}
	case *[]json.Number:
		for i, n := range *want.(*[]json.Number) {
			a, _ := n.Float64()
			if b, _ := (*g)[i].Float64(); a == b {
				(*g)[i] = n
			}
		}
	}
}

func floatFields(g *gadget) {
	g.E = floats(g.E)
	for i := range g.Z {
		g.Z[i] = floats(g.Z[i])
	}
	for i := range g.Q {
		floatFields(&g.Q[i])
	}
}

func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = floats(v[key])
		}
	}
	return v
}

// compareWritten holds what AppendArgs writes against encoding/json.
func compareWritten(t *testing.T, text string, v any) {
	t.Helper()
	switch v.(type) {
	case *[]byte, *time.Time, **time.Time, *float32:
		return // these have forms that JSON has not
	}
	want, err := json.Marshal(v)
	b, gotErr := msgpack.AppendArgs(nil, []any{v})
	if (err == nil) != (gotErr == nil) {
		t.Fatalf("%s as %T: %v, encoding/json says %v", text, v, gotErr, err)
	}
	if err != nil {
		return
	}
	got, _ := mustToJSON(t, b)
	var a, c any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal(want, &c) != nil || !reflect.DeepEqual(a, c) {
		t.Errorf("%s as %T:\n%s\nencoding/json writes\n%s", text, v, got, want)
	}
}

func TestUnmarshalLikeStd(t *testing.T) {
	for _, text := range gadgetCases {
		compareStruct(t, text)
	}
	for _, text := range jsonCases {
		compareStruct(t, text)
	}
}

// FuzzStruct holds the way of structs against encoding/json.
func FuzzStruct(f *testing.F) {
	for _, text := range gadgetCases {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { compareStruct(t, text) })
}

func TestUnmarshalBeyondJSON(t *testing.T) {
	date := time.UnixMilli(1_709_210_096_789).UTC()
	dateBytes := "\xd7\x00\x00\x00\x01\x8d\xf4\xdc\x54\x95"
	for _, c := range []struct {
		name, arg  string
		into, want any
	}{
		{"bin", "\xc4\x01a", new([]byte), &[]byte{'a'}},
		{"ArrayBuffer", "\xc7\x01\x00a", new([]byte), &[]byte{'a'}},
		{"bin in a named type", "\xc4\x01a", new(blob), &blob{'a'}},
		{"bin in a struct", "\x81\xa1A\xc4\x01a", &struct{ A []byte }{}, &struct{ A []byte }{[]byte{'a'}}},
		{"bin behind a pointer", "\xc4\x01a", new(*[]byte), new(*new(*[]byte))},
		{"bytes of undefined", "\xd4\x00\x00", &[]byte{1}, new([]byte)},
		{"date", dateBytes, new(time.Time), &date},
		{"date as text", dateBytes, new(string), ptr("2024-02-29T12:34:56.789Z")},
		{"date as bracketed text", dateBytes, new(texty), &texty{"024-02-29T12:34:56.789"}},
		{"date by its JSON", dateBytes, new(pointery), &pointery{24}},
		{"date in any", dateBytes, new(any), ptr(any(date))},
		{"timestamp", "\xd6\xff\x00\x00\x00\x05", new(time.Time), ptr(time.Unix(5, 0).UTC())},
		{"timestamp to the nanosecond", "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x05", new(time.Time), ptr(time.Unix(5, 1).UTC())},
		{"text as time", "\xb41970-01-01T00:00:05Z", new(time.Time), ptr(time.Unix(5, 0).UTC())},
		{"undefined leaves a number alone", "\xd4\x00\x00", ptr(5), ptr(5)},
		{"undefined in a struct", "\x82\xa1A\xd4\x00\x00\xa1B\xd4\x00\x00", &struct {
			A *int
			B int
		}{new(int), 5}, &struct {
			A *int
			B int
		}{nil, 5}},
		{"float as int", "\xcb\xc0\x14\x00\x00\x00\x00\x00\x00", new(int8), ptr(int8(-5))},
		{"float as uint", "\xcb\x43\x40\x00\x00\x00\x00\x00\x00", new(uint64), ptr(uint64(1 << 53))},
		{"items start from zero", "\x92\xc0\xa1x", &[]string{"old", "older", "oldest"}, &[]string{"", "x"}},
		{"items of arrays start from zero", "\x92\xc0\x05", &[3]int{1, 2, 3}, &[3]int{0, 5, 0}},
		{"maps are added to", "\x81\xa1a\x01", &map[string]int{"old": 1}, &map[string]int{"old": 1, "a": 1}},
		{"int as float", "\xcd\x01\x00", new(float64), ptr(256.0)},
		{"negative int as float", "\xff", new(float64), ptr(-1.0)},
		{"int as named float", "\xff", new(namedFloat), ptr(namedFloat(-1))},
		{"large uint as float", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", new(float64), ptr(float64(1 << 63))},
		{"infinite float32", "\xca\x7f\x80\x00\x00", new(float32), ptr(float32(infinite))},
		{"number", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", new(json.Number), ptr(json.Number("1.5"))},
		{"number, uint", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", new(json.Number), ptr(json.Number("18446744073709551615"))},
		{"number from text", "\xa3-12", new(json.Number), ptr(json.Number("-12"))},
		{
			"raw", "\x83\xa1a\xc4\x01a\x05" + dateBytes + "\xa1u\xd4\x00\x00", new(json.RawMessage),
			ptr(json.RawMessage(`{"a":"YQ==","5":"2024-02-29T12:34:56.789Z"}`)),
		},
		{"raw nil", "\xc0", new(json.RawMessage), ptr(json.RawMessage("null"))},
		{"raw undefined in a struct", "\x81\xa1A\xd4\x00\x00", &struct{ A json.RawMessage }{}, &struct{ A json.RawMessage }{json.RawMessage("null")}},
		{"raw in a map", "\x81\xa1A\x92\x01\xc2", new(map[string]json.RawMessage), &map[string]json.RawMessage{"A": json.RawMessage("[1,false]")}},
		{"tag msgpack first", "\x83\xa1a\x01\xa1b\x02\xa1c\x03", &struct {
			A int `msgpack:"b" json:"a"`
			B int `msgpack:"-" json:"c"`
		}{}, &struct {
			A int `msgpack:"b" json:"a"`
			B int `msgpack:"-" json:"c"`
		}{A: 2}},
		{"integer keys", "\x82\x01\xa1a\xff\xa1b", new(map[int]string), &map[int]string{1: "a", -1: "b"}},
		{"integer keys are no fields", "\x81\x01\x01", &struct{ A int }{5}, &struct{ A int }{5}},
		{"extension in any", "\x91\xd4\x07a", new([]any), &[]any{[]any{int64(7), []byte("a")}}},
		{"pointer in an interface", "\x05", ptr(any(new(int))), ptr(any(ptr(5)))},
		{"NaN", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", new(*int), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "bin behind a pointer" {
				c.want = ptr(&[]byte{'a'})
			}
			err := msgpack.Unmarshal([]byte(c.arg), c.into)
			if c.want == nil {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil || !reflect.DeepEqual(c.into, c.want) {
				t.Errorf("%#v %v, want %#v", c.into, err, c.want)
			}
		})
	}
}

type namedFloat float64

var infinite = func() float64 { var zero float64; return 1 / zero }()

func ptr[T any](v T) *T { return &v }

func TestUnmarshalRefuses(t *testing.T) {
	var typeError *json.UnmarshalTypeError
	for _, c := range []struct {
		name, arg string
		into      any
	}{
		{"bin as string", "\xc4\x01a", new(string)},
		{"bin as list", "\xc4\x01a", new([]int)},
		{"bin as number", "\xc4\x01a", new(int)},
		{"date as number", "\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05", new(int)},
		{"date nobody can hold as string", "\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", new(string)},
		{"number as time", "\x05", new(time.Time)},
		{"bin as time", "\xc4\x01a", new(time.Time)},
		{"fraction as int", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", new(int)},
		{"float above 2^53 as int", "\xcb\x43\x40\x00\x00\x00\x00\x00\x01", new(int64)},
		{"float above 2^53 as uint", "\xcb\x43\x40\x00\x00\x00\x00\x00\x01", new(uint64)},
		{"negative float as uint", "\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00", new(uint)},
		{"infinity as int", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", new(int)},
		{"negative as uint", "\xff", new(uint)},
		{"uint too large for int64", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", new(int64)},
		{"int too large for int8", "\xcc\x80", new(int8)},
		{"float too large for float32", "\xcb\x7f\xef\xff\xff\xff\xff\xff\xff", new(float32)},
		{"NaN as json.Number", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", new(json.Number)},
		{"text as json.Number", "\xa1x", new(json.Number)},
		{"extension", "\xd4\x07a", new([]byte)},
		{"map as list", "\x80", new([]int)},
		{"list as map", "\x90", new(map[string]int)},
		{"list as number", "\x90", new(int)},
		{"text key as int key", "\x81\xa1a\x01", new(map[int]int)},
		{"key too large", "\x81\xcd\x01\x00\x01", new(map[int8]int)},
		{"key negative", "\x81\xff\x01", new(map[uint]int)},
		{"keys of no kind", "\x80", new(map[bool]int)},
		{"channel", "\x01", new(chan int)},
		{"interface with methods", "\x01", new(error)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := msgpack.Unmarshal([]byte(c.arg), c.into); !errors.As(err, &typeError) || !strings.HasPrefix(err.Error(), "msgpack: decode: ") {
				t.Errorf("%v", err)
			}
		})
	}
	var invalid *json.InvalidUnmarshalError
	for _, into := range []any{nil, 5, (*int)(nil), (*string)(nil), (*any)(nil), gadget{}} {
		if err := msgpack.Unmarshal([]byte{1}, into); !errors.As(err, &invalid) {
			t.Errorf("into %T: %v", into, err)
		}
	}
	if err := msgpack.Unmarshal([]byte("\xa1x"), new(time.Time)); err == nil {
		t.Error("text that is no time")
	}
}

// TestPointersWithoutEnd: types and values that lead to themselves are given up.
func TestPointersWithoutEnd(t *testing.T) {
	type endless *endless
	var p endless
	if err := msgpack.Unmarshal([]byte{1}, &p); err == nil {
		t.Error("pointers all the way down")
	}
	var v any
	v = &v
	if err := msgpack.Unmarshal([]byte{1}, &v); err == nil {
		t.Error("interface that holds itself")
	}
}

// TestBytesAreNotWrittenOver: a []byte may be the memory of an earlier message.
func TestBytesAreNotWrittenOver(t *testing.T) {
	first := []byte("\xc4\x03abc")
	var b []byte
	if msgpack.Unmarshal(first, &b) != nil || msgpack.Unmarshal([]byte("\x93\x01\x02\x03"), &b) != nil {
		t.Fatal()
	}
	if string(first) != "\xc4\x03abc" || string(b) != "\x01\x02\x03" {
		t.Errorf("%q %q", first, b)
	}
}

// TestRoom: memory grows with what fits the target, not with what is announced.
func TestRoom(t *testing.T) {
	type large struct{ _ [1 << 16]byte }
	arg := append([]byte{0xdd, 0, 0x0f, 0x42, 0x40}, make([]byte, 1_000_000)...)
	var v []large
	if err := msgpack.Unmarshal(arg, &v); err == nil || cap(v) > 16 {
		t.Errorf("%v, room for %d", err, cap(v))
	}
}
