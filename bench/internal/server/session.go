// Engine.IO sessions and the application of the contract.

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

// session is one client.
type session struct {
	sid      string
	revision int
	// ws carries it once there is a websocket; poll is the GET that waits; probe a
	// websocket that is tried.
	ws, poll, probe *conn
	payload         []byte
	rooms           map[string]struct{}
	joined          bool
	held            []byte
	behind          int
	heard, pinged   time.Time
}

// request takes an HTTP request.
func (s *Server) request(c *conn, m wire.Message) {
	path, _, _ := bytes.Cut(m.Target, []byte{'?'})
	upgrade := bytes.EqualFold(m.Header("Upgrade"), []byte("websocket"))
	eio := m.Query("EIO")
	switch {
	case string(path) == "/stats":
		b, _ := json.Marshal(s.Stats())
		s.answer(c, 200, "application/json", b)
	case string(path) == "/api/v1/emit":
		s.publish(c, m.Body)
	case upgrade && len(eio) == 0:
		s.accept101(c, m)
		c.kind, c.fanOut = kindRawWS, string(path) == "/bcast"
	case string(path) != s.cfg.Path:
		s.answer(c, 404, "text/plain", []byte("not found"))
	case len(m.Query("sid")) > 0:
		s.known(c, m, upgrade)
	default:
		s.handshake(c, m, upgrade, eio)
	}
}

// handshake begins a session.
func (s *Server) handshake(c *conn, m wire.Message, upgrade bool, eio []byte) {
	s.shakes++
	if n := s.cfg.Faults.Refuse; n > 0 && s.shakes%n == 0 {
		s.stats.Refused++
		s.answer(c, 403, "application/json", []byte(`{"code":4,"message":"Forbidden"}`))
		return
	}
	if string(eio) != "3" && string(eio) != "4" {
		s.answer(c, 400, "application/json", []byte(`{"code":5,"message":"Unsupported protocol version"}`))
		return
	}
	s.nextID++
	v := &session{sid: fmt.Sprintf("%020d", s.nextID), revision: int(eio[0] - '0'), heard: time.Now(), pinged: time.Now()}
	s.sessions[v.sid] = v
	upgrades := `["websocket"]`
	if upgrade {
		upgrades = `[]`
		s.accept101(c, m)
		c.kind, c.session, v.ws = kindWS, v, c
	} else {
		v.poll = c
		c.session = v
	}
	open := fmt.Sprintf(`0{"sid":%q,"upgrades":%s,"pingInterval":%d,"pingTimeout":%d,"maxPayload":1000000}`,
		v.sid, upgrades, s.cfg.PingInterval.Milliseconds(), s.cfg.PingTimeout.Milliseconds())
	s.send(v, []byte(open))
	if v.revision == 3 {
		v.joined = true
		s.send(v, []byte("40"))
	}
}

