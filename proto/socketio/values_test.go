// Go values to arguments and back.

package socketio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/socketio"
)

type (
	inner struct {
		Data  []byte         `json:"data"`
		Skip  []byte         `json:"-"`
		Empty []byte         `json:"empty,omitempty"`
		More  any            `json:"more"`
		Map   map[string]any `json:"map,omitempty"`
		note  string
	}
	outer struct {
		Name string
		*inner
		List []inner
		Ptr  *[]byte
		Nums [3]byte
	}
	blob             []byte
	marshaler        struct{ b []byte }
	pointerMarshaler struct{ B []byte }
	endless          *endless
	loop             struct {
		Next *loop
		Data []byte
	}
	mixedLoop struct {
		Data []byte
		P    endless
	}
	keeper struct {
		B blob
		R json.RawMessage
	}
	badUTF8 struct{}
	textual struct{ Self any }
)

func (m marshaler) MarshalJSON() ([]byte, error)         { return fmt.Appendf(nil, `{"n":%d}`, len(m.b)), nil }
func (m *pointerMarshaler) MarshalJSON() ([]byte, error) { return []byte(`"pointer"`), nil }
func (badUTF8) MarshalJSON() ([]byte, error)             { return []byte("\"\xff\""), nil }

func (textual) MarshalText() ([]byte, error) { return []byte("text"), nil }

func mark(n int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, n) }

var one, two, three = []byte("one"), []byte("two"), []byte("three")

// cyclicText holds itself, but says how it wants to be written.
var cyclicText = func() (c textual) {
	c.Self = &c
	return c
}()

