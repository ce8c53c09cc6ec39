// Compressed websocket messages over real sockets: every way to send, rooms with clients of all kinds, recovery, limits.

package loop_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// pmd is a client's side of permessage-deflate. It keeps all that came, as if the server always took its context over.
type pmd struct {
	answer string
	window []byte
	packed int // messages that came compressed
}

// inflate inflates a message of the server's.
func (p *pmd) inflate(payload []byte) ([]byte, error) {
	in := io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	message, err := io.ReadAll(flate.NewReaderDict(in, p.window))
	if err != nil {
		return nil, fmt.Errorf("a message of %d bytes: %w", len(payload), err)
	}
	p.packed++
	if !strings.Contains(p.answer, "server_no_context_takeover") {
		p.window = append(p.window, message...)
		p.window = p.window[max(0, len(p.window)-1<<15):]
	}
	return message, nil
}

// dialDeflate opens a session over websocket with compression.
func dialDeflate(addr, query string) (*overWebSocket, error) {
	w, err := dialWire(addr)
	if err != nil {
		return nil, err
	}
	offer := "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
	text := strings.TrimSuffix(upgradeText(target("websocket", query)), "\r\n") + offer
	c := &overWebSocket{wire: w}
	if _, err = io.WriteString(w, text); err == nil {
		var r *response
		if r, err = w.response("GET"); err == nil {
			w.pmd = &pmd{answer: r.field("Sec-WebSocket-Extensions")}
			if r.status != 101 || !strings.HasPrefix(w.pmd.answer, "permessage-deflate") {
				err = fmt.Errorf("status %d, answer %q", r.status, w.pmd.answer)
			}
		}
	}
	if err == nil {
		var p packet
		if p, err = w.readPacket(); err == nil {
			c.opening, err = readOpening(p)
		}
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return c, nil
}

// deflated returns the compression of a client that was dialled as "deflate".
func (c *sio) deflated() *pmd { return c.carrier.(*overWebSocket).pmd }

// packFrame is a masked frame with a compressed text.
func packFrame(text string) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 6)
	_, _ = io.WriteString(w, text)
	_ = w.Flush()
	b := frame(opText, out.Bytes()[:out.Len()-4])
	b[0] |= 0x40
	return b
}

var deflateConfigs = map[string]loop.Config{
	"default":  {PerMessageDeflate: &loop.PerMessageDeflate{}},
	"takeover": {PerMessageDeflate: &loop.PerMessageDeflate{ServerNoContextTakeover: loop.Disabled, ClientNoContextTakeover: loop.Disabled}},
	"recovery": {PerMessageDeflate: &loop.PerMessageDeflate{ServerNoContextTakeover: loop.Disabled}, ConnectionStateRecovery: &loop.RecoveryConfig{}},
	"adapter": {PerMessageDeflate: &loop.PerMessageDeflate{}, Adapter: func(l rooms.Local) (rooms.Adapter, error) {
		a, err := rooms.InProcess(l)
		return passing{a, l}, err
	}},
	"msgpack": {PerMessageDeflate: &loop.PerMessageDeflate{}, Parser: loop.MsgPack},
}

