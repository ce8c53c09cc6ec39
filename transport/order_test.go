// What must be true of the engines whenever the loops are at rest.

package transport

import (
	"fmt"
	"slices"
)

// tally counts what the records of an engine hold, to compare with what its pools and its wheel have lent.
type tally struct{ conns, sessions, timers, buffers int }

func (n *tally) timer(armed bool) {
	if armed {
		n.timers++
	}
}

func (n *tally) buffer(b *buffer) {
	if b != nil {
		n.buffers++
	}
}

// check looks at every record of every engine.
func (k *kernel) check() {
	k.t.Helper()
	before := k.faults
	var lent, held int
	for _, l := range k.loops {
		e := l.engine
		var n tally
		e.conns.Each(func(c *Conn) { k.checkConn(e, c, &n) })
		e.sessions.Each(func(s *Session) { k.checkSession(e, s, &n) })
		n.timers += k.armed[e]
		if e.live.conns != n.conns || e.live.sessions > n.sessions || e.sids.Len() != n.sessions {
			k.fault("engine %d counts %+v and %d ids, has %+v", e.index, e.live, e.sids.Len(), n)
		}
		if e.timers.Len() != n.timers {
			k.fault("engine %d: %d timers in the wheel, %d have an owner", e.index, e.timers.Len(), n.timers)
		}
		if len(e.dirty)+len(e.polls)+len(e.graves)+len(e.tombs)+len(e.inbox.mu.tasks)+len(e.lent) > 0 {
			k.fault("engine %d is not done: %d outputs, %d polls, %d graves, %d tombs, %d tasks, %d messages", e.index,
				len(e.dirty), len(e.polls), len(e.graves), len(e.tombs), len(e.inbox.mu.tasks), len(e.lent))
		}
		if e.timers.Len() > 0 && (l.alarm == 0 || l.alarm != e.alarm) {
			k.fault("engine %d has timers and waits for %d, the alarm is set to %d", e.index, e.alarm, l.alarm)
		}
		lent += e.buffers.lent
		held += n.buffers
	}
	if lent != held && k.stats().Panics == 0 {
		k.fault("%d buffers lent, %d held", lent, held)
	}
	if len(k.numbers) != k.opened-k.closed {
		k.fault("%d sessions known, %d opened, %d closed", len(k.numbers), k.opened, k.closed)
	}
	if k.faults > before {
		k.t.FailNow() // what follows would only repeat it
	}
}

// fault reports something that is not in order.
func (k *kernel) fault(format string, args ...any) {
	k.t.Helper()
	k.faults++
	k.t.Errorf(format, args...)
}

func (k *kernel) checkConn(e *Engine, c *Conn, n *tally) {
	k.t.Helper()
	fail := func(text string) {
		k.t.Helper()
		k.fault("engine %d, connection %d: %s: %+v", e.index, c.index, text, *c)
	}
	if c.state == connFree {
		if c.timer != 0 || c.watch != 0 || c.session != nil || c.first != nil || c.in != nil || c.out != nil ||
			c.unsent != nil || c.shared != nil || c.slow != nil || c.blocked || c.queued || c.inflight != 0 {
			fail("free and not empty")
		}
		return
	}
	n.conns++
	n.timer(c.timer != 0)
	n.timer(c.watch != 0)
	n.buffer(c.out)
	p := c.Wire.(*peer)
	if p.conn != c {
		fail("is not that of its peer")
	}
	if c.out != nil || c.shared != nil || c.queued {
		fail("output was not written")
	}
	if c.blocked && c.watch == 0 || len(p.kept) > 0 && !c.blocked {
		fail("a slow peer is not watched")
	}
	if c.blocked && c.slow == nil || !c.blocked && c.slow != nil {
		fail("slow, or not")
	}
	if c.over() != 0 && (!c.blocked || c.state != connWebSocket && c.state != connCandidate) {
		fail("a burst out of place")
	}
	if c.unsent != nil && !c.blocked {
		fail("answers were sent and are kept")
	}
	if (c.message != 0 || c.in != nil && c.in.phase == readingBody) && c.watch == 0 {
		fail("a slow message is not watched")
	}
	count := 0
	for x := c.first; x != nil; x = x.next {
		count++
		n.buffer(x.held)
		if x.done != (x.held != nil) || x.done && x == c.first {
			fail("an answer is not where it belongs")
		}
	}
	if count != int(c.inflight) {
		fail("requests without an answer are counted wrong")
	}
	if c.in != nil {
		n.buffer(c.in.data)
		discarding := c.in.phase == discardingBody
		if (c.in.data == nil) != discarding || c.state != connHTTP && c.state != connAnnounced && !discarding {
			fail("half a request out of place")
		}
	}
	if c.state != connHTTP && count > 0 {
		fail("requests that nobody answers")
	}
	switch c.state {
	case connAnnounced:
		if c.timer == 0 || c.in == nil || c.in.announced == nil {
			fail("waits for a header that nobody wants")
		}
	case connHTTP:
		switch leaves := c.in != nil && c.in.phase == leaving; {
		case leaves && (c.timer != 0 || c.first == nil && c.watch == 0):
			fail("leaves and is not waiting for an answer of this side, or for one to be taken")
		case !leaves && (c.first == nil || c.in != nil) != (c.timer != 0):
			fail("waits for the peer and has no deadline, or the other way round")
		}
	case connWebSocket:
		if c.session == nil || c.session.conn != c || c.timer != 0 {
			fail("a websocket without its session")
		}
	case connCandidate:
		if c.session == nil || c.session.poll == nil || c.session.poll.candidate != c || c.timer == 0 {
			fail("a candidate without its session")
		}
	case connClosing:
		if c.timer != 0 || !c.blocked {
			fail("should be closed")
		}
	case connDiscarding:
		if c.timer == 0 || c.session != nil || c.in == nil {
			fail("discards for ever, or nothing")
		}
	case connDraining:
		if c.timer == 0 || c.session != nil || c.in != nil {
			fail("drains for ever")
		}
	default:
		fail("in a state that must not last")
	}
}