var encodeCases = []struct {
	name string
	args []any
	want string
	bins [][]byte
}{
	{"none", nil, ``, nil},
	{
		"scalars",
		[]any{nil, true, false, "a\"b<&>\u2028", 1, int8(-2), int16(3), int32(4), int64(math.MinInt64)},
		`null,true,false,"a\"b<&>` + "\u2028" + `",1,-2,3,4,-9223372036854775808`, nil,
	},
	{"unsigned", []any{uint(1), uint8(255), uint16(3), uint32(4), uint64(math.MaxUint64)}, `1,255,3,4,18446744073709551615`, nil},
	{
		"floats",
		[]any{0.0, math.Copysign(0, -1), 1.0, -1.5, 1e20, 1e21, 1.5e300, 1e-6, 1e-7, 123456789.125, 5e-324},
		`0,0,1,-1.5,100000000000000000000,1e+21,1.5e+300,0.000001,1e-7,123456789.125,5e-324`, nil,
	},
	{"floats of 32 bits", []any{float32(0.1), float32(3.4e38), float32(1e-7), float32(0)}, `0.1,3.4e+38,1e-7,0`, nil},
	{"bytes", []any{one, "x", two}, mark(0) + `,"x",` + mark(1), [][]byte{one, two}},
	{"empty bytes", []any{[]byte{}}, mark(0), [][]byte{{}}},
	{
		"nil bytes",
		[]any{[]byte(nil), []any{[]byte(nil)}, inner{}},
		`null,[null],{"data":null,"more":null}`, nil,
	},
	{"raw", []any{json.RawMessage(`{"a": 1}`), json.RawMessage(nil)}, `{"a": 1},null`, nil},
	{
		"dynamic",
		[]any{map[string]any{"b": one, "a": []any{two, map[string]any{}}, "c": nil}},
		`{"a":[` + mark(0) + `,{}],"b":` + mark(1) + `,"c":null}`,
		[][]byte{two, one},
	},
	{"nil containers", []any{[]any(nil), map[string]any(nil), (*int)(nil), error(nil)}, `null,null,null,null`, nil},
	{
		"other slices and maps",
		[]any{[]string{"a", "<"}, map[string]int{"b": 2, "a": 1}, [2]bool{true}},
		`["a","<"],{"a":1,"b":2},[true,false]`, nil,
	},
	{
		"struct",
		[]any{inner{Data: one, Skip: two, note: "x", More: []any{three}}},
		`{"data":` + mark(0) + `,"more":[` + mark(1) + `]}`,
		[][]byte{one, three},
	},
	{"no HTML escapes beside bytes", []any{inner{Data: one, More: "<&>"}}, `{"data":` + mark(0) + `,"more":"<&>"}`, [][]byte{one}},
	{"struct without bytes in it", []any{struct{ A any }{"<"}}, `{"A":"<"}`, nil},
	{
		"embedded, pointers, arrays",
		[]any{&outer{
			Name: "n", inner: &inner{Data: one, Map: map[string]any{"z": three, "y": two}},
			List: []inner{{Data: two}}, Ptr: &three, Nums: [3]byte{1, 2, 3},
		}},
		`{"Name":"n","data":` + mark(0) + `,"more":null,"map":{"y":` + mark(1) + `,"z":` + mark(2) + `},"List":[{"data":` +
			mark(3) + `,"more":null}],"Ptr":` + mark(4) + `,"Nums":[1,2,3]}`,
		[][]byte{one, two, three, two, three},
	},
	{
		"typed map of bytes",
		[]any{map[string][]byte{"b": two, "a": one}, [][]byte{three}},
		`{"a":` + mark(0) + `,"b":` + mark(1) + `},[` + mark(2) + `]`,
		[][]byte{one, two, three},
	},
	{
		"interfaces in typed containers",
		[]any{map[int]any{2: one, 1: &two}, []fmt.Stringer{nil}},
		`{"1":` + mark(0) + `,"2":` + mark(1) + `},[null]`,
		[][]byte{two, one},
	},
	{
		"named byte slices keep their encoding",
		[]any{blob("abc"), keeper{B: blob("abc"), R: json.RawMessage(`[1]`)}, struct {
			A blob
			B []byte
			R json.RawMessage
		}{blob("abc"), one, json.RawMessage(`{}`)}},
		`"YWJj",{"B":"YWJj","R":[1]},{"A":"YWJj","B":` + mark(0) + `,"R":{}}`,
		[][]byte{one},
	},
	{
		"marshalers",
		[]any{marshaler{one}, time.Unix(0, 0).UTC(), []any{marshaler{two}}, &pointerMarshaler{one}},
		`{"n":3},"1970-01-01T00:00:00Z",[{"n":3}],"pointer"`, nil,
	},
	{"marshaler around a cycle", []any{&cyclicText, struct{ A any }{cyclicText}}, `"text",{"A":"text"}`, nil},
	{"marshaler on a pointer, called by value", []any{pointerMarshaler{one}}, `{"B":` + mark(0) + `}`, [][]byte{one}},
	{
		"json.Number",
		[]any{json.Number("1.50"), struct {
			N, Z json.Number
			S    json.Number `json:",string"`
			B    []byte
		}{N: "12345678901234567890", S: "7", B: one}},
		`1.50,{"N":12345678901234567890,"Z":0,"S":"7","B":` + mark(0) + `}`,
		[][]byte{one},
	},
	{"many keys", []any{manyKeys(40)}, manyKeysJSON(40), nil},
}

func TestAppendArgs(t *testing.T) {
	for _, c := range encodeCases {
		t.Run(c.name, func(t *testing.T) {
			got, bins, err := socketio.AppendArgs([]byte("["), nil, c.args)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != "["+c.want {
				t.Errorf("got  %s\nwant [%s", got, c.want)
			}
			if !reflect.DeepEqual(bins, c.bins) {
				t.Errorf("attachments %q, want %q", bins, c.bins)
			}
			for i := range bins {
				if len(bins[i]) > 0 && &bins[i][0] != &c.bins[i][0] {
					t.Errorf("attachment %d was copied", i)
				}
			}
			if !json.Valid(append(got, ']')) {
				t.Error("not valid JSON")
			}
		})
	}
}

func manyKeys(n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[fmt.Sprintf("k%02d", i)] = i
	}
	return m
}

func manyKeysJSON(n int) string {
	std, _ := json.Marshal(manyKeys(n))
	return string(std)
}

func TestAppendArgsNumbersGoOn(t *testing.T) {
	_, bins, _ := socketio.AppendArgs(nil, nil, []any{[]byte("a")})
	got, bins, err := socketio.AppendArgs(nil, bins, []any{[]byte("b"), inner{Data: []byte("c")}})
	if want := mark(1) + `,{"data":` + mark(2) + `,"more":null}`; string(got) != want || len(bins) != 3 || err != nil {
		t.Fatalf("%s %q %v", got, bins, err)
	}
}