// accept101 agrees to a websocket.
func (s *Server) accept101(c *conn, m wire.Message) {
	c.out = append(c.out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	c.out = append(c.out, wire.AcceptKey(string(m.Header("Sec-WebSocket-Key")))...)
	if s.cfg.Deflate && bytes.Contains(m.Header("Sec-WebSocket-Extensions"), []byte("permessage-deflate")) {
		c.deflate = true
		c.out = append(c.out, "\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"...)
	}
	c.out = append(c.out, "\r\n\r\n"...)
	s.mark(c)
}

// known takes a request of a session.
func (s *Server) known(c *conn, m wire.Message, upgrade bool) {
	v := s.sessions[string(m.Query("sid"))]
	switch {
	case v == nil:
		s.answer(c, 400, "application/json", []byte(`{"code":1,"message":"Session ID unknown"}`))
	case upgrade && v.ws == nil:
		s.accept101(c, m)
		c.kind, c.session, v.probe = kindWS, v, c
	case upgrade || v.ws != nil:
		s.answer(c, 400, "application/json", []byte(`{"code":3,"message":"Bad request"}`))
	case string(m.Method) == "GET":
		v.poll, c.session = c, v
		s.answerPoll(v)
	default:
		c.session = v
		s.answer(c, 200, "text/html", []byte("ok"))
		body := bytes.Clone(m.Body)
		for len(body) > 0 {
			packet, rest, err := wire.NextPacket(body, v.revision)
			if err != nil {
				s.endSession(v)
				return
			}
			body = rest
			s.fromClient(v, packet)
		}
	}
}

// answer answers a request.
func (s *Server) answer(c *conn, status int, kind string, body []byte) {
	c.out = append(c.out, "HTTP/1.1 "...)
	c.out = strconv.AppendInt(c.out, int64(status), 10)
	c.out = append(c.out, " .\r\nContent-Type: "...)
	c.out = append(c.out, kind...)
	c.out = append(c.out, "\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, body...)
	s.mark(c)
}

// answerPoll answers the GET that waits, if there is one and something to say.
func (s *Server) answerPoll(v *session) {
	if v.poll == nil {
		return
	}
	if len(v.payload) == 0 && v.probe != nil {
		v.payload = wire.AppendPacket(v.payload, []byte{wire.Noop}, v.revision)
	}
	if len(v.payload) == 0 {
		return
	}
	s.answer(v.poll, 200, "text/plain; charset=UTF-8", v.payload)
	v.payload, v.poll = nil, nil
}

// send sends an Engine.IO packet to a session.
func (s *Server) send(v *session, b []byte) {
	if v.ws != nil {
		s.appendText(v.ws, b)
		return
	}
	v.payload = wire.AppendPacket(v.payload, b, v.revision)
	s.answerPoll(v)
}

// packet takes an Engine.IO packet from a websocket.
func (s *Server) packet(c *conn, b []byte) {
	v := c.session
	if v == nil {
		s.close(c)
		return
	}
	if v.probe == c {
		switch string(b) {
		case "2probe":
			c.out = wire.AppendFrame(c.out, wire.OpText, false, []byte("3probe"), false, 0)
			s.mark(c)
			s.answerPoll(v)
		case "5":
			v.ws, v.probe, v.poll = c, nil, nil
			s.stats.Upgraded++
			for payload := v.payload; len(payload) > 0; {
				packet, rest, err := wire.NextPacket(payload, v.revision)
				if err != nil {
					break
				}
				payload = rest
				s.appendText(c, packet)
			}
			v.payload = nil
		}
		return
	}
	s.fromClient(v, b)
}

// fromClient takes an Engine.IO packet of a session.
func (s *Server) fromClient(v *session, b []byte) {
	if len(b) == 0 {
		s.endSession(v)
		return
	}
	switch b[0] {
	case wire.Ping:
		v.heard = time.Now()
		s.send(v, []byte{wire.Pong})
	case wire.Pong:
		v.heard = time.Now()
	case wire.Close:
		s.endSession(v)
	case wire.Data:
		p, ok := wire.ParsePacket(b[1:])
		if !ok {
			s.endSession(v)
			return
		}
		s.dispatch(v, p)
	}
}

// heartbeat pings who is due and ends who has been silent.
func (s *Server) heartbeat(now time.Time) {
	for _, v := range s.sessions {
		if now.Sub(v.heard) > s.cfg.PingInterval+s.cfg.PingTimeout {
			s.endSession(v)
			continue
		}
		if v.revision == 4 && now.Sub(v.pinged) >= s.cfg.PingInterval {
			v.pinged = now
			s.send(v, []byte{wire.Ping})
		}
	}
}

// endSession forgets a session and closes what belongs to it.
func (s *Server) endSession(v *session) {
	if s.sessions[v.sid] != v {
		return
	}
	delete(s.sessions, v.sid)
	if v.held != nil {
		s.stats.Held++
	}
	for name := range v.rooms {
		delete(s.rooms[name], v)
		if len(s.rooms[name]) == 0 {
			delete(s.rooms, name)
		}
	}
	for _, c := range []*conn{v.ws, v.poll, v.probe} {
		if c != nil {
			s.close(c)
		}
	}
}