// TestDeflateFlag: the flag of every way to send an event, on and off the loop.
func TestDeflateFlag(t *testing.T) {
	text, long := strings.Repeat("text ", 400), strings.Repeat("long text ", 30_000)
	data := []byte(strings.Repeat("bytes", 400))
	type way struct {
		name   string
		emit   func(s *loop.Socket) error
		packed int // messages that come compressed
		bins   int
	}
	ways := []way{
		{"Emit", func(s *loop.Socket) error { return s.Emit("e", text) }, 1, 0},
		{"Emit of little", func(s *loop.Socket) error { return s.Emit("e", text[:900]) }, 0, 0},
		{"Compress(true).Emit", func(s *loop.Socket) error { return s.Compress(true).Emit("e", text) }, 1, 0},
		{"Compress(false).Emit", func(s *loop.Socket) error { return s.Compress(false).Emit("e", text) }, 0, 0},
		{"Compress(false).Timeout", func(s *loop.Socket) error { return s.Compress(false).Timeout(time.Minute).Emit("e", text) }, 0, 0},
		{"Volatile", func(s *loop.Socket) error { return s.Volatile().Emit("e", text) }, 1, 0},
		{"Emit of bytes", func(s *loop.Socket) error { return s.Emit("e", data) }, 1, 1},
		{"Emit of both", func(s *loop.Socket) error { return s.Emit("e", text, data, data) }, 3, 2},
		{"Compress(false).Emit of bytes", func(s *loop.Socket) error { return s.Compress(false).Emit("e", data) }, 0, 1},
		{"Emit of much", func(s *loop.Socket) error { return s.Emit("e", long) }, 1, 0},
		{"Emit of much, both", func(s *loop.Socket) error { return s.Emit("e", long, data) }, 2, 1},
		{"Emit of much again", func(s *loop.Socket) error { return s.Emit("e", long) }, 1, 0},
		{"EmitAck", func(s *loop.Socket) error { return s.EmitAck("e", func(loop.Args, error) {}, text) }, 1, 0},
		{"Server.Emit", func(s *loop.Socket) error { return s.Server().Emit("e", text) }, 1, 0},
		{"Server.Emit of much", func(s *loop.Socket) error { return s.Server().Emit("e", long, data) }, 2, 1},
		{"Server.Compress(false).Emit", func(s *loop.Socket) error { return s.Server().Compress(false).Emit("e", text) }, 0, 0},
		{"To.Compress(false).Emit", func(s *loop.Socket) error { return s.Server().To(s.ID()).Compress(false).Emit("e", text) }, 0, 0},
		{"To.Compress(false).Emit of bytes", func(s *loop.Socket) error { return s.Server().To(s.ID()).Compress(false).Emit("e", data) }, 0, 1},
		{"To.Emit of bytes", func(s *loop.Socket) error { return s.Server().To(s.ID()).Emit("e", data) }, 1, 1},
	}
	for name, cfg := range deflateConfigs {
		for _, inline := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, inline %v", name, inline), func(t *testing.T) {
				msgpack := cfg.Parser == loop.MsgPack
				if msgpack && inline {
					return // the same code
				}
				var opts []loop.HandlerOption
				if inline {
					opts = append(opts, loop.Inline())
				}
				s, sockets := connected(t, cfg, func(s *loop.Server) {
					s.On("go", func(s *loop.Socket, e *loop.Event) {
						n := 0
						if err := e.Args().Bind(&n); err != nil {
							t.Error(err)
						}
						if err := ways[n].emit(s); err != nil {
							t.Errorf("%s: %v", ways[n].name, err)
						}
					}, opts...)
				})
				c := s.dial(t, "deflate")
				p := c.deflated()
				if msgpack {
					if err := c.send(packet{binary: true, bin: []byte("\x82\xa4type\x00\xa3nsp\xa1/")}); err != nil {
						t.Fatal(err)
					}
				} else {
					c.mustWrite(t, "0")
				}
				if _, err := c.next(); err != nil {
					t.Fatal(err)
				}
				sock := within(t, "the connection", sockets)
				for i, w := range ways {
					before := p.packed
					if msgpack {
						if err := w.emit(sock); err != nil {
							t.Fatal(err)
						}
						w.bins, w.packed = 0, min(w.packed, 1)
					} else {
						c.mustWrite(t, fmt.Sprintf(`2["go",%d]`, i))
					}
					for n := range 1 + w.bins {
						m, err := c.next()
						if err != nil || m.binary != (n > 0 || msgpack) {
							t.Fatalf("%s: %v, %v", w.name, m.binary, err)
						}
						if m.binary && !bytes.Contains(m.bin, data[:100]) && !bytes.Contains(m.bin, []byte("text ")) || !m.binary && !strings.Contains(m.text, `"e"`) {
							t.Fatalf("%s: %.100q", w.name, m)
						}
					}
					if got := p.packed - before; got != w.packed {
						t.Errorf("%s: %d messages came compressed, want %d", w.name, got, w.packed)
					}
				}
			})
		}
	}
}

// TestDeflateRoom has clients of all kinds in one room; the broadcast is compressed once for those that want it.
func TestDeflateRoom(t *testing.T) {
	for _, name := range []string{"default", "takeover"} {
		t.Run(name, func(t *testing.T) {
			s, sockets := connected(t, deflateConfigs[name], nil)
			var all []*sio
			for i := range 12 {
				c := s.dial(t, []string{"deflate", "websocket", "polling", "upgrade", "deflate"}[i%5])
				if _, err := c.join("/", ""); err != nil {
					t.Fatal(err)
				}
				all = append(all, c)
				within(t, "a connection", sockets)
			}
			const rounds = 5
			for n := range rounds {
				data := bytes.Repeat([]byte{byte(n), 1, 2, 3, 4, 5, 6, 7, 8, 9}, 300)
				text := fmt.Sprint(n, strings.Repeat(" and again", 300))
				if err := s.Emit("news", text, data); err != nil {
					t.Fatal(err)
				}
				for i, c := range all {
					c.expect(t, fmt.Sprintf(`51-["news",%q,{"_placeholder":true,"num":0}]`, text))
					if p, err := c.next(); err != nil || !bytes.Equal(p.bin, data) {
						t.Fatalf("client %d: %d bytes, %v", i, len(p.bin), err)
					}
				}
			}
			st := s.stats(t)
			if want := uint64(rounds * 2); st.Deflations != want || st.Deflated != 5*want || st.DeflatedOut == 0 || st.DeflatedOut > st.DeflatedIn/4 {
				t.Errorf("counted %d times, %d messages, %d bytes to %d", st.Deflations, st.Deflated, st.DeflatedIn, st.DeflatedOut)
			}
		})
	}
}

