// Connection state recovery: what clients missed while they were away.

package loop

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
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
//
// With an Adapter that is a [rooms.Recoverer] clients come back on any server. The
// adapter decides the order of events then, of those for the sockets of this
// server too, which reach them when it is their turn: it goes by the rooms they
// are in at that moment. The log here answers for clients that have missed
// little, the adapter for others.
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
	// that are away longest are given up first. Default: 100,000. A
	// [rooms.Recoverer] has limits of its own.
	MaxSessions int

	// RestoreTimeout is how long a [rooms.Recoverer] may take to find a client,
	// which waits; then it is a new socket. Default: 5 s.
	RestoreTimeout time.Duration
	// MaxRestoring is how many clients of the server may wait for that; more are
	// new sockets. Default: 10,000.
	MaxRestoring int
	// RestoreData makes the value of [Socket.Data] of what a [rooms.Recoverer] has
	// kept of it, as JSON. With an error the client is a new socket. It does not run
	// on an event loop. Default: what encoding/json makes of it.
	RestoreData func(data []byte) (any, error)
}

func (c *RecoveryConfig) setDefaults() {
	setDefault(&c.MaxDisconnectionDuration, 2*time.Minute)
	setDefault(&c.MaxBytes, 64<<20)
	setDefault(&c.MaxSessions, 100_000)
	setDefault(&c.RestoreTimeout, 5*time.Second)
	setDefault(&c.MaxRestoring, 10_000)
	if c.RestoreData == nil {
		c.RestoreData = func(data []byte) (v any, err error) { return v, json.Unmarshal(data, &v) }
	}
}

// recovery is what a namespace keeps for clients that are away.
type recovery struct {
	cfg    RecoveryConfig
	count  *recoveryCounters
	keeper rooms.Recoverer // nil if events and sessions are kept here

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

		// With a keeper, by whose offsets the log is ordered.
		dropped string // offset of the last message that is not in the log any more
		gaps    int    // so often has the log begun anew
	}
}

// logged is a message as it was sent.
type logged struct {
	message *transport.Shared
	target  rooms.Target
	size    int
	at      time.Time
	offset  string // of a keeper
}

// away is a client that may come back.
type away struct {
	pid   string
	id    id.ID
	data  *any
	rooms []string
	until time.Time
	from  uint64 // the first message it has missed, once it has come back

	// Found by a keeper.
	missed []*transport.Shared
	upTo   string // the last offset that missed covers
	gaps   int    // of the log, when that was found
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
	recovered                     atomic.Uint64
	unknownSession, unknownOffset atomic.Uint64
	timeout, failed, busy         atomic.Uint64
	bytes, sessions, gaps         atomic.Uint64 // limits reached, and events lost on the way
}

// fail counts and says why a client is a new socket.
func (c *recoveryCounters) fail(why string) *returning {
	map[string]*atomic.Uint64{
		RecoveryUnknownSession: &c.unknownSession, RecoveryUnknownOffset: &c.unknownOffset,
		RecoveryTimeout: &c.timeout, RecoveryFailed: &c.failed, RecoveryBusy: &c.busy,
	}[why].Add(1)
	return &returning{failure: why}
}

// Why a client that wanted to come back is a new socket.
const (
	// RecoveryUnknownSession: it was away too long, or never here.
	RecoveryUnknownSession = "unknown session"
	// RecoveryUnknownOffset: it missed events that are not kept any more, or more
	// than RecoveryConfig.MaxBytes of them.
	RecoveryUnknownOffset = "unknown offset"
	// RecoveryTimeout: the adapter took longer than RecoveryConfig.RestoreTimeout.
	RecoveryTimeout = "timeout"
	// RecoveryFailed: the adapter could not look, or what it found was of no use.
	RecoveryFailed = "failed"
	// RecoveryBusy: RecoveryConfig.MaxRestoring clients waited already.
	RecoveryBusy = "busy"
)

// Recovered reports whether the socket is one that came back, with the rooms,
// data and events of before. See [Config.ConnectionStateRecovery].
func (s *Socket) Recovered() bool { return s.returning != nil && s.returning.recovered }

// RecoveryFailure is why a client that wanted to come back is a new socket:
// [RecoveryUnknownSession] or another of these, or "" if it did not ask.
func (s *Socket) RecoveryFailure() string {
	if s.returning == nil {
		return ""
	}
	return s.returning.failure
}

