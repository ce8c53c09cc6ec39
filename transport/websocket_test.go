// Sessions over websocket: messages, control frames, faults with their close codes, closing from either side.

package transport

import (
	"strings"
	"testing"
)

func TestMessagesOverWebSocket(t *testing.T) {
	big := strings.Repeat("x", 70_000)
	for _, v := range []struct {
		name, send string
		told, want []string
	}{
		{"text", frame(opText, "4hi"), []string{"1 message hi"}, []string{"4hi"}},
		{"empty text", frame(opText, "4"), []string{"1 message "}, []string{"4"}},
		{"125 bytes", frame(opText, "4"+big[:124]), []string{"1 message " + big[:124]}, []string{"4" + big[:124]}},
		{"126 bytes", frame(opText, "4"+big[:125]), []string{"1 message " + big[:125]}, []string{"4" + big[:125]}},
		{"64 bit length", frame(opText, "4"+big), []string{"1 message " + big}, []string{"4" + big}},
		{"binary", frame(opBinary, "\x00\xff"), []string{"1 binary 00ff"}, []string{"binary:00ff"}},
		{"empty binary", frame(opBinary, ""), []string{"1 binary "}, []string{"binary:"}},
		{"base64 in text", frame(opText, "bAP8="), []string{"1 binary 00ff"}, []string{"binary:00ff"}},
		{"fragments", frame(1, "4h") + frame(0, "") + frame(0x80, "i"), []string{"1 message hi"}, []string{"4hi"}},
		{"ping", frame(opPing, "abc"), nil, []string{"pong:abc"}},
		{"ping between fragments", frame(1, "4h") + frame(opPing, "p") + frame(0x80, "i"), []string{"1 message hi"}, []string{"pong:p", "4hi"}},
		{"pong of nobody", frame(opPong, "abc"), nil, nil},
		{
			"several", frame(opText, "4a") + frame(opBinary, "b") + frame(opText, "4c"),
			[]string{"1 message a", "1 binary 62", "1 message c"},
			[]string{"4a", "binary:62", "4c"},
		},
		{"heartbeat nobody asked for", frame(opText, "3"), nil, nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				k.onMessage = echo
				w := k.socket(0)
				w.cut = cut
				w.send(v.send)
				w.want(v.want...)
				k.told(append([]string{"1 open"}, v.told...)...)
				w.text("4more")
				w.want("4more")
				k.told("1 message more")
				w.hangUp()
				k.told("1 close transport close")
				k.finish()
			})
		})
	}
}

func TestWebSocketEnds(t *testing.T) {
	const noCode = "close:1005"
	for _, v := range []struct {
		name, send, told, want string
	}{
		{"close", frame(opClose, ""), "transport close", noCode},
		{"close 1000", frame(opClose, "\x03\xe8"), "transport close", "close:1000"},
		{"close 4000 with reason", frame(opClose, "\x0f\xa0bye"), "transport close", "close:4000"},
		{"message behind close", frame(opClose, "") + frame(opText, "4x"), "transport close", noCode},
		{"close packet", frame(opText, "1") + frame(opText, "4x"), "transport close", noCode},
		{"close code 1005", frame(opClose, "\x03\xed"), "transport error: ws: close code that may not be sent", "close:1002"},
		{"unmasked", "\x81\x02" + "4x", "transport error: ws: client frame without a mask", "close:1002"},
		{"reserved bit", frame(0xc1, "4x"), "transport error: ws: reserved bits without a meaning", "close:1002"},
		{"reserved opcode", frame(0x83, "4x"), "transport error: ws: reserved opcode", "close:1002"},
		{"nothing to continue", frame(0x80, "4x"), "transport error: ws: continuation without a message", "close:1002"},
		{"not UTF-8", frame(opText, "4\xff"), "transport error: ws: text is not UTF-8", "close:1007"},
		{"too large", "\x82\xff\x00\x00\x00\x00\x00\x0f\x42\x41aaaa", "transport error: ws: message over the limit", "close:1009"},
		{"a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "transport error: ws: reserved opcode", "close:1002"},
		{"empty text", frame(opText, ""), "parse error: engineio: empty packet", noCode},
		{"unknown packet", frame(opText, "9"), "parse error: engineio: unknown packet type", noCode},
		{"letter", frame(opText, "x"), "parse error: engineio: unknown packet type", noCode},
		{"bad base64", frame(opText, "b!"), "parse error: engineio: invalid base64 in a binary packet", noCode},
		{"open", frame(opText, "0"), "parse error: packet type not allowed from a client", noCode},
		{"upgrade", frame(opText, "5"), "parse error: packet type not allowed from a client", noCode},
		{"noop", frame(opText, "6"), "parse error: packet type not allowed from a client", noCode},
		{"ping packet", frame(opText, "2"), "transport error: invalid heartbeat direction", noCode},
		{"probe", frame(opText, "2probe"), "transport error: invalid heartbeat direction", noCode},
		{"ping packet with junk", frame(opText, "2xyz"), "transport error: invalid heartbeat direction", noCode},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				w := k.socket(0)
				w.cut = cut
				w.send(v.send)
				w.want(v.want)
				k.told("1 open", "1 close "+v.told)
				// The peer may answer the close; then the connection ends, soon in any case.
				w.cut = nil
				w.send(frame(opClose, ""))
				k.advance(k.opts.LingerTimeout + 20)
				if !w.over || len(w.take()) > 0 {
					t.Error("the connection stays")
				}
				k.finish()
			})
		})
	}
}

