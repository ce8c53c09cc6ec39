// JSON to MessagePack and back.

package msgpack_test

import (
	"errors"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

// jsonCases are arguments in JSON, good and bad.
var jsonCases = []string{
	``, ` `, `null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `1,2`, ` 1 , 2 `, `"a",{},[]`, `1.0`, `-12.5e3`, `1e2`, `1E+2`, `1e-2`,
	`9007199254740993`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`,
	`18446744073709551615`, `18446744073709551616`, `123456789012345678901234567890`, `1e400`, `-1e400`, `1e-400`,
	`""`, `"plain"`, `"esc \" \\ \/ \b\f\n\r\t \u00e9 \ud83d\ude00 \ud800 \udc00x \ud800\u0041"`, `"日本"`, `"\u0000"`,
	`"0123456789012345678901234567\u0041"`, `"01234567890123456789012345678901234567\n"`,
	`[]`, `[1,"a",[null]]`, `{}`, `{"a":1,"a":2,"b":{"c":[]}}`, `{"__proto__":{}}`, ` [ 1 , { "a" : "b" } ] `,
	`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]`, `{"_placeholder":true,"num":0}`, `{"\u0061":1}`,
	`[[[[[[[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]]]]]]],1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]`,
	`,`, `1,`, `,1`, `1 2`, `1,,2`, `[`, `[1`, `[1,`, `[1,]`, `[,]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{1:2}`,
	`{"a"}`, `{"a" 1}`, `[1}`, `{]`, `nul`, `nulll`, `tru`, `fals`, `01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `0x1`, `NaN`, `"`, `"a`, `"\`,
	`"\x"`, `"\u12"`, `"\u123g"`, `"\ud83d\u12"`, "\"\n\"", "\"\x1f\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\xff", `'a'`, `[1]]`,
}

func TestJSON(t *testing.T) {
	for _, c := range jsonCases {
		t.Run(c, func(t *testing.T) { compareJSON(t, []byte(c)) })
	}
}

func TestToJSONText(t *testing.T) {
	for _, c := range []struct{ name, bytes, want string }{
		{"none", "", ``},
		{"several", "\x01\xa1a\x90", `1,"a",[]`},
		{"floats", "\x95\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a\xca\x3f\xc0\x00\x00\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00" +
			"\xcb\x80\x00\x00\x00\x00\x00\x00\x00\xcb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50", `[0.1,1.5,null,0,1e+21]`},
		{"small floats", "\xcb\x3e\x7a\xd7\xf2\x9a\xbc\xaf\x48\xcb\x3e\xb0\xc6\xf7\xa0\xb5\xed\x8d", `1e-7,0.000001`},
		{"undefined", "\xd4\x00\x00\x91\xd4\x00\x00\x82\xa1a\xd4\x00\x00\xa1b\x01", `null,[null],{"b":1}`},
		{"undefined last", "\x82\xa1b\x01\xa1a\xd4\x00\x00", `{"b":1}`},
		{"undefined only", "\x81\xa1a\xd4\x00\x00", `{}`},
		{"keys", "\x83\x05\x01\xff\x02\xa2\"\n\x03", `{"5":1,"-1":2,"\"\n":3}`},
		{"date nobody can hold", "\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", `null`},
		{"timestamp", "\xd7\xff\xee\x6b\x27\xfc\x00\x00\x00\x05", `"1970-01-01T00:00:05.999Z"`},
		{"year 0", "\xd7\x00\xff\xff\xc7\x75\x90\xfb\xa0\x00", `"0000-01-01T00:00:00.000Z"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, bins, err := msgpack.ToJSON([]byte("x"), nil, []byte(c.bytes))
			if err != nil || string(got) != "x"+c.want || len(bins) != 0 {
				t.Errorf("%s %v %v, want %s", got, bins, err, c.want)
			}
		})
	}
}

func TestBinaryThroughJSON(t *testing.T) {
	one, two := []byte("one"), []byte("two")
	for _, c := range []struct {
		name, text string
		bins       [][]byte
		want       string
		err        error
	}{
		{"bytes", `{"_placeholder":true,"num":0}`, [][]byte{one}, "\xc4\x03one", nil},
		{"any order", `[{"num":1,"_placeholder":true}],{"_placeholder":true,"num":0}`, [][]byte{one, two}, "\x91\xc4\x03two\xc4\x03one", nil},
		{"spelt with escapes", `{ "\u006eum" : 0 , "x" : [ "}" ] , "_\u0070laceholder" : true }`, [][]byte{one}, "\xc4\x03one", nil},
		{"last of equal keys", `{"_placeholder":false,"num":7,"_placeholder":true,"num":0}`, [][]byte{one}, "\xc4\x03one", nil},
		{"taken back", `{"_placeholder":true,"num":7,"_placeholder":1}`, [][]byte{one}, "\x83\xac_placeholder\xc3\xa3num\x07\xac_placeholder\x01", nil},
		{"no attachments", `{"_placeholder":true,"num":0}`, nil, "\x82\xac_placeholder\xc3\xa3num\x00", nil},
		{"attachment left out", `1`, [][]byte{one}, "\x01", nil},
		{"empty attachment", `{"_placeholder":true,"num":0}`, [][]byte{nil}, "\xc4\x00", nil},
		{"number too large", `{"_placeholder":true,"num":1}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number huge", `{"_placeholder":true,"num":99999999999999999999}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number negative", `{"_placeholder":true,"num":-1}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number minus zero", `{"_placeholder":true,"num":-0}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number with fraction", `{"_placeholder":true,"num":0.0}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number with exponent", `{"_placeholder":true,"num":0e0}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number is text", `{"_placeholder":true,"num":"0"}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"number missing", `{"_placeholder":true}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"twice", `{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}`, [][]byte{one}, "", socketio.ErrPlaceholder},
		{"syntax behind", `{"_placeholder":true,"num":0`, [][]byte{one}, "", socketio.ErrRawJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := msgpack.FromJSON([]byte("x"), []byte(c.text), c.bins)
			if !errors.Is(err, c.err) || string(got) != "x"+c.want {
				t.Errorf("%q %v, want %q %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestManyAttachments: more than fit one word.
func TestManyAttachments(t *testing.T) {
	var args []byte
	for i := range 200 {
		args = append(args, 0xc4, 1, byte(i))
	}
	text, bins := mustToJSON(t, args)
	if len(bins) != 200 {
		t.Fatalf("%d attachments", len(bins))
	}
	if again := mustFromJSON(t, text, bins...); string(again) != string(args) {
		t.Errorf("%x", again)
	}
	if _, err := msgpack.FromJSON(nil, []byte(text+`,{"_placeholder":true,"num":150}`), bins); !errors.Is(err, socketio.ErrPlaceholder) {
		t.Errorf("cited twice: %v", err)
	}
	// Numbers go on from what the packet has so far.
	got, bins, err := msgpack.ToJSON([]byte("["), [][]byte{{1}}, []byte("\xc4\x01\x02"))
	if err != nil || string(got) != `[{"_placeholder":true,"num":1}` || len(bins) != 2 {
		t.Errorf("%s %v %v", got, bins, err)
	}
}

func TestToJSONRefuses(t *testing.T) {
	for _, b := range []string{"\xc1", "\x91", "\x01\xa2a", "\xa1\xff", "\x81\xc0\x01", "\xdd\xff\xff\xff\xff"} {
		bins := [][]byte{{1}}
		dst, got, err := msgpack.ToJSON([]byte("x"), bins, []byte(b))
		if !errors.Is(err, msgpack.ErrMalformed) || string(dst) != "x" || len(got) != 1 {
			t.Errorf("%x: %v", b, err)
		}
	}
}
