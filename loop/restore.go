// Recovery with an adapter: events and sessions are kept where all servers find them.

package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// restores are the searches for clients of other servers.
type restores struct {
	ctx     context.Context // until the server shuts down
	cancel  context.CancelFunc
	slots   chan struct{} // a place for each search that is under way
	waiting atomic.Int64  // clients
}

// restoring is how many searches are under way at the same time.
const restoring = 64

func (r *restores) init() {
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.slots = make(chan struct{}, restoring)
}

// keep sends an event that clients can catch up on.
func (n *Namespace) keep(event string, args []any, t rooms.Target) error {
	if n.recovery.keeper == nil {
		return n.log(event, args, t, "")
	}
	if t.Flags.Local {
		m, err := n.encode(0, false, event, args, t.Flags)
		if err != nil {
			return err
		}
		n.recovery.keeper.AfterKept(func() {
			n.broadcast(m, &t, nil)
			m.Release()
		})
		return nil
	}
	// It is sent later, when the caller may have changed what the arguments refer
	// to.
	raw, bins, err := n.server.form.appendArgs(nil, nil, args)
	if err != nil {
		return err
	}
	a := counted(raw, bins, n.server.form)
	kept := rooms.RawArgs{Bytes: a.raw, Count: a.n}
	if a.form == formMsgPack {
		kept.Form = rooms.MsgPack
	}
	for _, b := range a.bins {
		kept.Binary = append(kept.Binary, clone(b))
	}
	return n.recovery.keeper.BroadcastKept(&rooms.Packet{Event: event, Args: []any{kept}}, t)
}

// inOrder posts a task to a loop, behind the events that are sent already and
// wait for their turn with a keeper.
func (n *Namespace) inOrder(l *Loop, t transport.Task) {
	if n.recovery == nil || n.recovery.keeper == nil {
		l.engine.Post(t)
		return
	}
	n.recovery.keeper.AfterKept(func() { l.engine.Post(t) })
}

// Gap implements [rooms.Local].
func (p local) Gap() {
	r := p.ns.recovery
	if r == nil || r.keeper == nil {
		return
	}
	r.count.gaps.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.mu.head < len(r.mu.log) {
		r.drop()
	}
	r.mu.dropped = ""
	r.mu.gaps++
}

// persist hands a client that has left to the keeper. What the application has
// attached is encoded off the loop.
func (r *recovery) persist(n *Namespace, sock *Socket, left []string) {
	session := &rooms.Session{SID: sock.plainID(), PID: sock.returning.pid, Rooms: append([]string{sock.plainID()}, left...)}
	data := sock.data.Load()
	n.server.workers.do(n.server, func() {
		if data != nil {
			var err error
			n.server.guard("the encoding of a socket's data", func() { session.Data, err = json.Marshal(*data) })
			if err != nil {
				n.server.fail(sock, fmt.Errorf("loop: a client cannot come back, because the data of its socket cannot be encoded: %w", err))
				return
			}
		}
		if err := r.keeper.PersistSession(session, r.cfg.MaxDisconnectionDuration); err != nil {
			n.server.fail(sock, err)
		}
	})
}

// restore looks for the socket that a client wants to be again, off the loop. The
// client waits.
func (l *Loop) restore(s *transport.Session, c *client, n *Namespace, auth []byte, asked wish) {
	r, all := n.recovery, &l.server.restores
	if all.waiting.Add(1) > int64(r.cfg.MaxRestoring) {
		all.waiting.Add(-1)
		l.joinAs(s, c, n, auth, r.count.fail(RecoveryBusy))
		return
	}
	k := c.keep()
	k.searches = append(k.searches, n.name)
	l.server.strands.add()
	ctx, cancel := context.WithTimeout(all.ctx, r.cfg.RestoreTimeout)
	var once sync.Once
	answer := func(ret *returning, found *rooms.Session) (first bool) {
		once.Do(func() {
			first = true
			all.waiting.Add(-1)
			l.engine.Post(&restored{l, s, k, n, auth, ret, found})
			l.server.strands.done()
		})
		return first
	}
	stop := context.AfterFunc(ctx, func() { answer(&returning{failure: RecoveryTimeout}, nil) })
	go func() {
		defer cancel()
		select {
		case all.slots <- struct{}{}:
			defer func() { <-all.slots }()
		case <-ctx.Done():
			return
		}
		ret, found := &returning{failure: RecoveryFailed}, (*rooms.Session)(nil)
		l.server.guard("the search for a session", func() { ret, found = r.find(ctx, n, asked) })
		answer(ret, found)
		stop()
	}()
}

