// Parsers of the user's, at the border: their packets on the wire, packets in the form of JSON behind it.

package loop

import (
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// validNamespace reports whether a name can stand in a packet.
func validNamespace(name string) bool {
	return strings.HasPrefix(name, "/") && !strings.Contains(name, ",")
}

// guardParser turns a panic of a parser into an error.
func (s *Server) guardParser(err *error) {
	if p := recover(); p != nil {
		s.logPanic("Config.Parser", p)
		*err = fmt.Errorf("loop: panic in Config.Parser: %v", p)
	}
}

// encodeCustom calls the user's parser.
func (s *Server) encodeCustom(p *Packet) (m Messages, err error) {
	defer s.guardParser(&err)
	if m, err = s.custom.Encode(p); err != nil {
		err = fmt.Errorf("loop: encoding a packet: %w", err)
	}
	return m, err
}

// listPacket is the packet of an event or, if the name is "", of an acknowledgement.
func (s *Server) listPacket(nsp string, id uint64, hasID bool, event string, args []byte, bins [][]byte) (Messages, error) {
	p := &Packet{Type: socketio.Ack, Namespace: nsp, ID: id, HasID: hasID}
	head := []any{}
	if event != "" {
		p.Type, head = socketio.Event, []any{event}
	}
	var err error
	if p.Data, err = s.form.values(head, args, bins); err != nil {
		return Messages{}, err
	}
	return s.encodeCustom(p)
}

// recode replaces the packet by that of the user's parser, if there is one. An
// acknowledgement has no name.
func (m *emission) recode(id uint64, hasID bool, event string) error {
	s := m.socket.ns.server
	if s.custom == nil {
		return nil
	}
	messages, err := s.listPacket(m.socket.ns.name, id, hasID, event, m.args, m.bins)
	if err != nil {
		return err
	}
	m.text, m.bare = append(m.text[:0], messages.Text...), messages.Text == nil
	m.bins = append(m.bins[:0], messages.Binary...)
	return nil
}

// share makes a packet for many sockets of what an emission has encoded.
func (n *Namespace) share(m *emission, id uint64, hasID bool, event string, flags rooms.Flags, make func([]byte, [][]byte) *transport.Shared) (*transport.Shared, error) {
	s, text, bins := n.server, m.text, m.bins
	switch {
	case s.custom != nil:
		messages, err := s.listPacket(n.name, id, hasID, event, m.args, m.bins)
		if err != nil {
			return nil, err
		}
		text, bins = messages.Text, messages.Binary
	case s.form == formMsgPack:
		m.bins = append(m.bins[:0], m.text)
		text, bins = nil, m.bins
	}
	shared := make(text, bins)
	if !flags.Compress {
		shared.Plain()
	}
	conflate(shared, event, flags.Conflate)
	return shared, nil
}

// sendCustom sends a packet that was encoded as JSON and has no attachments.
func (l *Loop) sendCustom(s *transport.Session, text []byte) {
	limits := unlimited
	var p socketio.Packet
	var m Messages
	err := socketio.Decode(text, &limits, &p)
	if err == nil {
		var q *Packet
		if q, err = formJSON.fromText(&p, nil); err == nil {
			m, err = l.server.encodeCustom(q)
		}
	}
	if err != nil {
		l.server.fail(nil, err)
		s.Fail(err)
		return
	}
	l.send(s, m.Text, m.Binary, false, true)
}

// customClient is what a client has under a parser of the user's.
type customClient struct {
	decoder Decoder
	partial int // bytes of the packet that is not complete
}

// add calls the decoder.
func (c *customClient) add(s *Server, data []byte, binary bool) (p *Packet, err error) {
	defer s.guardParser(&err)
	if c.decoder == nil {
		c.decoder = s.custom.NewDecoder()
	}
	return c.decoder.Add(data, binary)
}

// customMessage takes a message of a client.
func (l *Loop) customMessage(s *transport.Session, c *client, data []byte, binary bool) {
	if l.server.cfg.EngineOnly {
		l.message(c, data, binary)
		return
	}
	k := c.keep()
	if k.custom == nil {
		k.custom = new(customClient)
	}
	x, limits := k.custom, l.server.cfg.Limits.Packet
	p, err := x.add(l.server, data, binary)
	if err != nil {
		s.Fail(fmt.Errorf("loop: decoding a packet: %w", err))
		return
	}
	if x.partial += len(data); x.partial > limits.PacketBytes {
		s.Fail(socketio.ErrAttachmentsTooLarge)
		return
	}
	if p == nil {
		if k.assembly == 0 {
			l.armAssembly(s, k)
		}
		return
	}
	x.partial, k.assembly = 0, l.engine.Disarm(k.assembly)
	limits.Attachments = socketio.MaxAttachments
	q, bins, err := decoded(p, &limits)
	if err != nil {
		s.Fail(err)
		return
	}
	l.receive(s, c, &q, bins)
}

// decoded is a packet of the user's parser as the server works with it: checked
// like one that came as JSON, its memory the handlers' for good.
func decoded(p *Packet, limits *socketio.Limits) (q socketio.Packet, bins [][]byte, err error) {
	e, err := formJSON.toText(p)
	if err != nil {
		return q, nil, err
	}
	if err := socketio.Decode(e.text, limits, &q); err != nil {
		return q, nil, err
	}
	for i, b := range e.bins {
		e.bins[i] = clone(b)
	}
	return q, e.bins, nil
}

// decodedShared is a packet that was sent to many sockets.
func (s *Server) decodedShared(m *transport.Shared) (name string, args Args, err error) {
	text, bins := m.Message()
	var p socketio.Packet
	limits := unlimited
	switch {
	case s.custom != nil:
		limits.Attachments = socketio.MaxAttachments
		var q *Packet
		x := new(customClient)
		if text != nil {
			q, err = x.add(s, text, false)
		}
		for i := 0; i < len(bins) && err == nil; i++ {
			q, err = x.add(s, bins[i], true)
		}
		if err == nil && q != nil {
			p, bins, err = decoded(q, &limits)
		}
	case s.form == formMsgPack:
		err = s.form.decode(bins[0], true, 4, &limits, &p)
		bins = nil
	default:
		err = s.form.decode(text, false, 4, &limits, &p)
	}
	return p.EventName(), Args{raw: p.Args, n: p.NumArgs, bins: bins, form: s.form}, err
}
