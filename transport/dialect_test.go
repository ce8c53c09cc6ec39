// Websocket frames in the dialects, shared messages among them, and what a session costs.

package transport

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// dialectTable is how text "a" and the bytes 1 and 2 look as frames.
var dialectTable = []struct{ query, binary string }{
	{"EIO=4", "binary:0102"},
	{"EIO=4&b64=1", "bAQI="},
	{"EIO=3", "binary:040102"},
	{"EIO=3&b64=1", "b4AQI="},
}

func TestFrames(t *testing.T) {
	for _, v := range dialectTable {
		t.Run(v.query, func(t *testing.T) {
			k := newKernel(t, 1, allow3)
			w := k.socketOf(0, v.query)
			s := k.session(1)
			k.do(s, func() {
				s.Send([]byte("a"))
				s.SendBinary([]byte{1, 2})
				s.SendShared(NewShared([]byte("a"), [][]byte{{1, 2}, {1, 2}}))
				s.SendShared(NewShared(nil, [][]byte{{1, 2}}))
				s.SendShared(NewShared([]byte("b"), nil))
			})
			w.want("4a", v.binary, "4a", v.binary, v.binary, v.binary, "4b")
			k.finish()
		})
	}
}

// TestFrameSizes holds the announced size of a frame against the frame.
func TestFrameSizes(t *testing.T) {
	for d := range dialect(dialects) {
		for _, n := range []int{0, 1, 2, 3, 90, 92, 93, 94, 95, 123, 124, 125, 126, 65533, 65534, 65535, 65536} {
			if got, want := len(d.appendBinaryFrame(nil, make([]byte, n))), d.binaryFrame(n); got != want {
				t.Errorf("dialect %d: a frame of %d bytes for a message of %d, want %d", d, got, n, want)
			}
		}
	}
}

func TestFramesFromRevision3(t *testing.T) {
	for _, v := range []struct {
		name, query, send string
		want, told        []string
	}{
		{"text", "EIO=3", frame(opText, "4hi"), nil, []string{"1 message hi"}},
		{"binary", "EIO=3", frame(opBinary, "\x04\x01\x02"), nil, []string{"1 binary 0102"}},
		{"binary of nothing", "EIO=3", frame(opBinary, "\x04"), nil, []string{"1 binary "}},
		{"base64", "EIO=3", frame(opText, "b4AQI="), nil, []string{"1 binary 0102"}},
		{"base64 without padding", "EIO=3&b64=1", frame(opText, "b4AQI"), nil, []string{"1 binary 0102"}},
		{"empty binary", "EIO=3", frame(opBinary, ""), []string{"close:1005"}, []string{"1 close parse error: engineio: empty packet"}},
		{"binary open", "EIO=3", frame(opBinary, "\x00\x01"), []string{"close:1005"}, []string{"1 close parse error: engineio: unknown packet type"}},
		{"binary without type", "EIO=3", frame(opBinary, "\x09"), []string{"close:1005"}, []string{"1 close parse error: engineio: unknown packet type"}},
		{"base64 of revision 4", "EIO=3", frame(opText, "bAQI="), []string{"close:1005"}, []string{"1 close parse error: engineio: unknown packet type"}},
		{"empty text", "EIO=3", frame(opText, ""), []string{"close:1005"}, []string{"1 close parse error: engineio: empty packet"}},
		{"unknown type", "EIO=3", frame(opText, "9"), []string{"close:1005"}, []string{"1 close parse error: engineio: unknown packet type"}},
		{"close", "EIO=3", frame(opText, "1"), []string{"close:1005"}, []string{"1 close transport close"}},
		{"ping", "EIO=3", frame(opText, "2") + frame(opText, "4a"), []string{"3"}, []string{"1 message a"}},
		{"ping with data", "EIO=3", frame(opText, "2probe"), []string{"3"}, nil},
		{"pong", "EIO=3", frame(opText, "3"), []string{"close:1005"}, []string{"1 close transport error: invalid heartbeat direction"}},
		{"revision 4 has no type byte", "EIO=4", frame(opBinary, "\x04\x01"), nil, []string{"1 binary 0401"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, allow3)
				w := k.socketOf(0, v.query)
				k.log = nil
				w.cut = cut
				w.send(v.send)
				w.want(v.want...)
				k.told(v.told...)
				k.finish()
			})
		})
	}
}

