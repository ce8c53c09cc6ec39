// The events of CONTRACT.md that go through operators, and those about the socket's own state.

package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// target is whom an event with an operator is about.
type target struct {
	From     string   `json:"from"`
	To       []string `json:"to"`
	Except   []string `json:"except"`
	Local    bool     `json:"local"`
	Volatile bool     `json:"volatile"`
	MS       int      `json:"ms"`
}

func (t target) operator(s *loop.Socket) loop.BroadcastOperator {
	o := s.Namespace().To()
	if t.From == "socket" {
		o = s.Broadcast()
	}
	o = o.To(t.To...).Except(t.Except...)
	if t.Local {
		o = o.Local()
	}
	if t.Volatile {
		o = o.Volatile()
	}
	if t.MS > 0 {
		o = o.Timeout(time.Duration(t.MS) * time.Millisecond)
	}
	return o
}

// names are one name or a list of them.
type names []string

func (n *names) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(n))
}

// operations registers the handlers.
func (a *app) operations(n *loop.Namespace) {
	addressed(n)
	found(n)
	a.state(n)
	a.joined.outside(n)
	n.On("family", func(s *loop.Socket, e *loop.Event) { _ = s.Namespace().Parent().To().EmitArgs("family", e.Args()) })
	n.On("family-room", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			_ = s.Namespace().Parent().To(room).EmitArgs("family", rest(e, 1))
		}
	})
}

func addressed(n *loop.Namespace) {
	on := func(event string, h func(s *loop.Socket, o loop.BroadcastOperator, e *loop.Event)) {
		n.On(event, func(s *loop.Socket, e *loop.Event) {
			var t target
			if e.Args().Decode(0, &t) == nil {
				h(s, t.operator(s), e)
			}
		})
	}
	on("op-emit", func(_ *loop.Socket, o loop.BroadcastOperator, e *loop.Event) { _ = o.EmitArgs("op", rest(e, 1)) })
	on("op-ask", func(_ *loop.Socket, o loop.BroadcastOperator, e *loop.Event) { ask(o, e) })
	on("op-fetch", func(s *loop.Socket, o loop.BroadcastOperator, e *loop.Event) {
		list := []map[string]any{}
		sockets, _ := o.FetchSockets(s.Context())
		for _, r := range sockets {
			var d data
			var h struct {
				Auth json.RawMessage `json:"auth"`
			}
			_, _ = r.Data(&d), r.Handshake(&h)
			list = append(list, map[string]any{
				"id": r.ID(), "rooms": slices.Sorted(slices.Values(r.Rooms())), "value": d.Value, "auth": h.Auth,
			})
		}
		slices.SortFunc(list, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
		_ = e.Ack(list)
	})
	on("op-join", func(_ *loop.Socket, o loop.BroadcastOperator, e *loop.Event) {
		var rooms names
		if e.Args().Decode(1, &rooms) == nil && o.SocketsJoin(rooms...) == nil {
			_ = e.Ack()
		}
	})
	on("op-leave", func(_ *loop.Socket, o loop.BroadcastOperator, e *loop.Event) {
		var rooms names
		if e.Args().Decode(1, &rooms) == nil && o.SocketsLeave(rooms...) == nil {
			_ = e.Ack()
		}
	})
	on("op-disconnect", func(_ *loop.Socket, o loop.BroadcastOperator, e *loop.Event) {
		var closeConn bool
		if e.Args().Decode(1, &closeConn) == nil {
			_ = o.DisconnectSockets(closeConn)
		}
	})
}

// ask asks what stands behind the first argument, and acknowledges the error
// and the answers.
func ask(o loop.BroadcastOperator, e *loop.Event) {
	question, ack := rest(e, 1).Clone(), e.Later()
	go func() {
		answers, err := o.EmitWithAck(context.Background(), "question", question)
		list := make([]any, len(answers))
		for i, x := range answers {
			_ = x.Decode(0, &list[i])
		}
		_ = ack(text(err), list)
	}()
}

// text is the text of an error, nil if there is none.
func text(err error) any {
	if err == nil {
		return nil
	}
	return err.Error()
}

// found registers what can be done to a socket that a query has found.
func found(n *loop.Namespace) {
	on := func(event string, h func(r loop.RemoteSocket, e *loop.Event)) {
		n.On(event, func(s *loop.Socket, e *loop.Event) {
			id, ok := first(e)
			if !ok {
				return
			}
			if sockets, _ := s.Namespace().In(id).FetchSockets(s.Context()); len(sockets) == 1 {
				h(sockets[0], e)
			}
		})
	}
	on("found-ask", func(r loop.RemoteSocket, e *loop.Event) {
		var ms int
		if e.Args().Decode(1, &ms) != nil {
			return
		}
		question, ack := rest(e, 2).Clone(), e.Later()
		go func() {
			answer, err := r.EmitWithAck(context.Background(), time.Duration(ms)*time.Millisecond, "question", question)
			_ = ack(text(err), answer)
		}()
	})
	on("found-emit", func(r loop.RemoteSocket, e *loop.Event) { _ = r.Emit("found", rest(e, 1)) })
	on("found-move", func(r loop.RemoteSocket, e *loop.Event) {
		var id, from, to string
		if e.Args().Bind(&id, &from, &to) == nil && r.Leave(from) == nil && r.Join(to) == nil {
			_ = e.Ack()
		}
	})
	on("found-kick", func(r loop.RemoteSocket, e *loop.Event) {
		var closeConn bool
		if e.Args().Decode(1, &closeConn) == nil {
			_ = r.Disconnect(closeConn)
		}
	})
}

func (a *app) state(n *loop.Namespace) {
	n.On("remember", func(s *loop.Socket, e *loop.Event) {
		d := dataOf(s)
		if e.Args().Decode(0, &d.Value) == nil {
			s.SetData(d)
			_ = e.Ack()
		}
	})
	loop.OnAck0(n, "state", func(s *loop.Socket) (map[string]any, error) {
		rooms := slices.Sorted(slices.Values(s.Rooms()))
		return map[string]any{"recovered": s.Recovered(), "value": dataOf(s).Value, "rooms": rooms}, nil
	})
	loop.OnAck(n, "exists", func(_ *loop.Socket, name string) (bool, error) { return a.exists(name), nil })
	n.On("side", func(s *loop.Socket, e *loop.Event) {
		if s.Server().ServerSideEmit("side", e.Args()) == nil {
			_ = e.Ack()
		}
	})
	n.On("side-ask", func(s *loop.Socket, e *loop.Event) {
		args, ack := e.Args().Clone(), e.Later()
		go func() {
			answers, err := s.Server().ServerSideEmitWithAck(context.Background(), "side-question", args)
			list := make([]any, len(answers))
			for i, x := range answers {
				_ = x.Decode(0, &list[i])
			}
			_ = ack(text(err), list)
		}()
	})
	n.On("join-late", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			s.Disconnect(false)
			_ = s.Join(room)
		}
	})
}

// exists reports whether a namespace is there, fixed or made for a client.
func (a *app) exists(name string) bool {
	named := func(n *loop.Namespace) bool { return n.Name() == name }
	if slices.ContainsFunc(a.fixed, named) {
		return true
	}
	return slices.ContainsFunc(a.families, func(family *loop.Namespace) bool {
		return slices.ContainsFunc(family.Children(), named)
	})
}

// rest are the arguments from a number on.
func rest(e *loop.Event, from int) loop.Args {
	return e.Args().Slice(from, e.Args().Len())
}