// find looks for a client with the keeper, and for what it has missed.
func (r *recovery) find(ctx context.Context, n *Namespace, asked wish) (*returning, *rooms.Session) {
	failed := func(why string, err error) (*returning, *rooms.Session) {
		if err != nil {
			if errors.Is(err, rooms.ErrUnknownOffset) {
				why = RecoveryUnknownOffset
			} else {
				n.server.fail(nil, fmt.Errorf("loop: looking for a session: %w", err))
			}
		}
		return &returning{failure: why}, nil
	}
	if _, err := r.keeper.Compare(*asked.Offset, *asked.Offset); err != nil {
		return failed(RecoveryUnknownOffset, nil)
	}
	session, err := r.keeper.RestoreSession(ctx, *asked.PID)
	switch {
	case err != nil:
		return failed(RecoveryFailed, err)
	case session == nil:
		return failed(RecoveryUnknownSession, nil)
	}
	sid, ok := id.Parse(session.SID)
	if !ok {
		return failed(RecoveryFailed, fmt.Errorf("%q is not the id of a socket", session.SID))
	}
	was := &away{pid: *asked.PID, id: sid}
	was.rooms = slices.DeleteFunc(slices.Clone(session.Rooms), func(room string) bool { return room == session.SID })
	if len(session.Data) > 0 && string(session.Data) != "null" {
		data, err := r.cfg.RestoreData(session.Data)
		if err != nil {
			return failed(RecoveryFailed, fmt.Errorf("the data of a socket: %w", err))
		}
		was.data = &data
	}
	if err := r.catchUp(ctx, n, was, *asked.Offset); err != nil {
		return failed(RecoveryFailed, err)
	}
	return &returning{pid: was.pid, recovered: true, was: was}, session
}

// catchUp finds what a client has missed since an offset: in the log here if it
// goes back so far, else with the keeper up to where the log goes on.
func (r *recovery) catchUp(ctx context.Context, n *Namespace, was *away, offset string) (err error) {
	if r.knows(was, offset) {
		return nil
	}
	in, size := append([]string{was.id.String()}, was.rooms...), 0
	was.upTo, err = r.keeper.Missed(ctx, offset, func(p *rooms.Packet, t rooms.Target) error {
		if t.Flags.Volatile || !concerns(&t, in) {
			return nil
		}
		m := emissions.Get().(*emission)
		defer m.release()
		f := n.server.form
		var err error
		if m.args, m.bins, err = f.appendArgs(m.args, m.bins, unpacked(p.Args)); err != nil {
			return err
		}
		if f == formJSON && len(m.args) > 0 {
			m.args = append(m.args, ',')
		}
		shared, err := n.shareLogged(m, p.Event, p.Offset, t.Flags)
		if err != nil {
			return err
		}
		if size += shared.Size(); size > r.cfg.MaxBytes {
			r.count.bytes.Add(1)
			return rooms.ErrUnknownOffset
		}
		was.missed = append(was.missed, shared)
		return nil
	})
	return err
}

// knows reports whether the log has the message with an offset, and so all
// behind it.
func (r *recovery) knows(was *away, offset string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was.upTo, was.gaps = offset, r.mu.gaps
	live := r.mu.log[r.mu.head:]
	i := sort.Search(len(live), func(i int) bool { return !r.before(live[i].offset, offset) })
	return i < len(live) && live[i].offset == offset
}

// before compares offsets of the keeper, which are not malformed.
func (r *recovery) before(a, b string) bool {
	order, _ := r.keeper.Compare(a, b)
	return order < 0
}

// restored brings what was found to the loop of the client that waits.
type restored struct {
	loop    *Loop
	session *transport.Session
	kept    *kept // of the client, while it is there
	ns      *Namespace
	auth    []byte
	ret     *returning
	found   *rooms.Session
}

// Run implements [transport.Task].
func (r *restored) Run(*transport.Engine) {
	l, recovery := r.loop, r.ns.recovery
	c := l.client(r.session)
	if c.kept != r.kept {
		// The client has gone meanwhile, and may try once more.
		if r.found != nil {
			if err := recovery.keeper.PersistSession(r.found, recovery.cfg.MaxDisconnectionDuration); err != nil {
				l.server.fail(nil, err)
			}
		}
		r.ns.leave()
		return
	}
	r.kept.searches = slices.DeleteFunc(r.kept.searches, func(s string) bool { return s == r.ns.name })
	if !r.ret.recovered {
		recovery.count.fail(r.ret.failure)
	}
	l.joinAs(r.session, c, r.ns, r.auth, r.ret)
}
