// The engine: everything one event loop owns of Engine.IO, and its entry points.

package transport

import (
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/deflate"
	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/internal/curg"
	"github.com/sioserver/sioserver/transport/slab"
	"github.com/sioserver/sioserver/transport/tlsconn"
	"github.com/sioserver/sioserver/transport/wheel"
)

// Engine is the Engine.IO server of one event loop: its connections, sessions
// and timers. It does no I/O; a [Network] feeds it and takes what it writes, so
// a test can drive whole sessions with bytes and a clock of its own.
//
// Its methods belong to the loop unless they say otherwise.
type Engine struct {
	// Immutable after New.
	opts    *Options
	handler Handler
	net     Network
	clock   func() int64
	index   uint8
	peers   []*Engine // by index, this one included
	names   *names    // of all peers

	// Any goroutine.
	inbox   inbox
	owner   atomic.Uintptr      // the goroutine that runs the loop
	gates   atomic.Uint32       // Gates
	crowd   *atomic.Int64       // requests at the gates of all peers
	shaking *tlsconn.Handshakes // of all peers

	deflaters *deflaters // of all peers, nil without permessage-deflate

	// Owned by the loop.
	conns     slab.Slab[Conn]
	sessions  slab.Slab[Session]
	raws      map[uint32]*raw // connections of other protocols, by index
	made      uint32          // records taken so far: their generation, never 0
	sids      id.Table
	chosen    map[uint32]string  // the names of sessions that have one, by index
	carried   map[uint32]carried // sessions without connections, by index
	held      map[*Session]*held // what waits for slow clients
	timers    wheel.Wheel
	alarm     int64 // the time last given to Network.Alarm, 0 for none
	ids       id.Source
	busy      bool   // inside a call that settles at its end
	closing   bool   // inside Close
	feeding   *Conn  // whose input is being read
	serving   served // what the handler is being told about
	dirty     []*Conn
	sending   []Output  // with the network, or back from it
	sent      int       // how many of these are seen to
	lent      []*Shared // held until the batch is written
	gather    gathering
	polls     []*Session // polling sessions with packets for their open request
	graves    []uint32   // connections to recycle once the batch is over
	tombs     []uint32   // sessions likewise
	exchanges *exchange  // free ones
	buffers   bufferPool
	accepted  accepted
	later     compressions
	req       http1.Request
	query     http1.Query
	verdict   *Verdict // on the request at hand, nil if there is none
	greeting  Hello    // lent to the handler
	question  Question // likewise
	extra     []byte   // scratch for field lines
	scratch   []byte
	plain     []byte // content of TLS records, nil until there is some
	date      dateCache
	live      counts
	stats     Stats

	inflater  deflate.Inflater
	inflated  []byte      // the message at hand, with what it may refer to
	takeovers []*takeover // by index of the connection, as far as there are any
}

// counts are the present numbers of an engine.
type counts struct{ conns, sessions int }

// generation tells a record from others that had or will have its index.
func (e *Engine) generation() uint32 {
	e.made = max(e.made+1, 1)
	return e.made
}

// NewGroup makes the engines of a server, one for each loop. At most 256.
// Before Run.
func NewGroup(n int, opts *Options, clock func() int64) []*Engine {
	peers, crowd, names, deflaters := make([]*Engine, n), new(atomic.Int64), newNames(), newDeflaters(opts.Deflate)
	shaking := tlsconn.NewHandshakes(opts.Handshakes, clock)
	for i := range peers {
		e := &Engine{
			opts: opts, clock: clock, index: uint8(i), peers: peers, names: names, crowd: crowd, shaking: shaking, deflaters: deflaters,
		}
		e.sids = id.NewTable(func(i uint32) *id.ID { return &e.sessions.At(i).id })
		peers[i] = e
	}
	return peers
}

// Handshakes are the counters of TLS handshakes, of all engines of the group.
// Any goroutine.
func (e *Engine) Handshakes() tlsconn.Stats { return e.shaking.Stats() }

// Attach gives the engine its two borders. Before Run.
func (e *Engine) Attach(h Handler, n Network) { e.handler, e.net = h, n }

// Index is the number of the engine in its group. Any goroutine.
func (e *Engine) Index() int { return int(e.index) }

// Options are the settings of the group, read-only. Any goroutine.
func (e *Engine) Options() *Options { return e.opts }