func TestMessageLimit(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.MaxPayload = 1000 })
	w := k.socket(0)
	w.text("4" + strings.Repeat("x", 999))
	k.told("1 open", "1 message "+strings.Repeat("x", 999))
	w.want()
	w.text("4" + strings.Repeat("x", 1000))
	w.want("close:1009")
	k.told("1 close transport error: ws: message over the limit")
	if n := k.stats().Limits[LimitMessage]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	k.finish()
}

func TestServerCloses(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	k.do(s, func() {
		s.Send([]byte("bye"))
		s.Close()
		s.Close()
		s.Discard(TransportError, ErrInternal)
	})
	w.want("4bye", "close:1005")
	k.told("1 open", "1 close forced close")
	if !w.shut || w.over {
		t.Error("the server should wait for the peer's close")
	}
	w.send(frame(opClose, "") + frame(opText, "4late"))
	w.hangUp()
	k.told()
	k.finish()
}

func TestServerClosesDeafPeer(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	k.do(s, s.Close)
	w.want("close:1005")
	k.within(k.opts.LingerTimeout, k.opts.LingerTimeout+20, "end", func() bool { return w.over })
	k.finish()
}

// TestServerClosesNoisyPeer has a peer that goes on sending behind the server's close.
func TestServerClosesNoisyPeer(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	k.do(s, s.Close)
	noise := []byte(strings.Repeat("x", 16<<10))
	n := 0
	for w.push(noise) {
		n += len(noise)
	}
	k.run()
	if n < k.opts.LingerBytes || n > k.opts.LingerBytes+len(noise) {
		t.Errorf("%d bytes were discarded, want %d", n, k.opts.LingerBytes)
	}
	k.finish()
}

// TestClosedTwice tells the engine twice that a connection is gone, as a network may that fails while closing.
func TestClosedTwice(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	c := w.conn
	w.close()
	k.loops[0].engine.Closed(c)
	k.run()
	k.told("1 open", "1 close transport close")
	k.finish()
}

func TestCloseFromHandlers(t *testing.T) {
	t.Run("message", func(t *testing.T) {
		k := one(t)
		k.onMessage = func(s *Session, _ []byte, _ bool) { s.Send([]byte("bye")); s.Close() }
		w := k.socket(0)
		w.send(frame(opText, "4a") + frame(opText, "4b"))
		w.want("4bye", "close:1005")
		k.told("1 open", "1 message a", "1 close forced close")
		k.finish()
	})
	t.Run("open", func(t *testing.T) {
		k := one(t)
		k.onOpen = func(s *Session, _ *Hello) { s.Send([]byte("no")); s.Discard(TransportError, ErrInternal) }
		w := &socket{peer: k.dial(0)}
		w.send(upgradeRequest("") + frame(opText, "4a"))
		w.accepted()
		if got := w.frames(); len(got) != 3 || got[1] != "4no" || got[2] != "close:1005" {
			t.Errorf("%q", got)
		}
		k.told("1 open", "1 close transport error: internal error")
		k.finish()
	})
	t.Run("another's close", func(t *testing.T) {
		k := one(t)
		w1, w2 := k.socket(0), k.socket(0)
		other := k.session(2)
		k.onClose = func(s *Session, _ CloseReason, _ error) {
			if s != other {
				other.Send([]byte("he left"))
				other.Close()
			}
		}
		w1.hangUp()
		w2.want("4he left", "close:1005")
		k.told("1 open", "2 open", "1 close transport close", "2 close forced close")
		k.finish()
	})
}

// TestFrameWithHandshake sends the first frames together with the request.
func TestFrameWithHandshake(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		k.onMessage = echo
		w := &socket{peer: k.dial(0)}
		w.cut = cut
		w.send(upgradeRequest("") + frame(opText, "4a") + frame(opBinary, "b") + frame(opPing, ""))
		w.accepted()
		if got := w.frames(); len(got) != 4 || got[1] != "4a" || got[2] != "binary:62" || got[3] != "pong:" {
			t.Errorf("%q", got)
		}
		k.told("1 open", "1 message a", "1 binary 62")
		k.finish()
	})
}

// TestUpgradeBehindRequests asks for a websocket while earlier requests of the connection have no answer.
func TestUpgradeBehindRequests(t *testing.T) {
	for _, query := range []string{"", "&sid=" + unknownSID, "&transport=x"} {
		k := one(t)
		c := k.poller(0)
		c.poll()
		c.get.send(upgradeRequest(query))
		// Whatever is written now would be taken for the answer to the poll.
		if got := c.get.take(); len(got) > 0 {
			t.Errorf("%q: %q", query, got)
		}
		k.told("1 open", "1 close transport error: poll connection closed prematurely")
		k.advance(k.opts.LingerTimeout + 20)
		if !c.get.over {
			t.Errorf("%q: the connection stays", query)
		}
		k.finish()
	}
}

func TestSharedMessages(t *testing.T) {
	k := one(t)
	m := NewShared([]byte("51-[]"), [][]byte{{1}, {}})
	plain := NewShared([]byte("2[]"), nil)
	var sockets []*socket
	for range 3 {
		sockets = append(sockets, k.socket(0))
	}
	k.do(k.session(1), func() {
		for s := range k.numbers {
			s.SendShared(plain)
		}
	})
	k.do(k.session(1), func() {
		for s := range k.numbers {
			s.SendShared(m)
			s.SendShared(plain)
			s.Send([]byte("own"))
			if s.Buffered() == 0 || s.Writable() {
				t.Error("nothing waits")
			}
		}
	})
	for _, w := range sockets {
		w.want("42[]", "451-[]", "binary:01", "binary:", "42[]", "4own")
	}
	k.finish()
}
