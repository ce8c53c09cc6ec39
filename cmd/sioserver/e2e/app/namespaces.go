// The namespaces of CONTRACT.md: who gets in, and what listens besides the events.

package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// data is what the application keeps for a socket. A change is a new value,
// because a query may read the old one at the same time.
type data struct {
	Steps []string        `json:"steps"`
	Trail []string        `json:"trail"`
	Value json.RawMessage `json:"value"`
}

// restored makes it of what another server has kept.
func restored(raw []byte) (any, error) {
	var d data
	err := json.Unmarshal(raw, &d)
	return d, err
}

func dataOf(s *loop.Socket) data {
	d, _ := loop.DataAs[data](s)
	return d
}

// namespaces makes the namespaces and who gets in.
func (a *app) namespaces() {
	a.watch(a.server.Of("/watched"))
	a.packets(a.server.Of("/packets"))
	for _, name := range []string{"/", "/custom", "/chat", "/guarded", "/slow", "/refuse", "/packets", "/watched"} {
		a.fixed = append(a.fixed, a.server.Of(name))
	}
	refused := a.server.OfMatch(regexp.MustCompile(`^/dyn-refuse-\d+$`))
	refused.Use(func(*loop.Socket) error { return errors.New("Refused") })
	a.families = []*loop.Namespace{
		a.server.OfMatch(regexp.MustCompile(`^/dyn-\d+$`)),
		refused,
		a.server.OfFunc(func(name string, h *loop.Handshake) bool {
			var auth struct{ Token string }
			err := h.Auth(&auth)
			time.Sleep(50 * time.Millisecond)
			return err == nil && auth.Token == "open" && strings.HasPrefix(name, "/fn-")
		}),
	}
	for _, n := range slices.Concat(a.fixed, a.families) {
		a.events(n)
		a.operations(n)
	}
	a.guard()
	a.server.OnNewNamespace(func(n *loop.Namespace) {
		a.journal(map[string]any{"event": "new_namespace", "nsp": n.Name()})
	})
	a.server.Root().OnServerEvent("side-question", func(e *loop.ServerEvent) { _ = e.Ack(values(e.Args())) })
	a.server.Root().OnServerEvent("side", func(e *loop.ServerEvent) {
		a.journal(map[string]any{"event": "side", "args": e.Args()})
	})
}

// guard adds the middlewares.
func (a *app) guard() {
	guarded := a.server.Of("/guarded")
	guarded.Use(func(s *loop.Socket) error {
		a.journal(line("middleware", s))
		var auth struct{ Token string }
		if err := s.Handshake().Auth(&auth); err != nil || auth.Token != "secret" {
			return &loop.Error{Message: "Not authorized", Data: map[string]any{"code": 401, "hint": "token"}}
		}
		s.SetData(data{Steps: []string{"one"}})
		return nil
	})
	guarded.Use(func(s *loop.Socket) error {
		d := dataOf(s)
		d.Steps = append(slices.Clip(d.Steps), "two")
		s.SetData(d)
		return nil
	})
	a.server.Of("/slow").Use(func(*loop.Socket) error {
		time.Sleep(150 * time.Millisecond)
		return nil
	})
	a.server.Of("/refuse").Use(func(*loop.Socket) error { return errors.New("Refused") })
}

// packets adds two middlewares for packets, the first of which refuses an event.
func (a *app) packets(n *loop.Namespace) {
	note := func(s *loop.Socket, who string, e *loop.Event) {
		d := dataOf(s)
		d.Trail = append(slices.Clip(d.Trail), who+" "+e.Name())
		s.SetData(d)
	}
	n.OnConnection(func(s *loop.Socket) {
		s.Use(func(s *loop.Socket, e *loop.Event) error {
			note(s, "first", e)
			if e.Name() == "forbidden" {
				return &loop.Error{Message: "Not allowed"}
			}
			return nil
		})
		s.Use(func(s *loop.Socket, e *loop.Event) error {
			note(s, "second", e)
			if e.Name() == "change" {
				return e.SetArgs("changed")
			}
			return nil
		})
		s.OnError(func(s *loop.Socket, err error) {
			for errors.Unwrap(err) != nil {
				err = errors.Unwrap(err)
			}
			l := line("error", s)
			l["message"] = err.Error()
			a.journal(l)
		})
	})
	n.On("change", func(_ *loop.Socket, e *loop.Event) { _ = e.AckArgs(e.Args()) })
	n.On("forbidden", func(_ *loop.Socket, e *loop.Event) { _ = e.Ack("let through") })
	loop.OnAck0(n, "trail", func(s *loop.Socket) ([]string, error) { return dataOf(s).Trail, nil })
}

// watch adds listeners for every event in both directions.
func (a *app) watch(n *loop.Namespace) {
	saw := func(s *loop.Socket, direction, by, name string, args loop.Args) {
		l := line(direction, s)
		l["by"], l["args"] = by, []any{name}
		for i := range args.Len() {
			l["args"] = append(l["args"].([]any), args.Raw(i))
		}
		a.journal(l)
	}
	comes := func(by string) loop.Handler {
		return func(s *loop.Socket, e *loop.Event) { saw(s, "any", by, e.Name(), e.Args()) }
	}
	goes := func(by string) loop.OutgoingHandler {
		return func(s *loop.Socket, name string, args loop.Args) { saw(s, "any-outgoing", by, name, args) }
	}
	n.OnConnection(func(s *loop.Socket) {
		s.OnAny(comes("appended"))
		s.PrependAny(comes("prepended"))
		s.OnAnyOutgoing(goes("appended"))
		s.PrependAnyOutgoing(goes("prepended"))
	})
	n.On("unwatch", func(s *loop.Socket, e *loop.Event) {
		s.OffAny()
		s.OffAnyOutgoing()
		_ = e.Ack()
	})
}

// rooms keeps the journal of what happens to rooms.
func (a *app) rooms() {
	for _, n := range slices.Concat(a.fixed, a.families) {
		n.OnRoomEvent(func(e loop.RoomEvent) {
			l := map[string]any{"event": e.Type, "nsp": e.Namespace.Name(), "room": e.Room}
			if e.ID != "" {
				l["sid"] = e.ID
			}
			a.journal(l)
		})
	}
}

// line begins a line of the journal about a socket.
func line(event string, s *loop.Socket) map[string]any {
	return map[string]any{"event": event, "nsp": s.Namespace().Name(), "sid": s.ID()}
}