func (k *kernel) checkSession(e *Engine, s *Session, n *tally) {
	k.t.Helper()
	fail := func(text string) {
		k.t.Helper()
		k.fault("engine %d, session %d: %s: %+v", e.index, s.index, text, *s)
	}
	if s.state == sessionFree {
		if s.timer != 0 || s.conn != nil || s.poll != nil {
			fail("free and not empty")
		}
		return
	}
	n.sessions++
	n.timer(s.timer != 0)
	if i, ok := e.sids.Find(&s.id); !ok || i != s.index {
		fail("cannot be found")
	}
	if s.timer == 0 {
		fail("has no deadline")
	}
	_, known := k.numbers[s]
	switch s.state {
	case sessionOpen:
		if !known {
			fail("open and unknown above")
		}
		if s.conn == nil == (s.poll == nil) {
			fail("no transport, or two")
		}
		if s.conn != nil && s.conn.session != s {
			fail("its websocket is another's")
		}
	case sessionLingering:
		if known || s.conn != nil || s.poll == nil || s.poll.open() {
			fail("lingers in a wrong way")
		}
	default:
		fail("in a state that must not last")
	}
	if h := s.heldFor(); h != nil {
		bytes, live := 0, 0
		for i, x := range h.list {
			if x.m != nil {
				live++
				bytes += h.size(i)
			}
		}
		if s.state != sessionOpen || bytes != h.bytes || live != h.live || s.conn != nil && !s.conn.blocked {
			fail(fmt.Sprintf("a queue of %d messages, %d bytes; counted are %d, %d", live, bytes, h.live, h.bytes))
		}
	}
	if s.poll == nil {
		return
	}
	n.buffer(s.poll.spool)
	if s.poll.over != 0 && s.state == sessionOpen && s.Buffered() <= e.opts.OutboundBytes {
		fail("a burst of nothing")
	}
	if s.poll.open() && s.poll.spool != nil {
		fail("packets wait although a poll is open")
	}
	var post ExchangeRef
	if s.poll.post != nil {
		post = *s.poll.post
	}
	for _, open := range []struct {
		ref  ExchangeRef
		kind pollKind
	}{{s.poll.get, pollGet}, {post, pollPost}} {
		if open.ref.engine == nil {
			continue
		}
		if _, x := open.ref.engine.exchange(open.ref); x == nil || x.wait != open.kind || x.sid != s.id {
			fail("waits on a request that is over")
		}
	}
}

// checkEmpty demands that nothing is left.
func (k *kernel) checkEmpty() {
	k.t.Helper()
	total := k.stats()
	if total.Panics > 0 {
		total.Buffers = 0 // a panic loses those of its call to the collector
	}
	if total.Conns+total.Sessions+total.Timers+total.Buffers != 0 {
		k.t.Errorf("left over: %d connections, %d sessions, %d timers, %d buffers", total.Conns, total.Sessions, total.Timers, total.Buffers)
	}
	if total.ConnsOpened != total.ConnsClosed || total.SessionsOpened != total.SessionsClosed || k.opened != k.closed {
		k.t.Errorf("opened and closed differ: %+v, told %d and %d", total, k.opened, k.closed)
	}
	for _, l := range k.loops {
		for x, seen := l.engine.exchanges, []*exchange(nil); x != nil; x = x.next {
			if slices.Contains(seen, x) {
				k.t.Fatal("an exchange was given back twice")
			}
			seen = append(seen, x)
		}
	}
}
