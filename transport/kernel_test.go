// The fake kernel: connections in memory, a clock that the test moves, and the turns of the loops.

package transport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// kernel is the network of a group of engines. All its loops run on the test's goroutine, one turn at a time.
type kernel struct {
	upgrading int // sessions that are told to be upgrading, or have been

	t     testing.TB
	now   int64
	opts  Options
	loops []*fakeLoop
	peers []*peer
	moves []move
	turns *rand.Rand // the order of the loops' turns, by index if nil
	read  int        // bytes a loop reads from a connection in one go

	refuseMoves bool
	faults      int  // found by check
	catch       bool // panics of the handler are expected and handled as the reactor does
	world
}

// move is a connection between two loops.
type move struct {
	peer *peer
	to   *fakeLoop
	head []byte
}

// fakeLoop implements Network for one engine.
type fakeLoop struct {
	k      *kernel
	engine *Engine
	woken  atomic.Bool
	alarm  int64
	calls  int // of Send
	sends  int // outputs in them
}

// handlerPanic is what a handler panics with when a test wants it to.
type handlerPanic string

var errBroken = errors.New("broken pipe")

func newKernel(t testing.TB, loops int, change func(*Options)) *kernel {
	k := &kernel{t: t, now: 1_000_000, opts: Defaults(), read: 16 << 10}
	k.opts.Gather = wantedGather()
	k.opts.SlowBytes = 1 << 30 // those who want to hear of slow clients set it
	if change != nil {
		change(&k.opts)
	}
	k.world.init()
	for _, e := range NewGroup(loops, &k.opts, func() int64 { return k.now }) {
		l := &fakeLoop{k: k, engine: e}
		k.loops = append(k.loops, l)
		e.Attach(&recorder{k, e}, l)
		e.Enter()
	}
	return k
}

// one is a kernel with one loop and the default options.
func one(t testing.TB) *kernel { return newKernel(t, 1, nil) }

func (l *fakeLoop) Write(c *Conn, p []byte) error {
	to := c.Wire.(*peer)
	if to.over || to.shut || to.conn != c {
		l.k.t.Errorf("peer %d: %d bytes written after the end", to.number, len(p))
		return errBroken
	}
	switch to.fault {
	case faultReturned:
		return errBroken
	case faultClosed:
		l.drop(to)
		return errBroken
	}
	to.kept = append(to.kept, p...)
	to.flow()
	return nil
}

// Send leaves some of what the kernel would take to Write, and finds faults or leaves them to Write too.
func (l *fakeLoop) Send(batch []Output) {
	l.calls++
	if len(batch) == 0 || len(batch) > OutputBatch {
		l.k.t.Errorf("a batch of %d", len(batch))
	}
	for i := range batch {
		o := &batch[i]
		to := o.Conn.Wire.(*peer)
		l.sends++
		switch {
		case to.over || to.shut || to.conn != o.Conn:
			l.k.t.Errorf("peer %d: %d bytes sent after the end", to.number, len(o.Data))
		case len(to.kept) > 0 || to.fault == faultClosed:
		case to.fault == faultReturned:
			if l.sends%2 == 0 {
				o.Err = errBroken
			}
		default:
			p := o.Data
			if l.sends%3 == 0 {
				p = p[:len(p)/2]
			}
			to.kept = append(to.kept, p...)
			to.flow()
			o.Sent = len(p) - len(to.kept)
			to.kept = nil
		}
	}
}

func (l *fakeLoop) Buffered(c *Conn) int { return len(c.Wire.(*peer).kept) }

func (l *fakeLoop) Shutdown(c *Conn) {
	to := c.Wire.(*peer)
	if len(to.kept) > 0 || to.shut || to.over {
		l.k.t.Errorf("peer %d: shutdown with %d bytes kept, shut %v, over %v", to.number, len(to.kept), to.shut, to.over)
	}
	to.shut = true
}

func (l *fakeLoop) Close(c *Conn) {
	to := c.Wire.(*peer)
	if to.over || to.conn != c {
		l.k.t.Errorf("peer %d: closed twice", to.number)
		return
	}
	to.flow() // one last attempt, as the reactor's poller makes
	l.drop(to)
}

// drop ends a connection and tells the engine, from inside whatever it is doing.
func (l *fakeLoop) drop(p *peer) {
	c := p.conn
	p.over, p.conn = true, nil
	l.guard(nil, func() { l.engine.Closed(c) })
	p.kept = nil
}