// TestUpgradeRevision3 takes sessions over to a websocket that may speak another way than the polls did.
func TestUpgradeRevision3(t *testing.T) {
	for _, v := range []struct{ polls, socket, noop, binary string }{
		{"EIO=3", "EIO=3", "1:6", "binary:040102"},
		{"EIO=3&b64=1", "EIO=3", "1:6", "binary:040102"},
		{"EIO=3", "EIO=3&b64=1", "1:6", "b4AQI="},
		{"EIO=3&j=7", "EIO=3&j=7&b64=1", `___eio[7]("1:6");`, "b4AQI="},
		{"EIO=4&b64=1", "EIO=4", "6", "binary:0102"},
		{"EIO=4", "EIO=4&b64=1", "6", "bAQI="},
	} {
		t.Run(v.polls+" to "+v.socket, func(t *testing.T) {
			k := newKernel(t, 2, allow3)
			c := k.pollerOf(1, v.polls)
			c.poll()
			c.query = v.socket
			w := c.candidate(0)
			w.text("2probe")
			w.want("3probe")
			c.get.want("200 " + v.noop)
			s := k.session(1)
			// What waits goes out in the new form.
			k.do(s, func() { s.Send([]byte("a")); s.SendBinary([]byte{1, 2}) })
			w.want()
			w.text("5")
			w.want("4a", v.binary)
			k.do(s, func() { s.SendShared(NewShared([]byte("b"), [][]byte{{1, 2}})) })
			w.want("4b", v.binary)
			c.poll()
			c.get.want(code(3))
			k.told("1 open", "1 upgrade")
			k.finish()
		})
	}
}

// TestSharedByLoops has a message go to clients of all dialects, from goroutines that stand for their loops.
func TestSharedByLoops(t *testing.T) {
	for range 50 {
		m := NewShared([]byte("a"), [][]byte{{1, 2}, nil})
		var all sync.WaitGroup
		forms := make([][dialects]*Shared, 8)
		for i := range forms {
			all.Go(func() {
				for d := range dialect(dialects) {
					if d != 0 {
						forms[i][d] = m.in(d)
					}
				}
			})
		}
		all.Wait()
		for i := range forms {
			if forms[i] != forms[0] {
				t.Fatal("a form was made twice")
			}
		}
		for d := 1; d < dialects; d++ {
			want := appendTextFrame(nil, []byte("a"))
			want = dialect(d).appendBinaryFrame(dialect(d).appendBinaryFrame(want, []byte{1, 2}), nil)
			if got := forms[0][d].frames; string(got) != string(want) || cap(got) != len(got) {
				t.Errorf("dialect %d: %q, want %q", d, got, want)
			}
		}
	}
	m := NewShared([]byte("a"), nil)
	if m.in(inRevision3) != m || m.in(inBase64) != m {
		t.Error("text has more than one form")
	}
}

// TestSizes keeps the records of idle clients, and of a broadcast, from growing unnoticed.
func TestSizes(t *testing.T) {
	for _, v := range []struct {
		name      string
		size, max uintptr
	}{
		{"Session", unsafe.Sizeof(Session{}), 72},
		{"Conn", unsafe.Sizeof(Conn{}), 160},
		{"polling", unsafe.Sizeof(polling{}), 80},
		{"Shared", unsafe.Sizeof(Shared{}), 88},
	} {
		if v.size > v.max {
			t.Errorf("%s has %d bytes, want at most %d", v.name, v.size, v.max)
		}
	}
}

// TestInitialInDialects looks at the message that comes with the handshake.
func TestInitialInDialects(t *testing.T) {
	for _, v := range []struct{ query, text, binary string }{
		{"EIO=4", "\x1e4hello", "\x1ebAQI="},
		{"EIO=3", "6:4hello", ""},
		{"EIO=3&b64=1", "6:4hello", "6:b4AQI="},
		{"EIO=4&j=1", `\u001e4hello");`, `\u001ebAQI=");`},
		{"EIO=3&j=1", `6:4hello");`, `6:b4AQI=");`},
	} {
		for _, binary := range []bool{false, true} {
			initial, want := &Initial{Data: []byte("hello")}, v.text
			if binary {
				initial, want = &Initial{Data: []byte{1, 2}, Binary: true}, v.binary
			}
			k := newKernel(t, 1, func(o *Options) { o.AllowEIO3, o.Initial = true, initial })
			c := &poller{k: k, query: v.query, get: k.dial(0)}
			r := c.get.ask(c.own(request("GET", "", "")))
			if want == "" {
				want = octets(t, "01 03 ff 040102")
				open, _, _ := strings.Cut(r.body, "}")
				if prefix := octets(t, fmt.Sprintf("00 01 01 08 ff %x", "0{")); !strings.HasPrefix(open, prefix) ||
					r.fields["content-type"] != "application/octet-stream" {
					t.Errorf("%s: %v", v.query, r)
				}
			}
			if !strings.HasSuffix(r.body, want) {
				t.Errorf("%s: %v, want %q", v.query, r, want)
			}
			k.finish()
		}
	}
}
