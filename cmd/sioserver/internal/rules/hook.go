// Events that the backend is asked about.

package rules

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// request is what the backend is asked about an event.
type request struct {
	hooks.Header
	Namespace string            `json:"namespace"`
	SID       string            `json:"sid"`
	User      string            `json:"user,omitempty"`
	Seq       uint64            `json:"seq"`
	Event     string            `json:"event"`
	Args      []json.RawMessage `json:"args"`
	Ack       bool              `json:"ack"`
	Data      json.RawMessage   `json:"data,omitempty"`
	Meta      json.RawMessage   `json:"meta,omitempty"`
}

// answer is what it says.
type answer struct {
	Ack        []json.RawMessage `json:"ack"`
	Emit       []emission        `json:"emit"`
	Join       []string          `json:"join"`
	Leave      []string          `json:"leave"`
	SetData    json.RawMessage   `json:"set_data"`
	Disconnect bool              `json:"disconnect"`
	Allow      *bool             `json:"allow"` // of $publish
	Error      *problem          `json:"error"` // of one that denies
}

// emission is an event for others, or without to and users for the sender.
type emission struct {
	session.Emission
	To       []string `json:"to"`
	Users    []string `json:"users"`
	Except   []string `json:"except"`
	Volatile bool     `json:"volatile"`
}

// asking is an event on its way to the backend.
type asking struct {
	n      *namespace
	socket *loop.Socket
	state  *session.State
	rule   *rule
	target hooks.Target
	r      *request
	ack    func(args ...any) error // nil without
}

// ask brings an event to the backend, behind those of the socket before it if
// the rule wants that.
func (n *namespace) ask(s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table, r *rule) {
	c.seq++
	a := &asking{n: n, socket: s, state: st, rule: r, target: hooks.Target{Hook: hooks.Event, URL: r.URL, Timeout: time.Duration(r.AckTimeout)}}
	if a.target.URL == "" {
		a.target.URL = t.hooks.Event.URL
	}
	a.r = &request{
		Namespace: n.ns.Name(), SID: s.ID(), User: st.User, Seq: c.seq, Event: e.Name(), Args: hooks.Raw(e.Args()),
		Ack: e.WantsAck(), Data: st.Data(), Meta: st.Meta,
	}
	if e.WantsAck() {
		a.ack = e.Later()
	}
	lanes := &n.engine.lanes
	if r.Order == "none" {
		if !lanes.run(a.run) {
			n.engine.limits[limitPending].add(s.Loop().Index())
			a.fail("too many events wait for the backend")
		}
		return
	}
	if c.lane == nil {
		c.lane = new(lane)
	}
	switch c.lane.add(lanes, a.run) {
	case laneFull:
		n.engine.limits[limitLane].add(s.Loop().Index())
		a.fail("too many events of the socket wait for the backend")
	case lanesFull:
		n.engine.limits[limitPending].add(s.Loop().Index())
		a.fail("too many events wait for the backend")
	}
}

// run asks, and does what the answer says.
func (a *asking) run() {
	var x answer
	_, err := a.n.engine.hooks.Ask(context.Background(), a.target, a.r, &x)
	switch {
	case errors.Is(err, hooks.ErrDenied):
		p := problem{"forbidden", "the backend denies it"}
		if x.Error != nil {
			p = *x.Error
		}
		a.reply(failure{p})
		return
	case err != nil:
		a.n.engine.log.Debug("the backend was not available for an event", "namespace", a.r.Namespace, "event", a.r.Event, "error", err)
		a.fail(message(err))
		return
	}
	a.n.engine.apply(a.socket, a.state, &x)
	if a.ack != nil {
		if err := a.ack(hooks.Values(x.Ack)...); err != nil {
			a.n.engine.log.Warn("the acknowledgement of a hook cannot be sent", "event", a.r.Event, "error", err)
		}
	}
	if x.Disconnect {
		a.state.End("backend")
		a.socket.Disconnect(false)
	}
}

// message is what a client may know of a failure.
func message(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "backend timeout"
	}
	return "backend unavailable"
}

// fail is what the rule wants to happen without an answer. It may run on a loop.
func (a *asking) fail(why string) {
	a.rule.refused.add(a.socket.Loop().Index())
	switch a.rule.OnError {
	case "no_ack":
	case "disconnect":
		// The client comes again by itself.
		a.socket.Conn().Close(false)
	default:
		a.reply(failure{problem{"unavailable", why}})
	}
}

func (a *asking) reply(v any) {
	if a.ack != nil {
		_ = a.ack(v)
	}
}

// apply does what an answer wants done. What it emits is sent before the
// acknowledgement.
func (e *Engine) apply(s *loop.Socket, st *session.State, x *answer) {
	if len(x.Join) > 0 {
		x.Join = slices.DeleteFunc(x.Join, session.Hidden)
		if err := s.Join(x.Join...); err != nil && !errors.Is(err, loop.ErrDisconnected) {
			e.log.Warn("the rooms of a hook cannot be joined", "rooms", x.Join, "error", err)
		}
	}
	for _, room := range x.Leave {
		if !session.Hidden(room) {
			s.Leave(room)
		}
	}
	if x.SetData != nil {
		st.SetData(x.SetData)
	}
	for i := range x.Emit {
		if err := send(s, &x.Emit[i]); err != nil {
			e.log.Warn("an event of a hook cannot be sent", "event", x.Emit[i].Event, "error", err)
		}
	}
}

// self is what stands for the sender in an answer.
const self = "@self"

// send sends an event that an answer wants sent.
func send(s *loop.Socket, m *emission) error {
	args := hooks.Values(m.Args)
	if len(m.To)+len(m.Users) == 0 && len(m.Except) == 0 {
		if m.Volatile {
			return s.Volatile().Emit(m.Event, args...)
		}
		return s.Emit(m.Event, args...)
	}
	to, everyone := []string{}, len(m.To)+len(m.Users) == 0
	for _, room := range m.To {
		if room == "@all" {
			everyone = true
		}
		to = append(to, named(s, room))
	}
	for _, u := range m.Users {
		to = append(to, session.UserRoom(u))
	}
	o := s.Namespace().To()
	if !everyone {
		o = o.To(to...)
	}
	for _, room := range m.Except {
		o = o.Except(named(s, room))
	}
	if m.Volatile {
		o = o.Volatile()
	}
	return o.Emit(m.Event, args...)
}

func named(s *loop.Socket, room string) string {
	if room == self {
		return s.ID()
	}
	return room
}
