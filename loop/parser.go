// Parser: the form of packets on the wire, for users to choose or to make.

package loop

import (
	"errors"
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

// Parser is the form of Socket.IO packets on the wire. Clients must have been
// configured for the same one: with the option parser in JavaScript, whose
// Encoder and Decoder do there what this does here.
//
// [JSON] and [MsgPack] come with the server, which reads and writes these two
// itself, without building the values of a packet. A parser of the user's own is
// called for every packet: where the packet is sent from, or on the event loop.
// Its methods may be called from any goroutine at the same time and must not
// block. If one panics, what it was called for fails: the emit, or the client's
// connection.
type Parser interface {
	// Encode returns a packet as messages of Engine.IO, which the caller owns. A
	// packet for many clients is encoded once.
	Encode(p *Packet) (Messages, error)
	// NewDecoder returns a decoder for one client.
	NewDecoder() Decoder
}

// Decoder puts the packets of one client together. It is called on the client's
// event loop.
type Decoder interface {
	// Add takes the next message, text or bytes, which is valid until Add
	// returns. It returns the packet that is complete with it, whose data may be
	// views of the message; or nil if more messages belong to it, which
	// Limits.AttachmentTime and Limits.Packet.PacketBytes bound. With an error the
	// client's connection is closed.
	Add(message []byte, binary bool) (*Packet, error)
}

// Messages are the messages of one packet, in order: a text unless it is nil, and
// behind it any number of binary ones.
type Messages struct {
	Text   []byte
	Binary [][]byte
}

// PacketType is the type of a packet; package proto/socketio has its values.
type PacketType = socketio.PacketType

// Packet is a packet as a [Parser] sees it. What is in Data depends on the type:
//
//   - Event: a []any, the name of the event and its arguments
//   - Ack: a []any, the arguments
//   - Connect: from a client its auth payload, nil if there is none; to a client
//     a map with "sid", and "pid" with recovery; nil to one of version 2
//   - ConnectError: a map with "message" and perhaps "data"; to a client of
//     version 2 any value
//   - Disconnect: nil
//
// To Encode values come as encoding/json would decode them, and binary values as
// []byte, at any depth. A Decoder may return whatever [Socket.Emit] takes, up to
// 64 binary values in a packet.
type Packet struct {
	Type      PacketType // not BinaryEvent, not BinaryAck
	Namespace string     // with its slash
	ID        uint64     // of the acknowledgement, if HasID
	HasID     bool
	Data      any
}

// The parsers that come with the server.
var (
	// JSON is the default form: text, with binary values as attachments.
	JSON Parser = formJSON
	// MsgPack is the form of the npm package socket.io-msgpack-parser: each
	// packet is one binary message, binary values are inline.
	MsgPack Parser = formMsgPack
)

// Encode implements [Parser], for parsers that wrap this one.
func (f form) Encode(p *Packet) (m Messages, err error) {
	t, err := f.toText(p)
	if err != nil {
		return m, err
	}
	if f == formMsgPack {
		return Messages{Binary: [][]byte{t.text}}, nil
	}
	return Messages{Text: t.text, Binary: t.bins}, nil
}

// NewDecoder implements [Parser].
func (f form) NewDecoder() Decoder { return &formDecoder{form: f} }

// formDecoder decodes packets of a form.
type formDecoder struct {
	form      form
	assembler socketio.Assembler
	packet    socketio.Packet
}

// Add implements [Decoder].
func (d *formDecoder) Add(message []byte, binary bool) (*Packet, error) {
	if binary && d.form == formJSON {
		complete, err := d.assembler.Add(message)
		if err != nil || !complete {
			return nil, err
		}
		p, bins := d.assembler.Detach()
		return d.form.fromText(&p, bins)
	}
	if err := d.assembler.CheckText(); err != nil {
		return nil, err
	}
	limits := unlimited
	if err := d.form.decode(message, binary, 4, &limits, &d.packet); err != nil {
		return nil, err
	}
	if d.packet.Attachments > 0 {
		return nil, d.assembler.Begin(&d.packet, &limits)
	}
	return d.form.fromText(&d.packet, nil)
}

// encoded is a packet in one of the forms.
type encoded struct {
	text []byte
	bins [][]byte
}

var (
	errPacketData   = errors.New("loop: the data of a packet has another type than the packet's type asks for")
	errPacketType   = errors.New("loop: the packet has no type that a parser knows")
	errPacketName   = errors.New("loop: the namespace of a packet begins with a slash and has no comma")
	errPacketBinary = errors.New("loop: the payload of CONNECT and CONNECT_ERROR cannot hold a []byte")
)

// toText writes a packet in a form.
func (f form) toText(p *Packet) (e encoded, err error) {
	if !validNamespace(p.Namespace) {
		return e, errPacketName
	}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent, socketio.Ack, socketio.BinaryAck:
		return f.listToText(p)
	case socketio.Disconnect:
		if f == formMsgPack {
			return encoded{text: msgpack.AppendDisconnect(nil, p.Namespace)}, nil
		}
		return encoded{text: socketio.AppendDisconnect(nil, p.Namespace)}, nil
	case socketio.Connect, socketio.ConnectError:
		return f.payloadToText(p)
	}
	return e, errPacketType
}

