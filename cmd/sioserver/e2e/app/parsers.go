// The parsers of CONTRACT.md that users make themselves.

package main

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/sioserver/sioserver/loop"
)

// parsers are the values of --parser.
var parsers = map[string]loop.Parser{"json": loop.JSON, "msgpack": loop.MsgPack, "object": object{}, "mirror": mirror{}}

// object is the parser that the official documentation makes as an example: each
// packet is a JSON object. It knows no binary values.
type object struct{}

type objectPacket struct {
	Type      *loop.PacketType `json:"type"`
	Namespace string           `json:"nsp"`
	Data      any              `json:"data,omitempty"`
	ID        *uint64          `json:"id,omitempty"`
}

func (object) Encode(p *loop.Packet) (m loop.Messages, err error) {
	q := objectPacket{Type: &p.Type, Namespace: p.Namespace, Data: p.Data}
	if p.HasID {
		q.ID = &p.ID
	}
	m.Text, err = json.Marshal(q)
	return m, err
}

func (object) NewDecoder() loop.Decoder { return object{} }

func (object) Add(message []byte, _ bool) (*loop.Packet, error) {
	q := objectPacket{}
	if err := json.Unmarshal(message, &q); err != nil {
		return nil, err
	}
	if q.Type == nil {
		return nil, errors.New("no type")
	}
	p := &loop.Packet{Type: *q.Type, Namespace: q.Namespace, Data: q.Data, HasID: q.ID != nil}
	if q.ID != nil {
		p.ID = *q.ID
	}
	return p, nil
}

// mirror is the default parser with every message written backwards.
type mirror struct{}

func (mirror) Encode(p *loop.Packet) (loop.Messages, error) {
	m, err := loop.JSON.Encode(p)
	if m.Text != nil {
		m.Text = turned(m.Text)
	}
	for i, b := range m.Binary {
		m.Binary[i] = slices.Clone(b)
		slices.Reverse(m.Binary[i])
	}
	return m, err
}

func (mirror) NewDecoder() loop.Decoder { return mirrored{loop.JSON.NewDecoder()} }

type mirrored struct{ loop.Decoder }

func (d mirrored) Add(message []byte, binary bool) (*loop.Packet, error) {
	if binary {
		message = slices.Clone(message)
		slices.Reverse(message)
		return d.Decoder.Add(message, true)
	}
	return d.Decoder.Add(turned(message), false)
}

// turned is a text backwards, its characters whole.
func turned(text []byte) []byte {
	runes := []rune(string(text))
	slices.Reverse(runes)
	return []byte(string(runes))
}
