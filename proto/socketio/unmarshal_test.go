// Arguments into Go values.

package socketio_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

var valueCases = []string{
	`null`, `true`, `false`, `0`, `-0`, `1`, `-12.5e3`, `12345678901234567890`, `1e400`, `-1e400`, `1e-400`, `""`, `"plain"`,
	`"esc \" \\ \/ \b\f\n\r\t \u00e9 \ud83d\ude00 \ud800 \udc00x"`, `"日本"`, `[]`, `[1,"a",[null]]`, `{}`,
	`{"a":1,"a":2,"b":{"c":[]}}`, `{"__proto__":{}}`, ` [ 1 , { "a" : "b" } ] `, `{"_placeholder":true,"num":0}`,
	`{"\u0061":1}`, ``, ` `, `[`, `[1,]`, `{"a"}`, `nul`, `01`, `"`, `1 2`,
}

func TestUnmarshalLikeStd(t *testing.T) {
	for _, text := range valueCases {
		compareUnmarshal(t, []byte(text))
	}
}

// compareUnmarshal decodes text into each kind of target, and with
// encoding/json.
func compareUnmarshal(t *testing.T, text []byte) {
	t.Helper()
	for _, make := range []func() any{
		func() any { return new(any) },
		func() any { return new(string) },
		func() any { return new([]byte) },
		func() any { return new(map[string]any) },
		func() any { return new([]any) },
		func() any { return new(json.RawMessage) },
		func() any { return new(int) },
		func() any { return new(float64) },
		func() any { return &map[string]any{"old": 1} },
		func() any { return &[]any{"old", 2} },
		func() any { s := "old"; return &s },
		func() any { v := any("old"); return &v },
		func() any { n := 7; v := any(&n); return &v },
	} {
		got, want := make(), make()
		gotErr, wantErr := socketio.Unmarshal(text, nil, got), json.Unmarshal(text, want)
		// Invalid UTF-8 is the one thing that we refuse and it repairs.
		if (gotErr == nil) != (wantErr == nil) && !strings.Contains(string(text), "\xff") && json.Valid(text) && validUTF8(text) {
			t.Fatalf("%q into %T: %v, encoding/json says %v", text, got, gotErr, wantErr)
		}
		if gotErr != nil || wantErr != nil {
			continue
		}
		if raw, isRaw := got.(*json.RawMessage); isRaw {
			*raw = json.RawMessage(strings.TrimSpace(string(*raw)))
			*want.(*json.RawMessage) = json.RawMessage(strings.TrimSpace(string(*want.(*json.RawMessage))))
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q into %T: %#v, encoding/json makes %#v", text, got, got, want)
		}
	}
}

func validUTF8(text []byte) bool { return strings.ToValidUTF8(string(text), "") == string(text) }