// listToText writes an event or an acknowledgement.
func (f form) listToText(p *Packet) (e encoded, err error) {
	list, ok := p.Data.([]any)
	if !ok {
		return e, errPacketData
	}
	args, bins, err := f.appendArgs(nil, nil, list)
	if err != nil {
		return e, err
	}
	if p.Type == socketio.Ack || p.Type == socketio.BinaryAck {
		return encoded{f.appendAck(nil, p.Namespace, p.ID, len(bins), args), bins}, nil
	}
	name, rest := f.nextArg(args)
	if f == formMsgPack {
		var event any
		if err := msgpack.Unmarshal(name, &event); err != nil {
			return e, err
		}
		return encoded{text: msgpack.AppendEvent(nil, p.Namespace, p.ID, p.HasID, fmt.Sprint(event), rest)}, nil
	}
	text := socketio.AppendEventHeader(nil, p.Namespace, p.ID, p.HasID, len(bins))
	return encoded{append(append(append(text, '['), args...), ']'), bins}, nil
}

// payloadToText writes a CONNECT or its refusal.
func (f form) payloadToText(p *Packet) (e encoded, err error) {
	var payload []byte
	if p.Data != nil {
		var bins [][]byte
		if payload, bins, err = f.appendValues(nil, nil, []any{p.Data}); err != nil {
			return e, err
		}
		if len(bins) > 0 {
			return e, errPacketBinary
		}
	}
	switch {
	case f == formMsgPack:
		e.text = msgpack.AppendPayload(nil, p.Type, p.Namespace, payload)
	case p.Type == socketio.Connect:
		e.text = append(socketio.AppendConnect(nil, p.Namespace, "", ""), payload...)
	default:
		e.text = socketio.AppendConnectError(nil, p.Namespace, payload)
	}
	return e, nil
}

// fromText is a decoded packet of a form as parsers see it.
func (f form) fromText(p *socketio.Packet, bins [][]byte) (*Packet, error) {
	q := &Packet{Type: p.Type, Namespace: string(p.Namespace), ID: p.ID, HasID: p.HasID}
	switch p.Type {
	case socketio.BinaryEvent:
		q.Type = socketio.Event
	case socketio.BinaryAck:
		q.Type = socketio.Ack
	}
	var err error
	switch q.Type {
	case socketio.Event:
		q.Data, err = f.values([]any{p.EventName()}, p.Args, bins)
	case socketio.Ack:
		q.Data, err = f.values([]any{}, p.Args, bins)
	default:
		if len(p.Payload) > 0 {
			err = f.unmarshal(p.Payload, nil, &q.Data)
		}
	}
	return q, err
}

// values appends arguments as Go values.
func (f form) values(list []any, args []byte, bins [][]byte) ([]any, error) {
	for {
		arg, rest := f.nextArg(args)
		if arg == nil {
			return list, nil
		}
		var v any
		if err := f.unmarshal(arg, bins, &v); err != nil {
			return list, err
		}
		list, args = append(list, v), rest
	}
}
