//go:build !race

// What must not allocate.

package msgpack_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

func gate(t *testing.T, name string, most float64, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n > most {
		t.Errorf("%s: %v allocations, at most %v expected", name, n, most)
	}
}

// TestDecodeDoesNotAllocate: neither for what is taken nor for what is refused,
// but for the digits of integer names.
func TestDecodeDoesNotAllocate(t *testing.T) {
	all := messages(t)
	for _, c := range hostileCases {
		all = append(all, c.msg)
	}
	all = append(all, event("\x92\xa1a"+str(string(bytes.Repeat([]byte("long "), 100_000)))))
	for _, msg := range all {
		var p socketio.Packet
		var args int
		most := 0.0
		if msgpack.Decode(msg, nil, &p) == nil && p.Type == socketio.Event && p.Name[0]-'0' <= 9 {
			most = 1
		}
		gate(t, string(msg[:min(60, len(msg))]), most, func() {
			if msgpack.Decode(msg, nil, &p) == nil {
				for arg, rest := msgpack.NextArg(p.Args); arg != nil; arg, rest = msgpack.NextArg(rest) {
					args++
				}
			}
		})
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	args := []byte("\x81\xa1a\x01")
	payload := msgpack.AppendEventPayload(nil, "event", args)
	gate(t, "packets", 0, func() {
		buf = msgpack.AppendConnect(buf[:0], "/chat", "sid", "pid")
		buf = msgpack.AppendConnectError(buf, "/chat", args)
		buf = msgpack.AppendDisconnect(buf, "/chat")
		buf = msgpack.AppendEvent(buf, "/chat", 7, true, "event", args)
		buf = msgpack.AppendEventWith(buf, "/chat", 7, true, payload)
		buf = msgpack.AppendAck(buf, "/chat", 7, args)
		buf = msgpack.AppendString(buf, "日本 \n")
		buf = msgpack.AppendV2Connect(buf, "/chat")
		buf = msgpack.AppendV2Error(buf, "/chat", "no")
	})
}

func TestValuesDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 4096)
	args := []any{
		nil, true, "text", 12345, int64(-5), uint16(7), 1.5, float32(2.5), 1e300, json.RawMessage(`{"a":[1,"b\n"]}`), []byte("x"),
		time.Unix(5, 0),
		[]any{"a", 1},
		map[string]any{"a": 1, "b": nil},
		&chatMessage{1, "text"},
		[]string{"a"},
		map[string]int{"a": 1},
	}
	// A map of another type is sorted in memory of its own.
	gate(t, "AppendArgs", 3, func() {
		var err error
		if dst, err = msgpack.AppendArgs(dst[:0], args); err != nil {
			t.Fatal(err)
		}
	})
	everyday := args[:14]
	gate(t, "AppendArgs of everyday values", 0, func() {
		var err error
		if dst, err = msgpack.AppendArgs(dst[:0], everyday); err != nil {
			t.Fatal(err)
		}
	})
	message := []any{chatMessage{1, "text"}}
	gate(t, "AppendArgs of a struct", 0, func() {
		var err error
		if dst, err = msgpack.AppendArgs(dst[:0], message); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUnmarshalDoesNotAllocate(t *testing.T) {
	for _, c := range []struct {
		name, arg string
		into      any
		most      float64
	}{
		{"bytes", "\xc4\x03abc", new([]byte), 0},
		{"int", "\xcd\x01\x00", new(int), 0},
		{"float", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", new(float64), 0},
		{"bool", "\xc3", new(bool), 0},
		{"string", "\xa6string", new(string), 1},
		{"struct", "\x82\xa2id\x07\xa1x\xc0", new(chatMessage), 0},
		{"struct with a string", "\x82\xa2id\x07\xa4text\xa6string", new(chatMessage), 1},
		{"slice that has room", "\x93\x01\x02\x03", &[]int{1, 2, 3}, 0},
		{"nil", "\xc0", new(any), 0},
	} {
		arg := []byte(c.arg)
		gate(t, c.name, c.most, func() {
			if err := msgpack.Unmarshal(arg, c.into); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestJSONDoesNotAllocate(t *testing.T) {
	text := []byte(`{"id":1,"text":"a \"quote\"","list":[1,2.5,null,true],"at":{"_placeholder":true,"num":0}},-7`)
	bins := [][]byte{[]byte("bytes")}
	dst := make([]byte, 0, 1024)
	back := make([]byte, 0, 1024)
	backBins := make([][]byte, 0, 4)
	gate(t, "FromJSON and ToJSON", 0, func() {
		var err error
		if dst, err = msgpack.FromJSON(dst[:0], text, bins); err != nil {
			t.Fatal(err)
		}
		if back, backBins, err = msgpack.ToJSON(back[:0], backBins[:0], dst); err != nil {
			t.Fatal(err)
		}
	})
	if !bytes.Equal(back, text) {
		t.Errorf("%s became %s", text, back)
	}
}
