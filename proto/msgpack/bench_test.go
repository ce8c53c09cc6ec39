// Speed of packets and of values.

package msgpack_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

type chatMessage struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

const chatText = `{"id":1,"text":"hello hello hello hello hello"}`

// loads are events by the JSON of their arguments; the same as those of
// socketio's benchmarks.
var loads = []struct{ name, args string }{
	{"tiny", ``},
	{"chat", chatText},
	{"chinese", `{"id":1,"text":"` + strings.Repeat("你好世界", 12) + `"}`},
	{"binary", `{"a":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}`},
	{"numbers-10k", `[` + strings.Repeat("12345.5,", 1250) + `0]`},
	{"text-100k", `"` + strings.Repeat("hello world, ", 7700) + `"`},
	{"text-1m", `"` + strings.Repeat("hello world, ", 77000) + `"`},
	{"records-10k", `[` + strings.Repeat(`{"id":12,"name":"some name","ok":true,"tags":["a","b"]},`, 180) + `null]`},
}

func loadArgs(b *testing.B, text string) []byte {
	bins := [][]byte{[]byte("bytes"), make([]byte, 100)}
	if !strings.Contains(text, "_placeholder") {
		bins = nil
	}
	return mustFromJSON(b, text, bins...)
}

func BenchmarkDecode(b *testing.B) {
	for _, load := range loads {
		b.Run(load.name, func(b *testing.B) {
			msg := msgpack.AppendEvent(nil, "/", 0, false, "message", loadArgs(b, load.args))
			var p socketio.Packet
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if err := msgpack.Decode(msg, nil, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	for _, load := range loads {
		b.Run(load.name, func(b *testing.B) {
			args := loadArgs(b, load.args)
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = msgpack.AppendEvent(dst[:0], "/", 0, false, "message", args)
			}
		})
	}
}

func BenchmarkAppendArgs(b *testing.B) {
	for _, load := range []struct {
		name string
		arg  any
	}{
		{"string", "hello hello hello hello hello"},
		{"raw", json.RawMessage(chatText)},
		{"bytes", make([]byte, 1000)},
		{"map", map[string]any{"id": 1, "text": "hello hello hello hello hello"}},
		{"struct", chatMessage{1, "hello hello hello hello hello"}},
		{"struct-with-bytes", struct{ Data []byte }{make([]byte, 1000)}},
		{"struct-with-any", struct{ A any }{"hello"}},
		{"map-of-strings", map[string]string{"id": "1", "text": "hello hello hello hello hello"}},
	} {
		b.Run(load.name, func(b *testing.B) {
			var dst []byte
			var err error
			args := []any{load.arg}
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = msgpack.AppendArgs(dst[:0], args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	object := loadArgs(b, chatText)
	run := func(name string, arg []byte, make func() any) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := msgpack.Unmarshal(arg, make()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("string", msgpack.AppendString(nil, "hello hello hello hello hello"), func() any { return new(string) })
	run("any", object, func() any { return new(any) })
	run("struct", object, func() any { return new(chatMessage) })
	run("map", object, func() any { return new(map[string]any) })
	run("raw", object, func() any { return new(json.RawMessage) })
	run("records-10k", loadArgs(b, loads[7].args), func() any {
		return new([]struct {
			ID   int
			Name string
			OK   bool
			Tags []string
		})
	})
}

func BenchmarkNextArg(b *testing.B) {
	args := loadArgs(b, chatText+`,17,"x"`)
	for b.Loop() {
		for arg, rest := msgpack.NextArg(args); arg != nil; arg, rest = msgpack.NextArg(rest) {
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	for _, load := range loads[1:] {
		args := loadArgs(b, load.args)
		s, bins := mustToJSON(b, args)
		text := []byte(s)
		b.Run("from/"+load.name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				var err error
				if dst, err = msgpack.FromJSON(dst[:0], text, bins); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("to/"+load.name, func(b *testing.B) {
			var dst []byte
			var into [][]byte
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				var err error
				if dst, into, err = msgpack.ToJSON(dst[:0], into[:0], args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
