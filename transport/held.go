// What waits for a client that does not keep up, where messages may be dropped for one.

package transport

// SlowPolicy says what becomes of messages for a client that does not keep up.
type SlowPolicy uint8

// The policies. With all but the first a message is kept where it can still be
// dropped once holdFrom bytes are with the network or in the next poll's answer.
const (
	SlowClose      SlowPolicy = iota // they wait, and from OutboundBytes on the client is closed
	SlowDropNewest                   // one for which there is no room is dropped
	SlowDropOldest                   // the oldest that wait are dropped until there is room
	SlowConflate                     // of those with a key the last one waits; else as SlowClose
)

// holdMost is how many bytes of one client's are out of reach of its policy at
// most, but for a message that is larger.
const holdMost = 64 << 10

// heldCost is what a message costs in the queue beside its bytes.
const heldCost = 128

// held is the queue of a client that does not keep up. It is there as long as
// something is in it; the engine finds it by the session.
type held struct {
	list    []heldMessage
	first   int // of the list that may be there still
	live    int // of the list
	bytes   int // of these, heldCost included
	oldest  int // in front of it nothing may be dropped
	dropped uint64
	told    bool           // OnSlow was called
	keys    map[string]int // places of the messages with a key
}

// heldMessage is a message that waits, nil for one that does not any more.
type heldMessage struct {
	m    *Shared
	keep bool // it must not be dropped
}

func (h *held) size(at int) int { return h.list[at].m.Size() + heldCost }

// push adds a message, whose hold is the queue's.
func (h *held) push(m *Shared, keep bool) {
	if len(h.list) > 2*h.live+64 {
		h.compact()
	}
	if key := m.key(); key != "" && !keep {
		if h.keys == nil {
			h.keys = map[string]int{}
		}
		h.keys[key] = len(h.list)
	}
	h.list = append(h.list, heldMessage{m, keep})
	h.live++
	h.bytes += h.size(len(h.list) - 1)
}

// remove takes a message out, and lets go of it if it is not wanted any more.
func (h *held) remove(at int) *Shared {
	m := h.list[at].m
	h.bytes -= h.size(at)
	h.live--
	h.list[at] = heldMessage{}
	if key := m.key(); key != "" && h.keys[key] == at {
		delete(h.keys, key)
	}
	return m
}

// compact forgets the places of those that are gone.
func (h *held) compact() {
	kept := h.list[:0]
	clear(h.keys)
	for _, x := range h.list {
		if x.m == nil {
			continue
		}
		if key := x.m.key(); key != "" && !x.keep {
			h.keys[key] = len(kept)
		}
		kept = append(kept, x)
	}
	clear(h.list[len(kept):])
	h.list, h.first, h.oldest = kept, 0, 0
}

// dropOldest drops the oldest message that may be, and reports whether there was
// one.
func (h *held) dropOldest() bool {
	for ; h.oldest < len(h.list); h.oldest++ {
		if x := h.list[h.oldest]; x.m != nil && !x.keep {
			h.drop(h.oldest)
			return true
		}
	}
	return false
}

func (h *held) drop(at int) {
	h.remove(at).Release()
	h.dropped++
}

// holdFrom is how many bytes the network, or the next poll, gets before messages
// are held.
func (o *Options) holdFrom() int { return min(holdMost, o.OutboundBytes/2) }

// heldFor is the session's queue, nil if it has none.
func (s *Session) heldFor() *held {
	if len(s.engine.held) == 0 {
		return nil
	}
	return s.engine.held[s]
}

// heldBytes are the bytes in the session's queue.
func (s *Session) heldBytes() int {
	if h := s.heldFor(); h != nil {
		return h.bytes
	}
	return 0
}

// passed is how many bytes wait for the session where no policy reaches them.
func (s *Session) passed() int {
	switch {
	case s.conn != nil && s.conn.blocked:
		return s.engine.waiting(s.conn)
	case s.conn != nil:
		return len(s.conn.gathered())
	case s.poll != nil && s.poll.spool != nil:
		return len(s.poll.spool.B)
	}
	return 0
}