// cycles are values that hold themselves, one way each.
type cycles struct {
	array      []any
	object     map[string]any
	ring       *loop
	structural any
	deep       any // no cycle, only as deep as one
}

func newCycles() cycles {
	structural := &struct{ A any }{}
	structural.A = structural
	c := cycles{array: []any{nil}, object: map[string]any{}, ring: &loop{Data: one}, structural: structural, deep: one}
	c.array[0] = c.array
	c.object["a"] = c.object
	c.ring.Next = c.ring
	for range 1001 {
		c.deep = []any{c.deep}
	}
	return c
}

func TestAppendArgsRefuses(t *testing.T) {
	cyclic := newCycles()
	var itself any
	itself = &itself
	var end endless
	end = &end
	for _, c := range []struct {
		name string
		arg  any
		want error // nil: any error
	}{
		{"NaN", math.NaN(), socketio.ErrNotFinite},
		{"infinity", math.Inf(-1), socketio.ErrNotFinite},
		{"infinity of 32 bits", float32(math.Inf(1)), socketio.ErrNotFinite},
		{"NaN inside", map[string]any{"a": []any{math.NaN()}}, socketio.ErrNotFinite},
		{"NaN in a struct", struct{ F float64 }{math.NaN()}, nil},
		{"raw not JSON", json.RawMessage(`{`), socketio.ErrRawJSON},
		{"raw empty", json.RawMessage{}, socketio.ErrRawJSON},
		{"raw two values", json.RawMessage(`1,2`), socketio.ErrRawJSON},
		{"raw invalid UTF-8", json.RawMessage("\"\xff\""), socketio.ErrRawJSON},
		{"marshaler with invalid UTF-8", badUTF8{}, socketio.ErrRawJSON},
		{"marshaler with invalid UTF-8 beside bytes", struct {
			A badUTF8
			B []byte
		}{B: []byte{}}, nil},
		{"bad json.Number", json.Number("1;"), nil},
		{"bad json.Number beside bytes", struct {
			N json.Number
			B []byte
		}{N: "x1"}, nil},
		{"two numbers in a json.Number", struct {
			N json.Number
			B []byte
		}{N: "1,2"}, nil},
		{"channel", make(chan int), nil},
		{"function in a mixed struct", struct {
			A []byte
			F func()
		}{A: []byte("x"), F: func() {}}, nil},
		{"cyclic array", cyclic.array, socketio.ErrCyclic},
		{"cyclic object", cyclic.object, socketio.ErrCyclic},
		{"pointer to its own interface", itself, socketio.ErrCyclic},
		{"pointer to itself", end, nil},
		{"ring", cyclic.ring, nil},
		{"ring through an interface", cyclic.structural, socketio.ErrCyclic},
		{"pointer to itself beside bytes", mixedLoop{Data: []byte("x"), P: end}, socketio.ErrCyclic},
		{"ring in a slice", []*loop{cyclic.ring}, nil},
		{"too deep", cyclic.deep, socketio.ErrCyclic},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst, bins, err := socketio.AppendArgs([]byte("["), [][]byte{{1}}, []any{[]byte("x"), c.arg})
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if string(dst) != "[" || len(bins) != 1 {
				t.Fatalf("left behind %.50q and %d attachments", dst, len(bins))
			}
			if !strings.HasPrefix(err.Error(), "socketio: ") {
				t.Fatal(err)
			}
		})
	}
}

func TestAppendArgsConcurrent(t *testing.T) {
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			bin := bytes.Repeat([]byte{byte(g)}, 8)
			for range 200 {
				got, bins, err := socketio.AppendArgs(nil, nil, []any{inner{Data: bin}, struct{ N int }{g}, outer{Name: fmt.Sprint(g)}})
				want := fmt.Sprintf(`{"data":%s,"more":null},{"N":%d},{"Name":"%d","List":null,"Ptr":null,"Nums":[0,0,0]}`, mark(0), g, g)
				if string(got) != want || len(bins) != 1 || &bins[0][0] != &bin[0] || err != nil {
					t.Errorf("%s %v %v", got, bins, err)
					return
				}
				var back inner
				if err := socketio.Unmarshal([]byte(`{"data":`+mark(0)+`,"more":`+mark(0)+`}`), bins, &back); err != nil || back.Data[0] != byte(g) {
					t.Errorf("%v %v", back, err)
					return
				}
			}
		})
	}
	group.Wait()
}