func (l *fakeLoop) Move(c *Conn, to *Engine, head []byte) bool {
	if l.k.refuseMoves {
		return false
	}
	p := c.Wire.(*peer)
	p.conn, p.loop = nil, nil
	l.guard(nil, func() { l.engine.Closed(c) })
	l.k.moves = append(l.k.moves, move{p, l.k.loops[to.Index()], slices.Clone(head)})
	return true
}

// Leave gives the connection to the test.
func (l *fakeLoop) Leave(c *Conn, unread []byte) bool {
	if l.k.refuseMoves {
		return false
	}
	p := c.Wire.(*peer)
	if len(p.kept) > 0 || c.out != nil {
		l.k.t.Errorf("peer %d leaves before its answers", p.number)
	}
	p.left, p.unread = true, slices.Clone(unread)
	l.drop(p)
	return true
}

func (l *fakeLoop) Wake() { l.woken.Store(true) }

func (l *fakeLoop) Alarm(at int64) { l.alarm = at }

// guard does f and handles the handler's panics where the reactor does.
func (l *fakeLoop) guard(c *Conn, f func()) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if _, ok := p.(handlerPanic); !ok || !l.k.catch {
			panic(p)
		}
		if c != nil {
			l.engine.Panicked(c)
		} else {
			l.engine.Recovered()
		}
	}()
	f()
}

// turn gives a loop the chance to do what is due and reports whether something was.
func (l *fakeLoop) turn() (worked bool) {
	if l.alarm != 0 && l.alarm <= l.k.now {
		l.alarm = 0
		l.guard(nil, l.engine.Advance)
		worked = true
	}
	if l.woken.Swap(false) {
		l.guard(nil, l.engine.RunTasks)
		worked = true
	}
	return worked
}

// step is one turn of every loop and the arrival of moved connections.
func (k *kernel) step() (worked bool) {
	order := make([]int, len(k.loops))
	for i := range order {
		order[i] = i
	}
	if k.turns != nil {
		order = k.turns.Perm(len(order))
	}
	for _, i := range order {
		worked = k.loops[i].turn() || worked
	}
	moves := k.moves
	k.moves = nil
	for _, m := range moves {
		m.peer.arrive(m.to, m.head)
		worked = true
	}
	return worked
}

// run lets the loops work until nothing is left to do, and looks whether everything is in order then.
func (k *kernel) run() {
	k.t.Helper()
	for range 10_000 {
		if !k.step() {
			k.check()
			return
		}
	}
	k.t.Fatal("the loops do not come to rest")
}

// advance moves the clock, stopping at each alarm on the way.
func (k *kernel) advance(ms int64) {
	k.t.Helper()
	k.run()
	end := k.now + ms
	for {
		next := end
		for _, l := range k.loops {
			if l.alarm != 0 {
				next = min(next, l.alarm)
			}
		}
		k.now = max(k.now, next)
		k.run()
		if k.now >= end {
			return
		}
	}
}

// jump moves the clock at once: a machine that slept.
func (k *kernel) jump(ms int64) {
	k.t.Helper()
	k.now += ms
	k.run()
}

// finish ends all that is left and demands that nothing remains.
func (k *kernel) finish() {
	k.t.Helper()
	k.run()
	for _, p := range k.peers {
		p.fault = faultNone
		p.close()
	}
	k.run()
	for _, l := range k.loops {
		l.guard(nil, l.engine.Close)
	}
	k.run()
	k.checkEmpty()
}

// stats are the counters of all engines.
func (k *kernel) stats() (total Stats) {
	for _, l := range k.loops {
		s := l.engine.Stats()
		total.Add(&s)
	}
	return total
}

// within fails the test if f has not happened after ms, and if it happens before.
func (k *kernel) within(from, to int64, what string, f func() bool) {
	k.t.Helper()
	step := int64(0)
	for at := int64(0); at <= to; at += step {
		if f() {
			if at < from {
				k.t.Errorf("%s after %d ms, want %d to %d", what, at, from, to)
			}
			return
		}
		step = min(100, max(10, from-at))
		k.advance(step)
	}
	k.t.Errorf("no %s within %d ms", what, to)
}

func (k *kernel) String() string { return fmt.Sprintf("now %d, %d peers", k.now, len(k.peers)) }