// passes reports whether a message of n bytes goes on at once, which may be to a
// connection that is blocked. Else hold takes it.
func (s *Session) passes(n int) bool {
	e := s.engine
	if s.state != sessionOpen || s.poll != nil && s.poll.carried {
		return true
	}
	if s.heldFor() != nil {
		s.release(false)
		if s.heldFor() != nil {
			return false
		}
	}
	waiting := s.passed()
	if waiting < e.opts.holdFrom() {
		s.noteSlow(waiting + n)
		return true
	}
	return false
}

// holds reports whether the session may have a queue at present.
func (s *Session) holds() bool {
	c := s.conn
	return s.engine.opts.SlowPolicy != SlowClose && s.state == sessionOpen && (c == nil && s.poll != nil || c != nil && c.blocked && c.state == connWebSocket)
}

// holdOne is hold for a message for this session alone, which is copied.
func (s *Session) holdOne(text, bin []byte, plain uint8) bool {
	if !s.holds() {
		return false
	}
	var bins [][]byte
	if text == nil {
		bins = [][]byte{bin}
	}
	m := LendShared(text, bins)
	m.plain = plain
	return s.hold(m)
}

// holdShared is hold for a message that others get too.
func (s *Session) holdShared(m *Shared) bool {
	if !s.holds() {
		return false
	}
	m.Hold()
	return s.hold(m)
}

// hold queues a message, or drops one, as the policy says. It takes the caller's
// hold of the message over, and reports whether the message is in the queue.
func (s *Session) hold(m *Shared) bool {
	e := s.engine
	h := s.heldFor()
	if h == nil {
		h = new(held)
	}
	o, passed := e.opts, s.passed()
	keep := o.Expendable == nil || !o.Expendable(m.text, m.bins)
	n := m.Size() + heldCost
	if key := m.key(); key != "" && !keep && o.SlowPolicy == SlowConflate {
		if at, ok := h.keys[key]; ok {
			s.noteDrop()
			h.drop(at)
			e.stats.Conflated++
		}
	}
	s.noteSlow(passed + h.bytes + n)
	full := func() bool {
		return passed+h.bytes+n > o.OutboundBytes || o.OutboundMessages > 0 && h.live >= o.OutboundMessages
	}
	if o.SlowPolicy == SlowDropOldest {
		for full() && h.dropOldest() {
			s.noteDrop()
			e.stats.DroppedOldest++
		}
	}
	alone := h.live == 0 && passed <= o.OutboundBytes // one may be as large as it likes
	if full() && !alone {
		s.noteDrop()
		drop := !keep && o.SlowPolicy != SlowConflate
		switch {
		case drop && o.SlowPolicy == SlowDropNewest:
			e.stats.DroppedNewest++
			h.dropped++
		case drop:
			e.stats.DroppedOldest++
			h.dropped++
		}
		if drop || !s.holdBurst(passed+h.bytes) {
			m.Release()
			return false
		}
	}
	h.push(m, keep)
	if h.live == 1 && s.heldFor() != h {
		if e.held == nil {
			e.held = map[*Session]*held{}
		}
		e.held[s] = h
		h.told = s.slowTold()
		if s.conn != nil {
			s.conn.watch = e.timers.Cancel(s.conn.watch)
			e.lookAt(s.conn)
		}
	}
	return true
}

// holdBurst is roomFor for what must not be dropped.
func (s *Session) holdBurst(waiting int) bool {
	e := s.engine
	if waiting >= e.opts.OutboundBurst {
		if s.conn != nil {
			e.stats.Limits[LimitOutboundBurst]++
			e.fail(s.conn, ErrSlowConsumer)
		} else {
			e.stats.Limits[LimitBufferedBurst]++
			s.close(TransportError, ErrSlowConsumer)
		}
		return false
	}
	switch {
	case s.conn != nil && s.conn.over() == 0:
		s.conn.slowly().over = e.tick()
		e.lookAt(s.conn)
	case s.conn == nil && s.poll.over == 0:
		s.poll.over = e.tick()
		s.armTimer()
	}
	return true
}

