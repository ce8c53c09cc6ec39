// The events of CONTRACT.md, the same in every namespace.

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// events registers the handlers of a namespace.
func (a *app) events(n *loop.Namespace) {
	a.record(n)
	a.echoes(n)
	a.questions(n)
	binary(n)
	roomEvents(n)
	broadcasts(n)
	volatiles(n)
	leaving(n)
}

// record keeps the journal and greets.
func (a *app) record(n *loop.Namespace) {
	n.OnConnection(func(s *loop.Socket) {
		l := line("connect", s)
		l["recovered"] = s.Recovered()
		a.journal(l)
		auth := s.Handshake().RawAuth()
		if auth == nil {
			auth = json.RawMessage("{}")
		}
		_ = s.Emit("auth", auth)
	})
	n.OnDisconnecting(func(s *loop.Socket, reason loop.DisconnectReason, _ error) {
		l := line("disconnect", s)
		l["reason"], l["rooms"] = reason, slices.Sorted(slices.Values(s.Rooms()))
		a.journal(l)
	})
	n.On("note", func(s *loop.Socket, e *loop.Event) {
		l := line("note", s)
		l["args"] = e.Args()
		a.journal(l)
	})
}

func (a *app) echoes(n *loop.Namespace) {
	n.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	})
	n.On("message", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("message-back", e.Args()) })
	n.On("plain", func(s *loop.Socket, e *loop.Event) { _ = s.Compress(false).Emit("plain", e.Args()) })
	n.On("message-with-ack", func(_ *loop.Socket, e *loop.Event) { _ = e.AckArgs(e.Args()) })
	loop.On(n, "sequence", func(s *loop.Socket, count int) error {
		for i := range count {
			if err := s.Emit("seq", i); err != nil {
				return err
			}
		}
		return nil
	})
	n.On("sink", func(*loop.Socket, *loop.Event) {})
	loop.OnAck0(n, "steps", func(s *loop.Socket) ([]string, error) {
		return append([]string{}, dataOf(s).Steps...), nil
	})
	loop.OnAck0(n, "handshake", func(s *loop.Socket) (map[string]any, error) {
		h := s.Handshake()
		query, headers := map[string]string{}, map[string]string{}
		for k, v := range h.Query() {
			query[k] = v[len(v)-1]
		}
		for k, v := range h.Header() {
			headers[strings.ToLower(k)] = strings.Join(v, ", ")
		}
		auth := any(map[string]any{})
		if raw := h.RawAuth(); raw != nil {
			auth = raw
		}
		return map[string]any{"auth": auth, "query": query, "headers": headers, "address": h.Address()}, nil
	})
	loop.OnAck0(n, "transport", func(s *loop.Socket) (string, error) { return s.Transport(), nil })
}

func (a *app) questions(n *loop.Namespace) {
	n.On("hold", func(_ *loop.Socket, e *loop.Event) {
		var key string
		if e.Args().Decode(0, &key) == nil {
			a.holding.Lock()
			a.held[key] = e.Later()
			a.holding.Unlock()
		}
	})
	n.On("release", func(_ *loop.Socket, e *loop.Event) {
		var key string
		if e.Args().Decode(0, &key) != nil {
			return
		}
		a.holding.Lock()
		ack := a.held[key]
		delete(a.held, key)
		a.holding.Unlock()
		if ack != nil {
			_ = ack(e.Args().Slice(1, e.Args().Len()))
		}
	})
	n.On("ask", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitAck("question", func(answer loop.Args, err error) {
			if err == nil {
				_ = s.EmitArgs("answer", answer)
			}
		}, e.Args())
	})
	n.On("ask-timeout", func(s *loop.Socket, e *loop.Event) {
		var ms int
		if e.Args().Decode(0, &ms) != nil {
			return
		}
		o := s.Timeout(time.Duration(ms) * time.Millisecond)
		_ = o.EmitAck("question", func(answer loop.Args, err error) {
			_ = s.Emit("answer-timeout", text(err), answer)
		}, e.Args().Slice(1, e.Args().Len()))
	})
	n.On("ask-all", func(s *loop.Socket, e *loop.Event) {
		var ms int
		if e.Args().Decode(0, &ms) != nil {
			return
		}
		ask(s.Namespace().Timeout(time.Duration(ms)*time.Millisecond), e)
	})
}

func binary(n *loop.Namespace) {
	n.On("digest", func(_ *loop.Socket, e *loop.Event) {
		list := []map[string]any{}
		for i := range e.Args().Len() {
			b := e.Args().Binary(i)
			sum := sha256.Sum256(b)
			list = append(list, map[string]any{"bytes": len(b), "sha256": hex.EncodeToString(sum[:])})
		}
		_ = e.Ack(list)
	})
	loop.On0(n, "give-binary", func(s *loop.Socket) error {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		type nested struct {
			Text  string `json:"text"`
			List  []any  `json:"list"`
			Empty []byte `json:"empty"`
			N     int    `json:"n"`
		}
		return s.Emit("binary", all, nested{
			"mixed", []any{[]byte{1, 2, 3}, map[string]any{"deep": []byte{4, 5}}}, []byte{}, 1,
		}, 7)
	})
}

func roomEvents(n *loop.Namespace) {
	acked := func(e *loop.Event, err error) {
		if err == nil && e.WantsAck() {
			_ = e.Ack()
		}
	}
	n.On("join", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			acked(e, s.Join(room))
		}
	})
	n.On("leave", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			s.Leave(room)
			acked(e, nil)
		}
	})
	loop.OnAck0(n, "rooms", func(s *loop.Socket) ([]string, error) {
		return slices.Sorted(slices.Values(s.Rooms())), nil
	})
	loop.OnAck(n, "members", func(s *loop.Socket, room string) ([]string, error) {
		sockets, err := s.Namespace().In(room).Sockets(s.Context())
		ids := []string{}
		for _, x := range sockets {
			ids = append(ids, x.ID())
		}
		slices.Sort(ids)
		return ids, err
	})
	n.On("move", func(s *loop.Socket, e *loop.Event) {
		var from, to string
		if e.Args().Bind(&from, &to) == nil {
			acked(e, errors.Join(s.Namespace().In(from).SocketsJoin(to), s.Namespace().In(from).SocketsLeave(from)))
		}
	})
}

// first is the string that an event begins with.
func first(e *loop.Event) (s string, ok bool) {
	err := e.Args().Decode(0, &s)
	return s, err == nil
}
