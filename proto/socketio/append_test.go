// Encoding of packets and strings.

package socketio_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/socketio"
)

func TestAppend(t *testing.T) {
	placeholder := []byte(`{"_placeholder":true,"num":0}`)
	for _, c := range []struct {
		name, want string
		got        []byte
	}{
		{"connect", `0{"sid":"a\"b"}`, socketio.AppendConnect(nil, "/", `a"b`, "")},
		{"connect namespace", `0/admin,{"sid":"x"}`, socketio.AppendConnect(nil, "/admin", "x", "")},
		{"connect recovery", `0{"sid":"x","pid":"y"}`, socketio.AppendConnect(nil, "/", "x", "y")},
		{
			"connect error", `4/admin,{"message":"Not authorized","data":{"code":1}}`,
			socketio.AppendConnectError(nil, "/admin", []byte(`{"message":"Not authorized","data":{"code":1}}`)),
		},
		{"disconnect", `1`, socketio.AppendDisconnect(nil, "/")},
		{"disconnect namespace", `1/admin,`, socketio.AppendDisconnect(nil, "/admin")},
		{"event", `2["hello",1]`, socketio.AppendEvent(nil, "/", 7, false, 0, "hello", []byte("1"))},
		{"event alone", `2["hello"]`, socketio.AppendEvent(nil, "", 7, false, 0, "hello", nil)},
		{"event id", `2/admin,456["x"]`, socketio.AppendEvent(nil, "/admin", 456, true, 0, "x", nil)},
		{"event id 0", `20["x"]`, socketio.AppendEvent(nil, "/", 0, true, 0, "x", nil)},
		{
			"binary event", `51-["up",{"_placeholder":true,"num":0}]`,
			socketio.AppendEvent(nil, "/", 0, false, 1, "up", placeholder),
		},
		{"binary event whole header", `512-/admin,9["up"]`, socketio.AppendEvent(nil, "/admin", 9, true, 12, "up", nil)},
		{"event header", `2/admin,3`, socketio.AppendEventHeader(nil, "/admin", 3, true, 0)},
		{"event payload", `["a",1,2]`, socketio.AppendEventPayload(nil, "a", []byte("1,2"))},
		{"ack", `3/admin,456[]`, socketio.AppendAck(nil, "/admin", 456, 0, nil)},
		{"ack argument", `30["x"]`, socketio.AppendAck(nil, "/", 0, 0, []byte(`"x"`))},
		{
			"binary ack", `61-/admin,456[{"_placeholder":true,"num":0}]`,
			socketio.AppendAck(nil, "/admin", 456, 1, placeholder),
		},
		{"appends", `>1`, socketio.AppendDisconnect([]byte(">"), "/")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if string(c.got) != c.want {
				t.Fatalf("got %s, want %s", c.got, c.want)
			}
		})
	}
}

var stringCases = []string{
	"", "a", "hello, world and some more", `"`, `\`, "tab\t nl\n cr\r bs\b ff\f", "\x00\x01\x1f\x7f",
	"é", "12345678é", "日本語 text 日本語", "😀", "\u2028\u2029", "<&>", "\xff", "ok\xffok", "12345678\xe6\x97", "\xed\xa0\x80",
	strings.Repeat("x", 7) + `"` + strings.Repeat("y", 8) + "\\", strings.Repeat("long ", 100) + "\n",
}

func TestAppendString(t *testing.T) {
	for _, s := range stringCases {
		compareString(t, s)
	}
	// What JSON.stringify writes for every control character.
	var all strings.Builder
	for c := range byte(0x20) {
		all.WriteByte(c)
	}
	const want = `"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f` +
		`\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"`
	if got := string(socketio.AppendString(nil, all.String())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func compareString(t *testing.T, s string) {
	t.Helper()
	quoted := socketio.AppendString([]byte("x"), s)[1:]
	if !utf8.Valid(quoted) {
		t.Fatalf("%q: invalid UTF-8 in %q", s, quoted)
	}
	var back string
	if err := json.Unmarshal(quoted, &back); err != nil {
		t.Fatalf("%q gave %q: %v", s, quoted, err)
	}
	std, _ := json.Marshal(s)
	var want string
	if err := json.Unmarshal(std, &want); err != nil || back != want {
		t.Fatalf("%q gave %q, which reads %q", s, quoted, back)
	}
}