// release passes on what is held: as much as the client seems to take, or all of
// it.
func (s *Session) release(all bool) {
	h := s.heldFor()
	if h == nil {
		return
	}
	for ; h.live > 0 && s.state == sessionOpen && (all || s.takesMore()); h.first++ {
		if h.list[h.first].m != nil {
			m := h.remove(h.first)
			s.pass(m)
			m.Release()
		}
	}
	if h.live == 0 {
		s.forgetHeld()
	}
}

// takesMore reports whether there is room where no policy reaches, writing what
// has gathered.
func (s *Session) takesMore() bool {
	if c := s.conn; c != nil {
		if open, _ := s.engine.flows(c); !open || !c.blocked {
			return open
		}
	}
	return s.passed() < s.engine.opts.holdFrom()
}

// pass sends a message that was held.
func (s *Session) pass(m *Shared) {
	e, c := s.engine, s.conn
	if c == nil {
		if m.text != nil {
			s.spool(spoolText|m.plain, m.text)
		}
		for _, b := range m.bins {
			s.spool(spoolBinary|m.plain, b)
		}
		return
	}
	if s.dialect != 0 {
		m = m.in(s.dialect)
	}
	if e.packs(c, len(m.frames)) && m.plain == 0 {
		form := e.packedFor(c, m)
		e.sentPacked(c, form)
		m = &form.Shared
	}
	e.stats.MessagesOut++
	out := e.output(c)
	out.B = append(out.B, m.frames...)
}

// flow passes on what is held by a connection that has taken all it was given,
// and reports whether everything is with the kernel then.
func (s *Session) flow() bool {
	s.release(false)
	c := s.conn
	if c == nil {
		return false
	}
	s.engine.flush(c)
	return s.state == sessionOpen && s.conn != nil && !s.conn.blocked
}

// forgetHeld ends the queue; what is in it is dropped.
func (s *Session) forgetHeld() {
	e := s.engine
	h := s.heldFor()
	if h == nil {
		return
	}
	for _, x := range h.list {
		if x.m != nil {
			x.m.Release()
		}
	}
	if delete(e.held, s); len(e.held) == 0 {
		e.held = nil // a map does not shrink
	}
}

// noteSlow tells the handler once that n bytes wait for the client, if that is
// much.
func (s *Session) noteSlow(n int) {
	if n <= s.engine.opts.SlowBytes || s.slowTold() {
		return
	}
	s.tellSlow()
}

// noteDrop tells the handler once that something is dropped for the client.
func (s *Session) noteDrop() {
	if !s.slowTold() {
		s.tellSlow()
	}
}

// tellSlow tells the handler that the client is slow.
func (s *Session) tellSlow() {
	if h := s.heldFor(); h != nil {
		h.told = true
	}
	switch {
	case s.conn != nil:
		s.conn.slowly().told = true
	case s.poll != nil:
		s.poll.told = true
	}
	s.engine.stats.SlowClients++
	s.engine.handler.OnSlow(s)
}

// slowTold reports whether the handler knows.
func (s *Session) slowTold() bool {
	if h := s.heldFor(); h != nil && h.told {
		return true
	}
	switch {
	case s.conn != nil:
		return s.conn.slow != nil && s.conn.slow.told
	case s.poll != nil:
		return s.poll.told
	}
	return true
}

// Dropped is how many messages were dropped since the client does not keep up.
// Loop only.
func (s *Session) Dropped() uint64 {
	if h := s.heldFor(); h != nil {
		return h.dropped
	}
	return 0
}
