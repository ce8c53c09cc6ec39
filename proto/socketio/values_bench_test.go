// Speed of encoding and of values.

package socketio_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

type chatMessage struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

func BenchmarkAppendArgs(b *testing.B) {
	for _, load := range []struct {
		name string
		arg  any
	}{
		{"string", "hello hello hello hello hello"},
		{"raw", json.RawMessage(`{"id":1,"text":"hello hello hello hello hello"}`)},
		{"bytes", make([]byte, 1000)},
		{"map", map[string]any{"id": 1, "text": "hello hello hello hello hello"}},
		{"struct", chatMessage{1, "hello hello hello hello hello"}},
		{"struct-with-bytes", inner{Data: make([]byte, 1000)}},
		{"struct-with-any", struct{ A any }{"hello"}},
	} {
		b.Run(load.name, func(b *testing.B) {
			var dst []byte
			var bins [][]byte
			var err error
			args := []any{load.arg}
			b.ReportAllocs()
			for b.Loop() {
				if dst, bins, err = socketio.AppendArgs(dst[:0], bins[:0], args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	args := []byte(`{"id":1,"text":"hello hello hello hello hello"}`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = socketio.AppendEvent(dst[:0], "/", 0, false, 0, "message", args)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for _, load := range []struct{ name, text string }{
		{"ascii", strings.Repeat("hello world, ", 80)},
		{"chinese", strings.Repeat("你好世界", 80)},
	} {
		b.Run(load.name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(load.text)))
			for b.Loop() {
				dst = socketio.AppendString(dst[:0], load.text)
			}
		})
	}
}

func BenchmarkNextArg(b *testing.B) {
	args := []byte(`{"id":1,"text":"hello hello hello hello hello"},17,"x"`)
	for b.Loop() {
		for arg, rest := socketio.NextArg(args); arg != nil; arg, rest = socketio.NextArg(rest) {
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	object := []byte(`{"id":1,"text":"hello hello hello hello hello"}`)
	bins := [][]byte{make([]byte, 1000)}
	b.Run("string", func(b *testing.B) {
		text := []byte(`"hello hello hello hello hello"`)
		b.ReportAllocs()
		for b.Loop() {
			var s string
			socketio.Unmarshal(text, nil, &s)
		}
	})
	b.Run("any", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			socketio.Unmarshal(object, nil, &v)
		}
	})
	b.Run("any-std", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			json.Unmarshal(object, &v)
		}
	})
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v chatMessage
			socketio.Unmarshal(object, nil, &v)
		}
	})
	b.Run("struct-with-bytes", func(b *testing.B) {
		text := []byte(`{"data":` + mark(0) + `,"more":1}`)
		b.ReportAllocs()
		for b.Loop() {
			var v inner
			socketio.Unmarshal(text, bins, &v)
		}
	})
}

func BenchmarkAssembler(b *testing.B) {
	text := []byte(twoAttachments)
	bin := make([]byte, 1000)
	var a socketio.Assembler
	var p socketio.Packet
	b.ReportAllocs()
	for b.Loop() {
		if err := socketio.Decode(text, nil, &p); err != nil {
			b.Fatal(err)
		}
		a.Begin(&p, nil)
		a.Add(bin)
		a.Add(bin)
	}
}
