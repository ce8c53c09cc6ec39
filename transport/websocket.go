// Websockets: the handshake, messages over frames, control frames, closing.

package transport

import (
	"errors"

	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/ws"
)

// upgradeRequest acts on a request that asks for a websocket. Every refusal
// ends the connection: a proxy may believe that the upgrade succeeded, and what
// follows must not be read as a request.
func (e *Engine) upgradeRequest(c *Conn, head, rest []byte) []byte {
	r := &e.req
	c.requests++
	e.stats.Requests++
	e.scratch = e.query.Parse(r.RawQuery, e.scratch[:0])
	q := &e.query
	if v := e.verdict; v.decided() {
		return e.refuseDecided(c, head, rest, v)
	}
	if err := e.checkQuery(q, true); err != nil {
		return e.refuseUpgrade(c, head, rest, err)
	}
	if c.first != nil || string(r.Method) != "GET" {
		return e.refuseUpgrade(c, head, rest, ErrBadHandshakeMethod)
	}
	if len(q.SID) > 0 {
		return e.candidateRequest(c, head, rest)
	}
	if err := e.checkHandshake(r, q, true); err != nil {
		return e.refuseUpgrade(c, head, rest, err)
	}
	sid, name, refusal := e.newID()
	if refusal != nil {
		return e.refuseUpgrade(c, head, rest, refusal)
	}
	if no := e.notAdmitted(c, head, name); no != nil {
		e.refuseWith(c, no.Status, no.Body, "Content-Type: "+no.ContentType+"\r\n"+no.Fields)
		return rest
	}
	if !e.accept(c, head) {
		e.unadmit()
		if name != "" {
			e.names.remove(name)
		}
		return rest
	}
	s := e.openSession(c, sid, name)
	c.state, c.session = connWebSocket, s
	e.startSession(s)
	e.scratch = s.appendOpen(e.scratch[:0])
	out := e.output(c)
	out.B = ws.AppendFrame(out.B, ws.OpText, e.scratch)
	if i := e.opts.Initial; i != nil {
		out.B = i.appendFrame(out.B, s.dialect)
	}
	e.handler.OnOpen(s, e.hello(c, head))
	return rest
}

// accept checks the websocket handshake and appends the 101.
func (e *Engine) accept(c *Conn, head []byte) bool {
	r := &e.req
	w := ws.Request{
		Upgrade: r.Upgrade, Key: r.SecWebSocketKey, Version: r.SecWebSocketVersion,
		Protocols: r.SecWebSocketProtocol, Extensions: r.SecWebSocketExtensions,
		UpgradeLines: r.UpgradeLines, KeyLines: r.KeyLines, VersionLines: r.VersionLines, ProtocolLines: r.ProtocolLines,
		ConnectionUpgrade: r.UpgradeRequested, ConnectionClose: !r.KeepAlive,
		HasBody: r.HasContentLength || r.Chunked, Minor: r.Minor,
	}
	e.joinLines(&w)
	if err := ws.CheckAccept(&w); err != nil {
		e.refused(c, r, head, ErrTransportHandshake)
		fields := htmlField
		if err.Version {
			fields += "Sec-WebSocket-Version: 13\r\n"
		}
		e.refuseWith(c, err.Status, err.Body, fields)
		return false
	}
	e.extra, _ = e.appendExtra(e.extra[:0])
	var room [192]byte
	out := e.output(c)
	out.B = ws.AppendAccept(out.B, r.SecWebSocketKey, ws.Answer{
		Protocol: ws.FirstProtocol(w.Protocols), Extensions: e.agree(c, room[:0], w.Extensions), Fields: e.extra,
	})
	return true
}

// joinLines puts lists that came on several lines together, as RFC 9110 5.3
// has it.
func (e *Engine) joinLines(w *ws.Request) {
	join := func(name string) (list []byte) {
		e.req.EachValue(name, func(value []byte) {
			if list != nil {
				list = append(list, ',')
			}
			list = append(list, value...)
		})
		return list
	}
	if e.req.ProtocolLines > 1 {
		w.Protocols = join("Sec-WebSocket-Protocol")
	}
	if e.req.ExtensionsLines > 1 {
		w.Extensions = join("Sec-WebSocket-Extensions")
	}
}

// refuseUpgrade answers an upgrade request with the text of the refusal, as the
// reference does, and ends the connection. What follows is returned.
func (e *Engine) refuseUpgrade(c *Conn, head, rest []byte, err *HandshakeError) []byte {
	e.refused(c, &e.req, head, err)
	e.refuseWith(c, err.Status, err.Message, htmlField)
	return rest
}

// refuseDecided answers an upgrade request with what a verdict says.
func (e *Engine) refuseDecided(c *Conn, head, rest []byte, v *Verdict) []byte {
	if v.Refusal != nil {
		return e.refuseUpgrade(c, head, rest, v.Refusal)
	}
	e.refuseWith(c, v.Status, string(v.Body), "")
	return rest
}

