// Speed of decoding.

package socketio_test

import (
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

var decodeLoads = []struct{ name, text string }{
	{"tiny", `2["x"]`},
	{"chat", `2["message",{"id":1,"text":"hello hello hello hello hello"}]`},
	{"ack", `3/chat,17[{"ok":true}]`},
	{"chinese", `2["message",{"id":1,"text":"` + strings.Repeat("你好世界", 12) + `"}]`},
	{"binary", `52-["up",{"a":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]`},
	{"numbers-10k", `2["m",[` + strings.Repeat("12345.5,", 1250) + `0]]`},
	{"text-100k", `2["m","` + strings.Repeat("hello world, ", 7700) + `"]`},
	{"text-1m", `2["m","` + strings.Repeat("hello world, ", 77000) + `"]`},
	{"records-10k", `2["m",[` + strings.Repeat(`{"id":12,"name":"some name","ok":true,"tags":["a","b"]},`, 180) + `null]]`},
}

func BenchmarkDecode(b *testing.B) {
	for _, load := range decodeLoads {
		b.Run(load.name, func(b *testing.B) {
			text := []byte(load.text)
			var p socketio.Packet
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := socketio.Decode(text, nil, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
