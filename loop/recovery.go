// Connection state recovery: what clients missed while they were away.

package loop

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// RecoveryConfig lets clients that lost their connection come back as the same
// socket: with their id, rooms, data, and the events they missed. It costs the
// memory of the events sent meanwhile, a pass through a lock for each event sent,
// and an argument more in it, which the client library takes off again.
//
// Recovered are events without acknowledgements that are not volatile. A client
// must have received one such event before it can come back. Clients of version
// 2 cannot.
type RecoveryConfig struct {
	// MaxDisconnectionDuration is how long a client may be away. Default: 2
	// minutes.
	MaxDisconnectionDuration time.Duration
	// SkipMiddlewares lets a client that comes back pass without the middleware
	// of the namespace. Default: enabled.
	SkipMiddlewares Switch
	// MaxBytes is how many bytes of events each namespace keeps. The oldest go
	// first; a client that missed one of them is a new socket. Default: 64 MiB.
	MaxBytes int
	// MaxSessions is how many clients may be away from each namespace. The ones
	// that are away longest are given up first. Default: 100,000.
	MaxSessions int
}

func (c *RecoveryConfig) setDefaults() {
	setDefault(&c.MaxDisconnectionDuration, 2*time.Minute)
	setDefault(&c.MaxBytes, 64<<20)
	setDefault(&c.MaxSessions, 100_000)
}

// recovery is what a namespace keeps for clients that are away.
type recovery struct {
	cfg   RecoveryConfig
	count *recoveryCounters

	// The lock is held while a message is logged, its receivers are selected and
	// the loops are given it, so that all clients get messages in the order of
	// the log; and while one that comes back becomes a receiver again.
	mu struct {
		sync.Mutex
		log      []logged // the live part begins at head
		head     int
		first    uint64 // number of the message at head
		bytes    int
		sessions map[string]*away
		order    []*away // by time, those that came back among them
		timer    bool
	}
}

// logged is a message as it was sent.
type logged struct {
	message *transport.Shared
	target  rooms.Target
	size    int
	at      time.Time
}

// away is a client that may come back.
type away struct {
	pid    string
	id     id.ID
	socket *Socket // the handle it had, for its data
	rooms  []string
	until  time.Time
	from   uint64 // the first message it has missed, once it has come back
}

// returning is what a socket needs to be able to come back, and how it came.
type returning struct {
	pid       string
	recovered bool
	failure   string
	was       *away // what it comes back as, until it has. Loop only.
}

// recoveryCounters count for a server.
type recoveryCounters struct {
	recovered, unknownSession, unknownOffset atomic.Uint64
	bytes, sessions                          atomic.Uint64 // limits reached
}

// Why a client that wanted to come back is a new socket.
const (
	// RecoveryUnknownSession: it was away too long, or never here.
	RecoveryUnknownSession = "unknown session"
	// RecoveryUnknownOffset: it missed events that are not kept any more.
	RecoveryUnknownOffset = "unknown offset"
)

// Recovered reports whether the socket is one that came back, with the rooms,
// data and events of before. See [Config.ConnectionStateRecovery].
func (s *Socket) Recovered() bool { return s.returning != nil && s.returning.recovered }

// RecoveryFailure is why a client that wanted to come back is a new socket:
// [RecoveryUnknownSession], [RecoveryUnknownOffset], or "" if it did not ask.
func (s *Socket) RecoveryFailure() string {
	if s.returning == nil {
		return ""
	}
	return s.returning.failure
}

func newRecovery(cfg *RecoveryConfig, count *recoveryCounters) *recovery {
	if cfg == nil {
		return nil
	}
	r := &recovery{cfg: *cfg, count: count}
	r.mu.sessions = map[string]*away{}
	return r
}

// recoverable reports whether an event is one that clients can catch up on.
func (n *Namespace) recoverable(f rooms.Flags) bool { return n.recovery != nil && !f.Volatile }

