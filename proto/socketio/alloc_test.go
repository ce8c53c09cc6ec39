//go:build !race

// What must not allocate.

package socketio_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

func gate(t *testing.T, name string, most float64, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n > most {
		t.Errorf("%s: %v allocations, at most %v expected", name, n, most)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	check := func(name, text string) {
		b := []byte(text)
		var p socketio.Packet
		var args int
		gate(t, name, 0, func() {
			if socketio.Decode(b, nil, &p) == nil {
				for arg, rest := socketio.NextArg(p.Args); arg != nil; arg, rest = socketio.NextArg(rest) {
					args++
				}
			}
		})
	}
	for _, c := range decodeCases {
		check(c.name, c.text)
	}
	for _, c := range refusedCases {
		check(c.name, c.text)
	}
	check("deep", `2["a",`+strings.Repeat("[", 63)+strings.Repeat("]", 63)+`]`)
	check("too deep", `2["a",`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`]`)
	check("large", `2["a","`+strings.Repeat("x\\n", 100_000)+`"]`)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	args := []byte(`{"a":1}`)
	p := decode(t, []byte(`2["\u0061b"]`))
	gate(t, "packets", 0, func() {
		buf = socketio.AppendConnect(buf[:0], "/chat", "sid", "pid")
		buf = socketio.AppendConnectError(buf, "/chat", args)
		buf = socketio.AppendDisconnect(buf, "/chat")
		buf = socketio.AppendEvent(buf, "/chat", 7, true, 2, "ev\"ent", args)
		buf = socketio.AppendAck(buf, "/chat", 7, 0, args)
		buf = socketio.AppendString(buf, "日本 \n")
		buf = p.AppendEventName(buf)
	})
}

func TestAssemblerDoesNotAllocate(t *testing.T) {
	var a socketio.Assembler
	p := decode(t, []byte(twoAttachments))
	bin := make([]byte, 1000)
	gate(t, "assembler", 0, func() {
		if a.Begin(p, nil) != nil {
			t.Fatal("Begin")
		}
		for a.Due() > 0 {
			if _, err := a.Add(bin); err != nil {
				t.Fatal(err)
			}
		}
		a.Packet()
	})
}

func TestValuesDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 4096)
	var bins [][]byte
	bin := []byte("x")
	args := []any{
		nil, true, "text", 12345, int64(-5), 1.5, 1e300, json.RawMessage(`{"a":[1]}`), bin,
		[]any{"a", bin},
		map[string]any{"a": 1, "b": nil},
	}
	gate(t, "AppendArgs", 0, func() {
		var err error
		if dst, bins, err = socketio.AppendArgs(dst[:0], bins[:0], args); err != nil {
			t.Fatal(err)
		}
	})
	placeholder := []byte(mark(0))
	attachments := [][]byte{bin}
	var data []byte
	raw := make(json.RawMessage, 0, 64)
	gate(t, "Unmarshal bytes and raw", 0, func() {
		if socketio.Unmarshal(placeholder, attachments, &data) != nil || socketio.Unmarshal(placeholder, nil, &raw) != nil {
			t.Fatal("Unmarshal")
		}
	})
	text := []byte(`"a string that has to be copied, once"`)
	var s string
	gate(t, "Unmarshal string", 1, func() {
		if socketio.Unmarshal(text, nil, &s) != nil {
			t.Fatal("Unmarshal")
		}
	})
}