func TestUnmarshalAttachments(t *testing.T) {
	one, two := []byte("one"), []byte("two")
	bins := [][]byte{one, two}
	into := func(v any) any { return v }
	for _, c := range []struct {
		name, arg  string
		into, want any
	}{
		{"bytes", mark(1), new([]byte), &two},
		{"bytes in other spelling", `{ "num" : 0 , "x" : [ "}" ] , "\u005fplaceholder" : true }`, new([]byte), &one},
		{"bytes from base64", `"b25l"`, new([]byte), &one},
		{"bytes from null", `null`, &[]byte{1}, new([]byte)},
		{"any", mark(0), new(any), &[]any{one}[0]},
		{
			"any nested", `{"a":[` + mark(0) + `,1],"b":` + mark(1) + `}`, new(any),
			&[]any{map[string]any{"a": []any{one, 1.0}, "b": two}}[0],
		},
		{
			"map", `{"a":` + mark(0) + `,"c":{"_placeholder":false,"num":9}}`, new(map[string]any),
			&map[string]any{"a": one, "c": map[string]any{"_placeholder": false, "num": 9.0}},
		},
		{"map with entries", `{"a":` + mark(0) + `}`, &map[string]any{"z": 1}, &map[string]any{"a": one, "z": 1}},
		{"array", `[` + mark(1) + `,"x"]`, new([]any), &[]any{two, "x"}},
		{"array with items", `[` + mark(1) + `]`, &[]any{1, 2}, &[]any{two}},
		{
			"struct", `{"data":` + mark(0) + `,"more":{"x":` + mark(1) + `}}`, new(inner),
			&inner{Data: one, More: map[string]any{"x": two}},
		},
		{
			"typed containers", `{"a":[` + mark(1) + `,` + mark(0) + `,"b25l"]}`, new(map[string][][]byte),
			&map[string][][]byte{"a": {two, one, one}},
		},
		{"pointer to bytes", `[` + mark(0) + `]`, new([]*[]byte), &[]*[]byte{&one}},
		{"raw keeps the placeholder", mark(0), new(json.RawMessage), into(&[]json.RawMessage{json.RawMessage(mark(0))}[0])},
		{"struct target sees the object", mark(1), new(struct{ Num int }), &struct{ Num int }{1}},
		{"json.Number", `[1.50,"7",null]`, new([]json.Number), &[]json.Number{"1.50", "7", ""}},
		{"string", `"x"`, new(string), &[]string{"x"}[0]},
		{"number", `7`, new(int), &[]int{7}[0]},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := socketio.Unmarshal([]byte(c.arg), bins, c.into); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(c.into, c.want) {
				t.Fatalf("got %#v, want %#v", reflect.ValueOf(c.into).Elem(), reflect.ValueOf(c.want).Elem())
			}
		})
	}
	var data []byte
	if err := socketio.Unmarshal([]byte(mark(0)), bins, &data); err != nil || &data[0] != &one[0] {
		t.Fatalf("attachment copied, %v", err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	bins := [][]byte{{1}}
	for _, c := range []struct {
		name, arg string
		into      any
		want      error // nil: any error
	}{
		{"out of range", mark(1), new([]byte), socketio.ErrPlaceholder},
		{"out of range in any", `[` + mark(1) + `]`, new(any), socketio.ErrPlaceholder},
		{"out of range in a struct", `{"data":` + mark(7) + `}`, new(inner), socketio.ErrPlaceholder},
		{"out of range in an interface field", `{"more":` + mark(7) + `}`, new(inner), socketio.ErrPlaceholder},
		{"not an integer", `{"_placeholder":true,"num":0.0}`, new([]byte), socketio.ErrPlaceholder},
		{"object into bytes", `{"a":1}`, new([]byte), nil},
		{"object into bytes in a struct", `{"data":{"a":1}}`, new(inner), nil},
		{"attachment into a string", mark(0), new(string), nil},
		{"text into a json.Number", `["x"]`, new([]json.Number), nil},
		{"not JSON", `{"a":}`, new(any), socketio.ErrPayload},
		{"not JSON, struct", `{"a":}`, new(inner), socketio.ErrPayload},
		{"number out of range", `1e400`, new(any), nil},
		{"not a pointer", `1`, 1, nil},
		{"nil pointer", `1`, (*any)(nil), nil},
		{"nil bytes pointer", mark(0), (*[]byte)(nil), nil},
		{"nil", `1`, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := socketio.Unmarshal([]byte(c.arg), bins, c.into)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "socketio: ") {
				t.Fatalf("error %v, want %v", err, c.want)
			}
		})
	}
	var syntax *json.SyntaxError
	if err := socketio.Unmarshal([]byte(`{`), nil, new(inner)); !errors.As(err, &syntax) {
		t.Fatal(err)
	}
	itself := new(any)
	*itself = itself
	if err := socketio.Unmarshal([]byte(mark(0)), bins, itself); err != nil || !reflect.DeepEqual(*itself, any(bins[0])) {
		t.Fatalf("%v, %v", *itself, err)
	}
}

func TestUnmarshalNumber(t *testing.T) {
	const arg = `{"a":12345678901234567890,"b":[1e400]}`
	want := map[string]any{"a": json.Number("12345678901234567890"), "b": []any{json.Number("1e400")}}
	for _, bins := range [][][]byte{nil, {{1}}} {
		var v any
		if err := socketio.UnmarshalNumber([]byte(arg), bins, &v); err != nil || !reflect.DeepEqual(v, any(want)) {
			t.Fatalf("%v, %v", v, err)
		}
		var s struct {
			A json.Number
			B any
		}
		if err := socketio.UnmarshalNumber([]byte(arg), bins, &s); err != nil || s.A != "12345678901234567890" ||
			!reflect.DeepEqual(s.B, want["b"]) {
			t.Fatalf("%v, %v", s, err)
		}
	}
}

// TestRoundTrip sends values through the wire form and back.
func TestRoundTrip(t *testing.T) {
	sent := outer{Name: "n<", inner: &inner{Data: []byte("d"), More: "m"}, List: []inner{{Data: []byte("l"), More: 1.5}}, Nums: [3]byte{1, 2, 3}}
	args, bins, err := socketio.AppendArgs(nil, nil, []any{sent, "x"})
	if err != nil {
		t.Fatal(err)
	}
	p := decode(t, socketio.AppendEvent(nil, "/", 0, false, len(bins), "ev", args))
	arg, rest := socketio.NextArg(p.Args)
	// encoding/json cannot make the unexported embedded pointer itself.
	got := outer{inner: &inner{}}
	if err := socketio.Unmarshal(arg, bins, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sent) || string(rest) != `"x"` {
		t.Fatalf("got %+v %+v, rest %s", got, got.inner, rest)
	}
}
