// Clients that do anything, legal or not, in pieces and in any order.

package transport

import (
	"bytes"
	"fmt"
	"strings"
)

// wild is the crowd of all clients without manners.
type wild struct {
	k     *kernel
	pick  chooser
	conns []*peer
	sids  []string
	refs  []ExchangeRef
	open  []*Session
}

// act is something that one of them, or the server to one of them, does.
func (w *wild) act() {
	switch w.pick.pick(12) {
	case 0, 1:
		w.dial()
	case 2, 3, 4, 5, 6:
		w.say()
	case 7:
		if c := w.conn(); c != nil {
			c.close()
		}
	case 8:
		if c := w.conn(); c != nil {
			c.drain(w.pick.pick(5000))
		}
	case 9:
		if c := w.conn(); c != nil && w.pick.pick(4) == 0 {
			c.fault = fault(1 + w.pick.pick(2))
		}
	case 10:
		w.serve()
	default:
		w.respond()
	}
}

// conn picks a connection, nil if there is none.
func (w *wild) conn() *peer {
	for len(w.conns) > 0 {
		i := w.pick.pick(len(w.conns))
		if c := w.conns[i]; !c.over {
			w.learn(c)
			return c
		}
		w.conns = append(w.conns[:i], w.conns[i+1:]...)
	}
	return nil
}

func (w *wild) dial() {
	if len(w.conns) > 20 {
		return
	}
	c := w.k.dial(w.pick.pick(len(w.k.loops)))
	if w.pick.pick(3) == 0 {
		c.window = w.pick.pick(5000)
	}
	w.conns = append(w.conns, c)
}

// learn takes the session's id out of whatever has come.
func (w *wild) learn(c *peer) {
	if m := sidPattern.FindSubmatch(bytes.ReplaceAll(c.take(), []byte(`\"`), []byte(`"`))); m != nil {
		w.sids = append(w.sids, string(m[1]))
		if len(w.sids) > 10 {
			w.sids = w.sids[1:]
		}
	}
}

// sid picks the id of a session, perhaps one that is over.
func (w *wild) sid() string {
	if len(w.sids) == 0 {
		return unknownSID
	}
	return w.sids[w.pick.pick(len(w.sids))]
}

// say sends something on some connection, whole or in part.
func (w *wild) say() {
	c := w.conn()
	if c == nil {
		w.dial()
		return
	}
	text := w.text()
	if w.pick.pick(3) == 0 {
		text = speeches[w.pick.pick(len(speeches))].own(text, [...]string{"", "Content-Type: application/octet-stream\r\n"}[w.pick.pick(2)])
	}
	switch w.pick.pick(6) {
	case 0:
		text = text[:w.pick.pick(len(text)+1)]
	case 1:
		text = text[w.pick.pick(len(text)+1):]
	case 2:
		text += w.text()
	}
	n := 1 + w.pick.pick(len(text)+1)
	c.push([]byte(text[:min(n, len(text))]))
	if !c.over {
		c.push([]byte(text[min(n, len(text)):]))
	}
}

var wildPackets = []string{
	"4a", "4", "bAQI=", "b!", "1", "2", "2probe", "3", "5", "6", "0", "", "z", "4a\x1e4b", "4a\x1e1\x1e4b", "4\xff",
	"2:4a6:b4AQI=", "1:21:2", "0:", "1:1", "2:4", "b4AQI=", "\x04a", "\x00\x02\xff4a\x01\x02\xff\x04a", "d=4a&e", "d=2%3a4a",
}

// text is a piece of a conversation.
func (w *wild) text() string {
	packet := wildPackets[w.pick.pick(len(wildPackets))]
	switch w.pick.pick(22) {
	case 0, 1:
		return request("GET", "", "")
	case 2, 3:
		return request("GET", w.sid(), "")
	case 4:
		return request("GET", w.sid(), "", bothCodings)
	case 5, 6:
		return request("POST", w.sid(), packet)
	case 7:
		return chunked(w.sid(), "4", "abc", packet+"x")
	case 8:
		return upgradeRequest("")
	case 9, 10:
		return upgradeRequest("&sid=" + w.sid())
	case 11, 12:
		return frame(opText, packet)
	case 13:
		return frame(opText, "2probe") + frame(opText, "5") + frame(opText, packet)
	case 14:
		return frame(opPing, "ping") + frame(1, "4a") + frame(opPong, "") + frame(0x80, "b")
	case 15:
		return frame(opClose, "\x03\xe8")
	case 16:
		return frame(opBinary, packet)
	case 17:
		return strings.Repeat(probe, 1+w.pick.pick(4))
	case 18:
		return request("POST", w.sid(), packet, "Connection: close", "Expect: 100-continue")
	case 19:
		return "GARBAGE\r\n\r\n"
	case 20:
		return fmt.Sprintf("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nabc", w.pick.pick(2_000_000))
	default:
		return strings.Repeat("x", w.pick.pick(1000))
	}
}

func (w *wild) onMessage(s *Session, data []byte, binary bool) {
	w.know(s)
	switch w.pick.pick(5) {
	case 0:
		echo(s, data, binary)
	case 1:
		s.Close()
	case 2:
		s.Fail(errBroken)
	}
}

// know remembers sessions for serve.
func (w *wild) know(s *Session) {
	for _, o := range w.open {
		if o == s {
			return
		}
	}
	w.open = append(w.open, s)
}

func (w *wild) onClose(s *Session) {
	for i, o := range w.open {
		if o == s {
			w.open = append(w.open[:i], w.open[i+1:]...)
			return
		}
	}
}

// serve is the server's turn with one of the sessions that have spoken.
func (w *wild) serve() {
	if len(w.open) == 0 {
		return
	}
	s := w.open[w.pick.pick(len(w.open))]
	n := w.k.numbers[s]
	what := w.pick.pick(8)
	s.Engine().Post(taskFunc(func(*Engine) {
		if m, ok := w.k.numbers[s]; !ok || m != n {
			return // it is another session by now
		}
		switch what {
		case 0:
			s.Close()
		case 1:
			s.Discard(TransportError, errBroken)
		case 2:
			s.Joined()
		case 3:
			s.SendShared(NewShared([]byte("shared"), [][]byte{{1, 2}}))
		case 4:
			s.SendBinary(make([]byte, 3000<<(4*(n%2)))) // compressed at once, or in pieces
		default:
			s.Send([]byte("hello"))
			if s.Writable() && s.Buffered() > 1<<30 {
				s.Close()
			}
		}
	}))
}

func (w *wild) onRequest(ref ExchangeRef, _ *Hello, _ []byte) {
	switch w.pick.pick(3) {
	case 0:
		ref.Respond(200, nil, []byte("at once"))
	default:
		w.refs = append(w.refs, ref)
	}
}

// respond answers a request late, or once more.
func (w *wild) respond() {
	if len(w.refs) == 0 {
		return
	}
	i := w.pick.pick(len(w.refs))
	w.refs[i].Respond(200, []byte("X: y\r\n"), make([]byte, w.pick.pick(3000)))
	if w.pick.pick(3) > 0 {
		w.refs = append(w.refs[:i], w.refs[i+1:]...)
	}
}
