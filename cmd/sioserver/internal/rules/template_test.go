package rules

import (
	"encoding/json"
	"testing"
)

func TestMember(t *testing.T) {
	for _, test := range []struct{ raw, name, want string }{
		{`{"room":"a"}`, "room", "a"},
		{` { "room" : "a" } `, "room", "a"},
		{`{"a":{"room":"x"},"room":"b"}`, "room", "b"},
		{`{"a":["room","x"],"room":7}`, "room", "7"},
		{`{"room":-1.5e3}`, "room", "-1.5e3"},
		{`{"r\u006fom":"a"}`, "room", "a"},
		{`{"room":"\"\\"}`, "room", `"\`},
		{`{"x":"}","room":"a"}`, "room", "a"},
		{`{"x":"\"room\":","room":"a"}`, "room", "a"},
		{`{"room":"a","room":"b"}`, "room", "b"},
		{`{}`, "room", ""},
		{`[]`, "room", ""},
		{`"room"`, "room", ""},
		{`7`, "room", ""},
		{`null`, "room", ""},
		{`{"room":null}`, "room", ""},
		{`{"room":true}`, "room", ""},
		{`{"room":{}}`, "room", ""},
		{`{"room":["a"]}`, "room", ""},
		{``, "room", ""},
		{`{"":"a"}`, "", "a"},
		{"{\n\t\"a\" :\r\n1 ,\n\"room\":\"b\"\n}", "room", "b"},
	} {
		if got := scalar(member([]byte(test.raw), test.name)); got != test.want {
			t.Errorf("%s: %q, not %q", test.raw, got, test.want)
		}
	}
}

// FuzzMember: what the scan finds is what a decoder finds.
func FuzzMember(f *testing.F) {
	for _, seed := range []string{`{"room":"a"}`, `{"a":{"room":[1,"}"]},"room" : "b\n"}`, `{"room":1,"room":"é"}`, `[{}]`, `{"\u0072oom":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		got := member(raw, "room")
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			if got != nil {
				t.Errorf("%s: found %q in no object", raw, got)
			}
			return
		}
		if want := object["room"]; string(got) != string(want) {
			t.Errorf("%s: %q, not %q", raw, got, want)
		}
		if len(got) > 0 && got[0] == '"' {
			var want string
			if json.Unmarshal(got, &want) == nil && scalar(got) != want {
				t.Errorf("%s: %q, not %q", got, scalar(got), want)
			}
		}
	})
}