const htmlField = "Content-Type: text/html\r\n"

func (e *Engine) refuseWith(c *Conn, status int, text, fields string) {
	if c.first == nil { // else it would pass for the answer to another request
		out := e.output(c)
		out.B = http1.AppendStatus(out.B, status)
		out.B = append(out.B, fields...)
		var always int
		e.extra, always = e.appendExtra(e.extra[:0])
		out.B = append(out.B, e.extra[:always]...)
		out.B = http1.AppendConnection(out.B, 1, false)
		out.B = http1.AppendBody(out.B, status, false, text)
	}
	e.discardBody(c)
	e.endLingering(c)
	e.dropExchanges(c)
}

// feedFrames takes bytes of websocket frames.
func (e *Engine) feedFrames(c *Conn, p []byte) {
	limits := ws.DefaultLimits()
	limits.Message = uint64(e.opts.MaxPayload)
	for {
		ev, n, err := c.frames.Next(p, &limits)
		if err != nil {
			e.frameError(c, err)
			return
		}
		p = p[n:]
		switch ev.Kind {
		case ws.None:
			if c.message == 0 && c.frames.Pending() {
				c.message = e.seconds()
				e.lookAt(c)
			}
			return
		case ws.Text, ws.Binary:
			c.message = 0
			payload := ev.Payload
			if ev.Compressed {
				if payload, err = e.inflate(c, payload, ev.Kind == ws.Text); err != nil {
					e.frameError(c, err)
					return
				}
			}
			e.frameMessage(c, payload, ev.Kind == ws.Binary)
		case ws.Ping, ws.Pong:
			if !c.frames.Pending() {
				c.message = 0
			}
			if ev.Kind == ws.Ping {
				e.answerPing(c, ev.Payload)
			}
		case ws.Close:
			e.peerClosed(c, ev.Code)
			return
		}
		if c.state != connWebSocket && c.state != connCandidate {
			return
		}
	}
}

// frameMessage acts on a complete websocket message.
func (e *Engine) frameMessage(c *Conn, payload []byte, binary bool) {
	s := c.session
	if c.state == connCandidate {
		s.probe(c, payload, binary)
		return
	}
	p, err := s.codec().DecodeFrame(payload, binary)
	if err != nil {
		s.close(ParseError, err)
		return
	}
	s.receive(p)
}

// answerPing answers a ping of the websocket layer. A peer that does not read
// gets a limited number of answers.
func (e *Engine) answerPing(c *Conn, payload []byte) {
	if !e.roomForPong(c, ws.HeaderSize(len(payload))+len(payload)) {
		return
	}
	out := e.output(c)
	if !c.blocked {
		out.B = ws.AppendPong(out.B, payload)
		return
	}
	if c.slow.pongs == nil {
		c.slow.pongs = new(ws.Pongs)
	}
	out.B = c.slow.pongs.Append(out.B, payload)
}

// frameError ends a websocket whose peer breaks the protocol.
func (e *Engine) frameError(c *Conn, err error) {
	code := ws.StatusProtocolError
	var fault *ws.CloseError
	if errors.As(err, &fault) {
		code = fault.Code
	}
	if code == ws.StatusTooBig || code == ws.StatusPolicy {
		e.stats.Limits[LimitMessage]++
	}
	e.closeFrames(c, code, err)
}

// peerClosed answers a close frame with the same code.
func (e *Engine) peerClosed(c *Conn, code ws.StatusCode) {
	s, candidate := c.session, c.state == connCandidate
	c.session = nil
	out := e.output(c)
	out.B = ws.AppendClose(out.B, code, "")
	e.end(c)
	switch {
	case s == nil:
	case candidate:
		s.dropCandidate(c)
	default:
		s.conn = nil
		s.close(TransportClose, nil)
	}
}

// closeFrames closes a websocket for a fault; err describes it to the session.
func (e *Engine) closeFrames(c *Conn, code ws.StatusCode, err error) {
	s, candidate := c.session, c.state == connCandidate
	c.session = nil
	e.endFrames(c, code)
	switch {
	case s == nil:
	case candidate:
		s.dropCandidate(c)
	default:
		s.conn = nil
		s.close(TransportError, err)
	}
}

// endFrames sends a close frame as the last thing on a websocket.
func (e *Engine) endFrames(c *Conn, code ws.StatusCode) {
	if c.state >= connClosing {
		return
	}
	out := e.output(c)
	out.B = ws.AppendClose(out.B, code, "")
	e.endLingering(c)
}

// What a client and this side send to probe a websocket before an upgrade.
var (
	probePing = []byte("2probe")
	probePong = engineio.AppendPacket(nil, engineio.Pong, []byte("probe"))
)