// log sends an event to the sockets of a target on this server, and keeps it for
// those that are away.
func (n *Namespace) log(event string, args []any, t rooms.Target) error {
	f, r := n.server.form, n.recovery
	m := emissions.Get().(*emission)
	defer m.release()
	var err error
	if m.args, m.bins, err = f.appendArgs(m.args, m.bins, args); err != nil {
		return err
	}
	if f == formJSON && len(m.args) > 0 {
		m.args = append(m.args, ',')
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.expire(now)
	m.args, m.bins, err = f.appendValues(m.args, m.bins, []any{offset(r.next())})
	if err != nil {
		return err
	}
	m.text = f.appendEvent(m.text, n.name, 0, false, len(m.bins), event, m.args)
	shared, err := n.share(m, 0, false, event, t.Flags, transport.NewShared)
	if err != nil {
		return err
	}
	// What a message is worth of bookkeeping is counted with it.
	const overhead = 256
	l := logged{message: shared, target: t, size: shared.Size() + overhead, at: now}
	if n.server.cfg.PerMessageDeflate != nil {
		// Those who come back get a form of their own, which is smaller.
		l.message = shared.Keep()
		l.size += shared.Size()
	}
	r.mu.log = append(r.mu.log, l)
	r.mu.bytes += l.size
	for r.mu.bytes > r.cfg.MaxBytes && r.mu.head < len(r.mu.log) {
		r.count.bytes.Add(1)
		r.drop()
	}
	r.arm()
	n.broadcast(shared, &t, nil)
	return nil
}

// next is the number of the next message.
func (r *recovery) next() uint64 { return r.mu.first + uint64(len(r.mu.log)-r.mu.head) }

// drop forgets the oldest message.
func (r *recovery) drop() {
	r.mu.bytes -= r.mu.log[r.mu.head].size
	r.mu.log[r.mu.head] = logged{}
	r.mu.head++
	r.mu.first++
	if r.mu.head > len(r.mu.log)/2 {
		r.mu.log = slices.Delete(r.mu.log, 0, r.mu.head)
		r.mu.head = 0
	}
}

// expire forgets what is too old.
func (r *recovery) expire(now time.Time) {
	for r.mu.head < len(r.mu.log) && now.Sub(r.mu.log[r.mu.head].at) > r.cfg.MaxDisconnectionDuration {
		r.drop()
	}
	gone := 0
	for gone < len(r.mu.order) && now.After(r.mu.order[gone].until) {
		r.forget(r.mu.order[gone])
		gone++
	}
	r.mu.order = slices.Delete(r.mu.order, 0, gone)
}

// forget gives up a client unless it has come back meanwhile.
func (r *recovery) forget(a *away) {
	if r.mu.sessions[a.pid] == a {
		delete(r.mu.sessions, a.pid)
	}
}

// arm sees to it that what nobody asks for expires. One timer serves the
// namespace.
func (r *recovery) arm() {
	if r.mu.timer || r.mu.head == len(r.mu.log) && len(r.mu.order) == 0 {
		return
	}
	r.mu.timer = true
	time.AfterFunc(r.cfg.MaxDisconnectionDuration+time.Millisecond, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mu.timer = false
		r.expire(time.Now())
		r.arm()
	})
}

// save keeps a client that has left.
func (r *recovery) save(a *away) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.expire(now)
	if len(r.mu.order) >= r.cfg.MaxSessions {
		r.count.sessions.Add(1)
		r.forget(r.mu.order[0])
		r.mu.order = slices.Delete(r.mu.order, 0, 1)
	}
	a.until = now.Add(r.cfg.MaxDisconnectionDuration)
	r.mu.sessions[a.pid] = a
	r.mu.order = append(r.mu.order, a)
	r.arm()
}

// take looks for the client that an auth payload speaks of. It can be had once.
func (r *recovery) take(auth []byte) *returning {
	if !bytes.Contains(auth, []byte(`"pid"`)) {
		return &returning{}
	}
	var asked struct{ PID, Offset *string }
	if err := json.Unmarshal(auth, &asked); err != nil || asked.PID == nil || asked.Offset == nil {
		return &returning{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(time.Now())
	a := r.mu.sessions[*asked.PID]
	if a == nil {
		r.count.unknownSession.Add(1)
		return &returning{failure: RecoveryUnknownSession}
	}
	last, err := strconv.ParseUint(*asked.Offset, 36, 64)
	if err != nil || last < r.mu.first || last >= r.next() || offset(last) != *asked.Offset {
		r.count.unknownOffset.Add(1)
		return &returning{failure: RecoveryUnknownOffset}
	}
	delete(r.mu.sessions, a.pid)
	a.from = last + 1
	return &returning{pid: a.pid, recovered: true, was: a}
}

// offset is the number of a message as clients see it.
func offset(n uint64) string { return strconv.FormatUint(n, 36) }

// show makes a socket visible. One that has come back is in its rooms again and
// gets what it missed; ok is false if that is not kept any more.
func (r *recovery) show(n *Namespace, l *Loop, e *entry, sock *Socket) (missed []*transport.Shared, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := sock.returning.was
	sock.returning.was = nil
	if was != nil && was.from < r.mu.first {
		return nil, false
	}
	shard := n.shards[l.index]
	shard.Show(e.member)
	if was == nil {
		return nil, true
	}
	// The limit of rooms may have been lowered by nobody: it had them before.
	_ = shard.Join(e.member, sock.ref, was.rooms...)
	in := append([]string{sock.plainID()}, was.rooms...)
	for _, m := range r.mu.log[r.mu.head+int(was.from-r.mu.first):] {
		if concerns(&m.target, in) {
			missed = append(missed, m.message)
		}
	}
	r.count.recovered.Add(1)
	return missed, true
}

// concerns reports whether a target has selected a socket that was in rooms.
func concerns(t *rooms.Target, in []string) bool {
	any := func(list []string) bool {
		return slices.ContainsFunc(list, func(name string) bool { return slices.Contains(in, name) })
	}
	return (len(t.Rooms) == 0 || any(t.Rooms)) && !any(t.Except)
}

// mayReturn reports whether a client that left for a reason may come back.
func mayReturn(reason DisconnectReason) bool {
	switch reason {
	case ParseError, ClientNamespaceDisconnect, ServerNamespaceDisconnect:
		return false
	}
	return true
}