// TestDeflateIncoming: compressed events, and one that inflates past the limit.
func TestDeflateIncoming(t *testing.T) {
	s := serve(t, loop.Config{MaxHTTPBufferSize: 10_000, PerMessageDeflate: &loop.PerMessageDeflate{Threshold: 1}}, func(s *loop.Server) {
		s.On("echo", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("echo", e.Args()) })
	})
	c, _ := s.connect(t, "deflate")
	other, _ := s.connect(t, "deflate")
	w := c.carrier.(*overWebSocket)
	fits := strings.Repeat("x", 10_000-len(`42["echo",""]`))
	for _, text := range []string{"", "é", fits} {
		if _, err := w.Write(packFrame(`42["echo","` + text + `"]`)); err != nil {
			t.Fatal(err)
		}
		c.expect(t, `2["echo","`+text+`"]`)
	}
	if _, err := w.Write(packFrame(`42["echo","` + fits + `x"]`)); err != nil {
		t.Fatal(err)
	}
	c.expectClosed(t, 1009)
	other.mustWrite(t, `2["echo","others go on"]`)
	other.expect(t, `2["echo","others go on"]`)
	st := s.stats(t)
	if st.LimitHits["inflated"] != 1 || st.Inflated != 3 || st.InflatedIn == 0 || st.InflatedOut < 10_000 {
		t.Errorf("counted %d hits, %d messages, %d bytes to %d", st.LimitHits["inflated"], st.Inflated, st.InflatedIn, st.InflatedOut)
	}
}

// TestDeflateRecovery: what was missed comes compressed too, to several clients, each with windows of its own.
func TestDeflateRecovery(t *testing.T) {
	s, sockets := connected(t, deflateConfigs["recovery"], nil)
	var members []*member
	for range 3 {
		m := new(member)
		m.mustEnter(t, s, "deflate")
		within(t, "the connection", sockets)
		members = append(members, m)
	}
	text := func(n int) string { return fmt.Sprint(n, strings.Repeat(" missed", 300)) }
	if err := s.Emit("news", text(0)); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		m.mustGet(t, `2["news","`+text(0)+`"]`)
		m.leave(t, s)
	}
	var missed []string
	for n := 1; n < 20; n++ {
		if err := s.Emit("news", text(n)); err != nil {
			t.Fatal(err)
		}
		missed = append(missed, `2["news","`+text(n)+`"]`)
	}
	for _, m := range members {
		m.mustEnter(t, s, "deflate", missed...)
		within(t, "the connection", sockets)
		if n := m.deflated().packed; n != len(missed) {
			t.Errorf("%d came compressed", n)
		}
	}
	if err := s.Emit("news", text(20)); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		m.mustGet(t, `2["news","`+text(20)+`"]`)
	}
	if st := s.stats(t); st.Deflations != uint64(2+len(missed)) {
		t.Errorf("compressed %d times", st.Deflations)
	}
}

// TestDeflateConcurrent: many goroutines emit to many clients, while some of those come and go.
func TestDeflateConcurrent(t *testing.T) {
	for name, takeover := range map[string]loop.Switch{"no takeover": loop.Enabled, "takeover": loop.Disabled} {
		t.Run(name, func(t *testing.T) {
			cfg := loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ServerNoContextTakeover: takeover, Threshold: 50, ConcurrencyLimit: 1}}
			s, sockets := connected(t, cfg, nil)
			const clients, emitters, each = 8, 6, 30
			var all []*sio
			for range clients {
				c, _ := s.connect(t, "deflate")
				all = append(all, c)
				within(t, "the connection", sockets)
			}
			var wg sync.WaitGroup
			for e := range emitters {
				wg.Go(func() {
					for n := range each {
						text := fmt.Sprintf("%d-%d %s", e, n, strings.Repeat("again ", 10+n*n*e))
						if err := s.Emit("m", text); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Go(func() {
				for range 20 {
					if c, err := dialSession(s.addr(), "deflate", ""); err == nil {
						_, _ = c.join("/", "")
						c.drop()
					}
				}
			})
			err := parallel(clients, func(i int) error {
				var next [emitters]int
				for range emitters * each {
					p, err := all[i].next()
					if err != nil {
						return err
					}
					var e, n int
					if _, err := fmt.Sscanf(p.text, `2["m","%d-%d `, &e, &n); err != nil || n != next[e] {
						return fmt.Errorf("%.50q, want number %d: %w", p.text, next[e], err)
					}
					if want := fmt.Sprintf(`2["m","%d-%d %s"]`, e, n, strings.Repeat("again ", 10+n*n*e)); p.text != want {
						return fmt.Errorf("%d-%d was changed", e, n)
					}
					next[e]++
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			wg.Wait()
		})
	}
}
