// Forms: the two in which this server keeps packets and arguments, and puts them on the wire itself.

package loop

import (
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// form is how packets and arguments are written. A [Parser] of the user's works
// at the border alone: behind it everything has the form of JSON.
type form uint8

const (
	formJSON form = iota
	formMsgPack
)

// decode reads a packet from a message of a client.
func (f form) decode(data []byte, binary bool, revision int, lim *socketio.Limits, p *socketio.Packet) error {
	switch {
	case f == formJSON:
		return socketio.Decode(data, lim, p)
	case binary && revision < 4:
		return msgpack.DecodeV2(data, lim, p)
	case binary:
		return msgpack.Decode(data, lim, p)
	case revision < 4:
		return msgpack.DecodeV2Text(data, lim, p)
	}
	return socketio.ErrPacketType
}

// nextArg splits off the first argument.
func (f form) nextArg(args []byte) (arg, rest []byte) {
	if f == formMsgPack {
		return msgpack.NextArg(args)
	}
	return socketio.NextArg(args)
}

// unmarshal decodes an argument into v.
func (f form) unmarshal(arg []byte, bins [][]byte, v any) error {
	if f == formMsgPack {
		return msgpack.Unmarshal(arg, v)
	}
	return socketio.Unmarshal(arg, bins, v)
}

// appendArgs encodes arguments, Args among them spread out.
func (f form) appendArgs(dst []byte, bins [][]byte, args []any) ([]byte, [][]byte, error) {
	spread := false
	for _, v := range args {
		if _, ok := v.(Args); ok {
			spread = true
		}
	}
	if !spread {
		return f.appendValues(dst, bins, args)
	}
	var err error
	for i, v := range args {
		a, ok := v.(Args)
		if ok && a.n == 0 {
			continue
		}
		if f == formJSON && len(dst) > 0 {
			dst = append(dst, ',')
		}
		if ok {
			dst, bins, err = f.appendCited(dst, bins, a)
		} else {
			dst, bins, err = f.appendValues(dst, bins, args[i:i+1])
		}
		if err != nil {
			return dst, bins, err
		}
	}
	return dst, bins, nil
}

func (f form) appendValues(dst []byte, bins [][]byte, args []any) (_ []byte, _ [][]byte, err error) {
	if f == formMsgPack {
		dst, err = msgpack.AppendArgs(dst, args)
	} else {
		dst, bins, err = socketio.AppendArgs(dst, bins, args)
	}
	if err != nil {
		return dst, bins, fmt.Errorf("loop: encoding arguments: %w", err)
	}
	return dst, bins, nil
}

// appendCited appends arguments that came, with the attachments they cite.
func (f form) appendCited(dst []byte, bins [][]byte, a Args) (_ []byte, _ [][]byte, err error) {
	switch {
	case f == formJSON && a.form == formJSON:
		dst, bins = socketio.AppendCited(dst, bins, a.raw, a.bins)
	case f == formJSON:
		dst, bins, err = msgpack.ToJSON(dst, bins, a.raw)
	case a.form == formJSON:
		dst, err = msgpack.FromJSON(dst, a.raw, a.bins)
	default:
		dst = append(dst, a.raw...)
	}
	return dst, bins, err
}

// appendEvent encodes an event. id counts if hasID.
func (f form) appendEvent(dst []byte, nsp string, id uint64, hasID bool, bins int, event string, args []byte) []byte {
	if f == formMsgPack {
		return msgpack.AppendEvent(dst, nsp, id, hasID, event, args)
	}
	return socketio.AppendEvent(dst, nsp, id, hasID, bins, event, args)
}

// appendAck encodes the answer to an event.
func (f form) appendAck(dst []byte, nsp string, id uint64, bins int, args []byte) []byte {
	if f == formMsgPack {
		return msgpack.AppendAck(dst, nsp, id, args)
	}
	return socketio.AppendAck(dst, nsp, id, bins, args)
}

// json is arguments as JSON with attachments.
func (a Args) json() (raw []byte, bins [][]byte) {
	if a.form == formJSON {
		return a.raw, a.bins
	}
	// What was decoded is well-formed.
	raw, bins, _ = msgpack.ToJSON(nil, nil, a.raw)
	return raw, bins
}

// The packets that begin and end a membership. Clients of revision 3 have them
// without an id, and under [MsgPack] as text.

// sendConnect tells a client that it is in a namespace.
func (l *Loop) sendConnect(s *transport.Session, nsp, sid, pid string) {
	switch v2, f := s.Revision() < 4, l.server.form; {
	case f == formJSON && v2:
		l.sendText(s, socketio.AppendConnect(l.out[:0], nsp, "", ""))
	case f == formJSON:
		l.sendText(s, socketio.AppendConnect(l.out[:0], nsp, sid, pid))
	case v2:
		l.sendText(s, msgpack.AppendV2Connect(l.out[:0], nsp))
	default:
		l.sendBinary(s, msgpack.AppendConnect(l.out[:0], nsp, sid, pid))
	}
}

// sendDisconnect tells a client that it is out of a namespace.
func (l *Loop) sendDisconnect(s *transport.Session, nsp string) {
	switch v2, f := s.Revision() < 4, l.server.form; {
	case f == formJSON:
		l.sendText(s, socketio.AppendDisconnect(l.out[:0], nsp))
	case v2:
		l.sendText(s, msgpack.AppendV2Disconnect(l.out[:0], nsp))
	default:
		l.sendBinary(s, msgpack.AppendDisconnect(l.out[:0], nsp))
	}
}

// sendConnectError tells a client why it is not in a namespace. To one of
// revision 3 that is the data, or the message alone.
func (l *Loop) sendConnectError(s *transport.Session, nsp string, e *Error) error {
	v2, f := s.Revision() < 4, l.server.form
	if v2 && f == formMsgPack {
		l.sendText(s, msgpack.AppendV2Error(l.out[:0], nsp, e.Message))
		return nil
	}
	var payload any = e
	if v2 && e != errInvalidNamespace {
		payload = e.Data
		if payload == nil {
			payload = e.Message
		}
	}
	raw, bins, err := f.appendValues(nil, nil, []any{payload})
	if err == nil && len(bins) > 0 {
		err = fmt.Errorf("loop: the data of a refusal cannot hold a []byte")
	}
	if err != nil {
		raw, _, _ = f.appendValues(nil, nil, []any{&Error{Message: e.Message}})
	}
	if f == formJSON {
		l.sendText(s, socketio.AppendConnectError(l.out[:0], nsp, raw))
	} else {
		l.sendBinary(s, msgpack.AppendConnectError(l.out[:0], nsp, raw))
	}
	return err
}

func (l *Loop) sendText(s *transport.Session, packet []byte) {
	l.out = packet
	if l.server.custom != nil {
		l.sendCustom(s, packet)
		return
	}
	s.Send(packet)
}

func (l *Loop) sendBinary(s *transport.Session, packet []byte) {
	l.out = packet
	s.SendBinary(packet)
}
