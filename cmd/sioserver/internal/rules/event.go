// What happens with one event. This is the hot path: it runs on the loops.

package rules

import (
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// client is what the rules keep with a socket. Its event handlers touch it, one
// after the other.
type client struct {
	events, bytes bucket
	rates         []bucket // of the rules of table that have a rate
	table         *table   // they belong to
	strikes       int
	lastStrike    int64
	seq           uint64          // of events that hooks are asked about
	lane          *lane           // nil before the first ordered hook
	publish       map[string]bool // rooms for which a room token lets it publish
}

// clientOf is made at the socket's first event.
func clientOf(st *session.State) *client {
	c, _ := st.Rules.(*client)
	if c == nil {
		c = new(client)
		st.Rules = c
	}
	return c
}

// ruleRate is the bucket of a rule.
func (c *client) ruleRate(t *table, r *rule) *bucket {
	if c.table != t {
		c.table, c.rates = t, make([]bucket, t.rates)
	}
	return &c.rates[r.rateAt]
}

// now is nanoseconds of the buckets' clock.
func (e *Engine) now() int64 { return int64(time.Since(e.began)) }

// problem is why an event goes no further, as clients are told.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// failure is the acknowledgement of an event that was refused.
type failure struct {
	Error problem `json:"error"`
}

// success is the acknowledgement of one that needs no other.
type success struct {
	OK bool `json:"ok"`
}

// event is the handler of all events of a namespace.
func (n *namespace) event(s *loop.Socket, e *loop.Event) {
	st := session.Of(s)
	if st == nil {
		return // nobody has let it in
	}
	t, c := n.table.Load(), clientOf(st)
	name, now := e.RawName(), int64(-1)
	if t.named != nil {
		t.count(name, s.Loop().Index())
	}
	if t.limits.EventsPerSecond > 0 || t.limits.BytesPerSecond > 0 || st.EventsPerSecond > 0 {
		now = n.engine.now()
		if limit := c.within(t, st, now, e.Size()); limit >= 0 {
			n.engine.limits[limit].add(s.Loop().Index())
			n.violation(s, e, st, c, now, limitNames[limit])
			return
		}
	}
	if len(name) > 0 && name[0] == '$' {
		n.command(s, e, st, c, t)
		return
	}
	if t.echo != nil && n.echo(s, e, st, c, t) {
		return
	}
	r, known := t.find(name)
	if r == nil {
		n.engine.unruled.add(s.Loop().Index())
		deny(e, problem{"unknown_event", "there is no rule for this event"})
		return
	}
	r.events.add(s.Loop().Index())
	room := ""
	if len(r.to) > 0 && !r.everyone {
		var ok bool
		if room, ok = r.to.expand(s, st, e.Args()); !ok {
			r.refused.add(s.Loop().Index())
			deny(e, problem{"bad_request", "the event does not name the room"})
			return
		}
	}
	if p := r.permits(s, st, e, room); p.Code != "" {
		r.refused.add(s.Loop().Index())
		if p.Code == "too_large" {
			n.engine.limits[limitRuleBytes].add(s.Loop().Index())
		}
		deny(e, p)
		return
	}
	if r.rateAt >= 0 {
		if now < 0 {
			now = n.engine.now()
		}
		if !c.ruleRate(t, r).take(now, float64(r.Rate), 1) {
			r.refused.add(s.Loop().Index())
			n.engine.limits[limitRuleRate].add(s.Loop().Index())
			n.violation(s, e, st, c, now, "rate")
			return
		}
	}
	n.act(s, e, st, c, t, r, room, known)
}

// within takes an event from the limits of its socket, and returns the limit that
// is reached, -1 if none is.
func (c *client) within(t *table, st *session.State, now int64, size int) int {
	rate := float64(t.limits.EventsPerSecond)
	if st.EventsPerSecond > 0 {
		rate = st.EventsPerSecond
	}
	if rate > 0 && !c.events.take(now, rate, 1) {
		return limitEvents
	}
	if bytes := t.limits.BytesPerSecond; bytes > 0 && !c.bytes.take(now, float64(bytes), float64(size)) {
		return limitBytes
	}
	return -1
}

// strikes are how many violations end a socket, if they are not further apart
// than strikesApart.
const (
	strikes      = 3
	strikesApart = 10 * int64(time.Second)
)

// violation is what follows an event beyond a rate.
func (n *namespace) violation(s *loop.Socket, e *loop.Event, st *session.State, c *client, now int64, limit string) {
	switch n.table.Load().limits.Violation {
	case "ack_error":
		deny(e, problem{"rate_limited", limit + " is reached"})
	case "disconnect":
		if now-c.lastStrike > strikesApart {
			c.strikes = 0
		}
		c.lastStrike = now
		if c.strikes++; c.strikes >= strikes {
			st.End("rate_limited")
			s.Disconnect(false)
		}
	}
}

// permits checks all that does not change with the time.
func (r *rule) permits(s *loop.Socket, st *session.State, e *loop.Event, room string) (p problem) {
	switch {
	case r.MaxBytes > 0 && e.Size() > int(r.MaxBytes):
		return problem{"too_large", "the event is larger than max_bytes of its rule"}
	case r.Binary == "deny" && e.Args().Attachments() > 0:
		return problem{"bad_request", "the event must not have binary arguments"}
	case room != "" && session.Hidden(room):
		return problem{"forbidden", "the room is not for clients"}
	}
	switch r.Require {
	case "authenticated":
		if st.User == "" {
			return problem{"unauthorized", "the event needs a user"}
		}
	case "member":
		if !s.InRoom(room) {
			return problem{"forbidden", "the event needs membership of the room"}
		}
	case "caps":
		if !glob.Any(st.Permissions.Emit, e.Name()) {
			return problem{"forbidden", "the event is not among the permissions"}
		}
	}
	return p
}

// act does what a rule says.
func (n *namespace) act(s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table, r *rule, room, known string) {
	switch r.Action {
	case "relay":
		n.relay(s, e, st, r, room, known)
	case "ack":
		if e.WantsAck() {
			_ = e.Ack(r.answer...)
		}
	case "webhook":
		n.engine.node.Bus.Publish(&lifecycle.Event{
			Type: lifecycle.EventReceived, Webhook: r.Webhook, Namespace: n.ns.Name(), SID: s.ID(), User: st.User,
			Event: e.Name(), Args: hooks.Raw(e.Args()), Data: st.Data(), Meta: st.Meta,
		})
		if e.WantsAck() {
			_ = e.Ack(success{true})
		}
	case "hook":
		n.ask(s, e, st, c, t, r)
	default: // deny
		r.refused.add(s.Loop().Index())
		deny(e, problem{"forbidden", "the event is denied"})
	}
}

// stamp is what a relay adds if the rule wants it.
type stamp struct {
	User string `json:"user,omitempty"`
	SID  string `json:"sid"`
}

// relay sends the event on. What its name allocates is saved where the rule knows
// it.
func (n *namespace) relay(s *loop.Socket, e *loop.Event, st *session.State, r *rule, room, name string) {
	switch {
	case r.As != "":
		name = r.As
	case name == "":
		name = e.Name()
	}
	var err error
	switch {
	case r.self && !r.Stamp:
		err = s.EmitArgs(name, e.Args())
	default:
		to := n.ns.To()
		if room != "" {
			to = n.ns.To(room)
		}
		if !r.IncludeSender {
			to = to.Except(s.ID())
		}
		if r.Volatile {
			to = to.Volatile()
		}
		if r.Stamp {
			err = to.Emit(name, e.Args(), stamp{st.User, s.ID()})
		} else {
			err = to.EmitArgs(name, e.Args())
		}
	}
	switch {
	case err != nil:
		deny(e, problem{"bad_request", "the event cannot be relayed"})
	case e.WantsAck():
		_ = e.Ack(success{true})
	}
}

// deny tells a client that wants to know.
func deny(e *loop.Event, p problem) {
	if e.WantsAck() {
		_ = e.Ack(failure{p})
	}
}