// Peers are the engines of the group by index, read-only. Any goroutine.
func (e *Engine) Peers() []*Engine { return e.peers }

// Now is the time of the engine's clock in milliseconds. Any goroutine.
func (e *Engine) Now() int64 { return e.clock() }

// Enter tells the engine that the calling goroutine runs its loop. Loop only.
func (e *Engine) Enter() {
	if id := curg.ID(); e.owner.Load() != id {
		e.owner.Store(id)
	}
}

// Leave tells the engine that its loop ends: nobody is on it from now on. Loop
// only.
func (e *Engine) Leave() { e.owner.Store(0) }

// OnLoop reports whether the caller runs on the engine's loop. Where the
// processor's architecture gives no cheap answer it reports false, and callers
// go through the inbox. Any goroutine.
func (e *Engine) OnLoop() bool {
	id := curg.ID()
	return curg.Supported && id != 0 && e.owner.Load() == id
}

// OffLoop reports whether the caller certainly does not run on the engine's loop.
// Any goroutine.
func (e *Engine) OffLoop() bool { return curg.Supported && !e.OnLoop() }

// Arm sets a timer whose owner is handed to [Handler.OnTimer] at time at, in
// milliseconds of the engine's clock. Loop only.
func (e *Engine) Arm(at int64, owner uint32) wheel.ID { return e.arm(at, owner, timerHandler) }

// Disarm cancels a timer of Arm and returns the zero ID. Loop only.
func (e *Engine) Disarm(id wheel.ID) wheel.ID { return e.timers.Cancel(id) }

func (e *Engine) arm(at int64, owner uint32, kind uint8) wheel.ID {
	id := e.timers.Arm(at, owner, kind)
	if e.alarm == 0 || at < e.alarm {
		e.setAlarm()
	}
	return id
}

// setAlarm asks for the next call of Advance.
func (e *Engine) setAlarm() {
	at, ok := e.timers.Next()
	if !ok {
		at = 0
	}
	if at != e.alarm {
		e.alarm = at
		e.net.Alarm(at)
	}
}

// The kinds of timers: what the owner's number means.
const (
	timerConn uint8 = iota
	timerWatch
	timerSession
	timerHandler
)

// Advance fires the timers that are due. Loop only.
func (e *Engine) Advance() {
	e.busy = true
	e.timers.Advance(e.clock(), func(t wheel.Timer) {
		switch t.Kind {
		case timerConn:
			e.connTimer(e.conns.At(t.Owner))
		case timerWatch:
			e.connWatch(e.conns.At(t.Owner))
		case timerSession:
			e.sessionTimer(e.sessions.At(t.Owner))
		case timerHandler:
			e.handler.OnTimer(t.Owner)
		}
	})
	e.busy = false
	e.alarm = 0
	e.setAlarm()
	e.settle()
}

// Close ends every session and connection for good: sessions with the reason
// "server shutting down", so that clients reconnect. Loop only.
func (e *Engine) Close() {
	outer := e.busy
	e.busy, e.closing = true, true
	e.sessions.Each(func(s *Session) { s.Discard(ServerShuttingDown, nil) })
	e.conns.Each(func(c *Conn) {
		if c.in != nil && c.in.phase == discardingBody {
			e.discarded(c) // nobody waits for bodies any more
		}
		switch {
		case c.state == connFree:
		case c.state == connRaw:
			e.endRaw(c, ErrEnding)
		case c.in == nil && c.first != nil && c.first.wait != pollNone:
			// A session of another loop, which is closing too, has the last word.
			c.final, c.last().keep = true, false
		default:
			e.end(c)
			e.dropExchanges(c)
		}
	})
	e.busy, e.closing = outer, false
	e.settle()
}

// Cut closes every connection at once, whatever is on its way. Loop only.
func (e *Engine) Cut() {
	e.conns.Each(func(c *Conn) {
		if c.state != connFree && c.state != connClosed {
			e.net.Close(c)
		}
	})
}

// dateCache holds the Date field of the present second.
type dateCache struct {
	second int64
	text   []byte
}

// now returns the date as the Date field wants it.
func (d *dateCache) now() []byte {
	t := time.Now()
	if s := t.Unix(); s != d.second {
		d.second = s
		d.text = t.UTC().AppendFormat(d.text[:0], "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return d.text
}
