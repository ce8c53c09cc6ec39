// Compressed answers to polls over real sockets: every way to send, and the option.

package loop_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// fetch polls once as a browser does, and returns the coding of the answer and
// its text.
func (c *overPolling) fetch(t testing.TB) (coding, text string) {
	t.Helper()
	r, err := c.get.exchange("GET", target("polling", c.sid()), "", "Accept-Encoding: gzip, deflate, br, zstd")
	if err != nil {
		t.Fatal(err)
	}
	if r.status != 200 {
		t.Fatalf("%d %q", r.status, r.body)
	}
	coding = r.field("Content-Encoding")
	if coding == "" {
		return coding, r.body
	}
	z, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return coding, string(plain)
}

// TestCompress: the flag of every way to send an event.
func TestCompress(t *testing.T) {
	text := strings.Repeat("text ", 400)
	bytes := []byte(strings.Repeat("bytes", 400))
	binary := `["e",{"_placeholder":true,"num":0}]`
	type way struct {
		name   string
		emit   func(s *loop.Socket) error
		coding string
		want   string
	}
	event := `["e","` + text + `"]`
	ways := []way{
		{"Emit", func(s *loop.Socket) error { return s.Emit("e", text) }, "gzip", event},
		{"Compress(true).Emit", func(s *loop.Socket) error { return s.Compress(true).Emit("e", text) }, "gzip", event},
		{"Compress(false).Emit", func(s *loop.Socket) error { return s.Compress(false).Emit("e", text) }, "", event},
		{"Volatile().Compress(false)", func(s *loop.Socket) error { return s.Compress(false).Timeout(time.Minute).Emit("e", text) }, "", event},
		{"Emit of bytes", func(s *loop.Socket) error { return s.Emit("e", bytes) }, "gzip", binary},
		{"Compress(false).Emit of bytes", func(s *loop.Socket) error { return s.Compress(false).Emit("e", bytes) }, "", binary},
		{"Server.Emit", func(s *loop.Socket) error { return s.Server().Emit("e", text) }, "gzip", event},
		{"Server.Compress(false).Emit", func(s *loop.Socket) error { return s.Server().Compress(false).Emit("e", text) }, "", event},
		{"To.Compress(false).Emit", func(s *loop.Socket) error { return s.Server().To(s.ID()).Compress(false).Emit("e", text) }, "", event},
		{"To.Compress(false).Emit of bytes", func(s *loop.Socket) error { return s.Server().To(s.ID()).Compress(false).Emit("e", bytes) }, "", binary},
	}
	for name, cfg := range map[string]loop.Config{
		"default":  {},
		"recovery": {ConnectionStateRecovery: &loop.RecoveryConfig{}},
		"adapter": {Adapter: func(l rooms.Local) (rooms.Adapter, error) {
			a, err := rooms.InProcess(l)
			return passing{a, l}, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, sockets := connected(t, cfg, nil)
			c := s.dial(t, "polling")
			c.mustWrite(t, "0")
			c.mustNext(t)
			sock, p := within(t, "the connection", sockets), c.carrier.(*overPolling)
			for _, w := range ways {
				if err := w.emit(sock); err != nil {
					t.Fatal(err)
				}
				got := ""
				for want := 1 + strings.Count(w.want, "_placeholder"); strings.Count(got, "\x1e")+1 < want || got == ""; {
					coding, text := p.fetch(t)
					if coding != w.coding && len(text) > 1024 {
						t.Errorf("%s: coding %q, want %q", w.name, coding, w.coding)
					}
					got = strings.TrimPrefix(got+"\x1e"+text, "\x1e")
				}
				if !strings.Contains(got, strings.TrimSuffix(w.want, "]")) {
					t.Errorf("%s: %.60q", w.name, got)
				}
			}
		})
	}
}

// passing is an adapter that has every packet encoded again.
type passing struct {
	rooms.Adapter
	local rooms.Local
}

// Broadcast implements [rooms.Adapter].
func (p passing) Broadcast(packet *rooms.Packet, t rooms.Target) error {
	return p.local.Broadcast(&rooms.Packet{Event: packet.Event, Args: packet.Args}, t)
}

// TestCompressInline: an inline handler sends arguments as they came.
func TestCompressInline(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		s.On("echo", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("echo", e.Args()) }, loop.Inline())
		s.On("plain", func(s *loop.Socket, e *loop.Event) { _ = s.Compress(false).Emit("plain", e.Args()) }, loop.Inline())
	})
	c := s.dial(t, "polling")
	c.mustWrite(t, "0")
	c.mustNext(t)
	within(t, "the connection", sockets)
	p, text := c.carrier.(*overPolling), strings.Repeat("text ", 400)
	for event, want := range map[string]string{"echo": "gzip", "plain": ""} {
		c.mustWrite(t, `2["`+event+`","`+text+`"]`)
		if coding, got := p.fetch(t); coding != want || got != `42["`+event+`","`+text+`"]` {
			t.Errorf("%s: coding %q, want %q; %.60q", event, coding, want, got)
		}
	}
	if st := s.stats(t); st.CompressedIn < 2000 || st.CompressedOut == 0 || st.CompressedOut >= st.CompressedIn/2 {
		t.Errorf("counted %d to %d", st.CompressedIn, st.CompressedOut)
	}
}

// TestHTTPCompression: threshold, level and switch.
func TestHTTPCompression(t *testing.T) {
	for _, v := range []struct {
		option loop.HTTPCompression
		size   int // of the payload
		coding string
	}{
		{loop.HTTPCompression{}, 1023, ""},
		{loop.HTTPCompression{}, 1024, "gzip"},
		{loop.HTTPCompression{Enabled: loop.Enabled, Threshold: 200}, 199, ""},
		{loop.HTTPCompression{Threshold: 200, Level: 9}, 200, "gzip"},
		{loop.HTTPCompression{Enabled: loop.Disabled}, 500_000, ""},
		{loop.HTTPCompression{Level: 9}, 500_000, "gzip"},
		{loop.HTTPCompression{}, 500_000, "gzip"},
	} {
		s, sockets := connected(t, loop.Config{HTTPCompression: v.option}, nil)
		c := s.dial(t, "polling")
		c.mustWrite(t, "0")
		c.mustNext(t)
		sock, p := within(t, "the connection", sockets), c.carrier.(*overPolling)
		text := strings.Repeat("x", v.size-len(`42["e",""]`))
		if err := sock.Emit("e", text); err != nil {
			t.Fatal(err)
		}
		if coding, got := p.fetch(t); coding != v.coding || got != `42["e","`+text+`"]` {
			t.Errorf("%+v: %d bytes have coding %q, want %q", v.option, v.size, coding, v.coding)
		}
	}
}

// TestCompressedRequest: a compressed body is refused, and the session goes on.
func TestCompressedRequest(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	c := s.dial(t, "polling")
	p := c.carrier.(*overPolling)
	for _, coding := range []string{"gzip", "deflate", "br", "x", "identity, gzip"} {
		if r, err := p.postBody("\x1f\x8b", "Content-Encoding: "+coding); err != nil || r.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %v, %v", coding, r, err)
		}
	}
	if r, err := p.postBody("40", "Content-Encoding: identity"); err != nil || r.status != 200 {
		t.Errorf("identity: %v, %v", r, err)
	}
	c.mustNext(t)
	within(t, "the connection", sockets)
}