// newRecovery makes the recovery of a namespace, nil if there is none.
func newRecovery(cfg *RecoveryConfig, count *recoveryCounters, a rooms.Adapter) *recovery {
	keeper, _ := a.(rooms.Recoverer)
	if cfg == nil || keeper == nil && !rooms.Alone(a) {
		return nil
	}
	r := &recovery{cfg: *cfg, count: count, keeper: keeper}
	r.mu.sessions = map[string]*away{}
	return r
}

// recoverable reports whether an event is one that clients can catch up on.
func (n *Namespace) recoverable(volatile bool) bool { return n.recovery != nil && !volatile }

// log sends an event to the sockets of a target on this server, and keeps it for
// those that are away, under the offset of a keeper if there is one.
func (n *Namespace) log(event string, args []any, t rooms.Target, given string) error {
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
	at := given
	if at == "" {
		at = offset(r.next())
	}
	shared, err := n.shareLogged(m, event, at, t.Flags)
	if err != nil {
		return err
	}
	// What a message is worth of bookkeeping is counted with it.
	const overhead = 256
	l := logged{message: shared, target: t, size: shared.Size() + overhead, at: now, offset: given}
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

// shareLogged completes an event, whose arguments are encoded, with its offset.
func (n *Namespace) shareLogged(m *emission, event, offset string, flags rooms.Flags) (*transport.Shared, error) {
	f := n.server.form
	var err error
	if m.args, m.bins, err = f.appendValues(m.args, m.bins, []any{offset}); err != nil {
		return nil, err
	}
	m.text = f.appendEvent(m.text, n.name, 0, false, len(m.bins), event, m.args)
	return n.share(m, 0, false, event, flags, transport.NewShared)
}

// next is the number of the next message.
func (r *recovery) next() uint64 { return r.mu.first + uint64(len(r.mu.log)-r.mu.head) }

// drop forgets the oldest message.
func (r *recovery) drop() {
	r.mu.bytes -= r.mu.log[r.mu.head].size
	r.mu.dropped = r.mu.log[r.mu.head].offset
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
func (r *recovery) save(n *Namespace, sock *Socket, left []string) {
	if r.keeper != nil {
		r.persist(n, sock, left)
		return
	}
	a := &away{pid: sock.returning.pid, id: sock.id, data: sock.data.Load(), rooms: left}
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

// wish is what a client that wants to come back says of itself.
type wish struct{ PID, Offset *string }

// wishOf reads an auth payload; ok is false if the client does not want to.
func wishOf(auth []byte) (w wish, ok bool) {
	if !bytes.Contains(auth, []byte(`"pid"`)) {
		return w, false
	}
	err := json.Unmarshal(auth, &w)
	return w, err == nil && w.PID != nil && w.Offset != nil
}

// take looks for a client that is away. It can be had once.
func (r *recovery) take(asked wish) *returning {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(time.Now())
	a := r.mu.sessions[*asked.PID]
	if a == nil {
		return r.count.fail(RecoveryUnknownSession)
	}
	last, err := strconv.ParseUint(*asked.Offset, 36, 64)
	if err != nil || last < r.mu.first || last >= r.next() || offset(last) != *asked.Offset {
		return r.count.fail(RecoveryUnknownOffset)
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
	if was != nil && !r.covers(was) {
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
	missed = was.missed
	for _, m := range r.mu.log[r.since(was):] {
		if concerns(&m.target, in) {
			missed = append(missed, m.message)
		}
	}
	r.count.recovered.Add(1)
	return missed, true
}

// covers reports whether the log has all that a client has missed since its
// events were looked for.
func (r *recovery) covers(was *away) bool {
	if r.keeper == nil {
		return was.from >= r.mu.first
	}
	return was.gaps == r.mu.gaps && (r.mu.dropped == "" || !r.before(was.upTo, r.mu.dropped))
}

// since is where in the log that begins which a client has missed.
func (r *recovery) since(was *away) int {
	if r.keeper == nil {
		return r.mu.head + int(was.from-r.mu.first)
	}
	return r.mu.head + sort.Search(len(r.mu.log)-r.mu.head, func(i int) bool {
		return r.before(was.upTo, r.mu.log[r.mu.head+i].offset)
	})
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
