// Adapter: what is published, and what waits for answers.

package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/pending"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// Options are the settings of an adapter.
type Options struct {
	// UID is the id of the adapter among all of the namespace, "" for a random one.
	UID string
	// RequestsTimeout is how long the answers of other servers may take.
	RequestsTimeout time.Duration
	// Answer runs what answers a request of another server and may wait for the
	// event loops: on another goroutine, a limited number at a time, with a
	// context that ends with RequestsTimeout. It may refuse to.
	Answer func(f func(ctx context.Context))
	// InOrder calls what this server does to its own sockets, behind what they are
	// to get before. It does not wait. Default: at once.
	InOrder func(f func())
}

// ErrTimeout: not all servers have answered within Options.RequestsTimeout.
var ErrTimeout = pending.ErrTimeout

// Adapter implements [rooms.Adapter] over a [Bus].
type Adapter struct {
	local rooms.Local
	bus   Bus
	opts  Options
	uid   string
	waits *pending.Table
}

// New makes the adapter of a namespace. The bus is given by [Adapter.Start].
func New(l rooms.Local, o Options) *Adapter {
	if o.UID == "" {
		o.UID = randomID()
	}
	if o.InOrder == nil {
		o.InOrder = func(f func()) { f() }
	}
	return &Adapter{local: l, opts: o, uid: o.UID, waits: pending.NewTable(randomID)}
}

// Start gives the adapter its bus. Nothing else is called before.
func (a *Adapter) Start(b Bus) { a.bus = b }

// UID is the id of the adapter among all of the namespace.
func (a *Adapter) UID() string { return a.uid }

// randomID is a random id as those of the reference: 16 hexadecimal digits.
func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// message completes a message of this adapter.
func (a *Adapter) message(w *writer, t Type) (*Message, error) {
	m, err := w.message(t)
	if err != nil {
		return nil, fmt.Errorf("cluster: encoding a message: %w", err)
	}
	m.UID, m.Namespace = a.uid, a.local.Name()
	return m, nil
}

// send publishes a message of this adapter.
func (a *Adapter) send(w *writer, t Type, finish func(*Message)) error {
	m, err := a.message(w, t)
	if err != nil {
		return err
	}
	if finish != nil {
		finish(m)
	}
	a.bus.Publish(m)
	return nil
}

// options are a target as messages carry it.
type options struct {
	Rooms  []string `json:"rooms"`
	Except []string `json:"except"`
	Flags  flags    `json:"flags"`
}

type flags struct {
	Volatile bool  `json:"volatile,omitempty"`
	Compress *bool `json:"compress,omitempty"`
	Timeout  int64 `json:"timeout,omitempty"`
	// Conflate is this server's; those of the reference pass over it.
	Conflate string `json:"conflate,omitempty"`
}

func optionsOf(t rooms.Target) options {
	o := options{Rooms: wire.OrEmpty(wire.Unique(t.Rooms)), Except: wire.OrEmpty(wire.Unique(t.Except))}
	o.Flags.Volatile = t.Flags.Volatile
	if !t.Flags.Compress {
		o.Flags.Compress = new(bool)
	}
	o.Flags.Timeout = t.Flags.Timeout.Milliseconds()
	o.Flags.Conflate = t.Flags.Conflate
	return o
}

// Broadcast implements [rooms.Adapter].
func (a *Adapter) Broadcast(p *rooms.Packet, t rooms.Target) error {
	if !t.Flags.Local {
		if err := a.publishBroadcast(p, t, ""); err != nil {
			return err
		}
	}
	return a.local.Broadcast(p, t)
}

// publishBroadcast tells the other servers of a broadcast. With an id they
// answer.
func (a *Adapter) publishBroadcast(p *rooms.Packet, t rooms.Target, id string) error {
	m, err := a.BroadcastMessage(p, t, id)
	if err == nil {
		a.bus.Publish(m)
	}
	return err
}

// BroadcastMessage is the message of a broadcast, which is answered if it has an
// id.
func (a *Adapter) BroadcastMessage(p *rooms.Packet, t rooms.Target, id string) (*Message, error) {
	args, err := a.local.Encode(p, rooms.JSON)
	if err != nil {
		return nil, err
	}
	var w writer
	w.addRaw("packet", packet(p.Event, args), args.Binary)
	if id != "" {
		err = w.add("requestId", id)
	}
	o := optionsOf(t)
	if err == nil {
		err = w.add("opts", o)
	}
	if err != nil {
		return nil, err
	}
	m, err := a.message(&w, Broadcast)
	if err != nil {
		return nil, err
	}
	m.RequestID = id
	if id == "" && len(o.Rooms) == 1 {
		m.Room = o.Rooms[0]
	}
	return m, nil
}

// BroadcastWithAck implements [rooms.Adapter].
func (a *Adapter) BroadcastWithAck(ctx context.Context, p *rooms.Packet, t rooms.Target, clients func(int), answer func(rooms.Answer)) error {
	if !t.Flags.Local {
		id := a.waits.Begin(&pending.Wait{Kind: pending.Broadcast, Clients: clients, Answer: answer})
		context.AfterFunc(ctx, func() { a.waits.End(id) })
		if t.Flags.Timeout <= 0 {
			t.Flags.Timeout = a.opts.RequestsTimeout
		}
		if err := a.publishBroadcast(p, t, id); err != nil {
			return err
		}
	}
	// What cannot be encoded has been found out if it was published.
	fails := make(chan error, 1)
	a.opts.InOrder(func() {
		n, err := a.local.BroadcastWithAck(ctx, p, t, answer)
		if fails <- err; err == nil {
			clients(n)
		}
	})
	select {
	case err := <-fails:
		return err
	default:
		return nil
	}
}

// SocketsJoin implements [rooms.Adapter].
func (a *Adapter) SocketsJoin(t rooms.Target, names []string) error {
	a.opts.InOrder(func() { a.local.SocketsJoin(t, names) })
	return a.command(SocketsJoin, t, "rooms", wire.OrEmpty(names))
}

// SocketsLeave implements [rooms.Adapter].
func (a *Adapter) SocketsLeave(t rooms.Target, names []string) error {
	a.opts.InOrder(func() { a.local.SocketsLeave(t, names) })
	return a.command(SocketsLeave, t, "rooms", wire.OrEmpty(names))
}

// DisconnectSockets implements [rooms.Adapter].
func (a *Adapter) DisconnectSockets(t rooms.Target, closeConn bool) error {
	a.opts.InOrder(func() { a.local.DisconnectSockets(t, closeConn) })
	return a.command(DisconnectSockets, t, "close", closeConn)
}

// command asks the other servers to do something with the sockets of a target.
func (a *Adapter) command(kind Type, t rooms.Target, key string, v any) error {
	if t.Flags.Local {
		return nil
	}
	var w writer
	if err := w.add("opts", optionsOf(t)); err != nil {
		return err
	}
	if err := w.add(key, v); err != nil {
		return err
	}
	return a.send(&w, kind, nil)
}

// ask waits for the answers of the other servers to a message that send
// publishes under an id.
func (a *Adapter) ask(ctx context.Context, w *pending.Wait, what string, send func(id string) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.opts.RequestsTimeout, ErrTimeout)
	defer cancel()
	servers, err := a.bus.ServerCount(ctx)
	if err != nil {
		return err
	}
	if err := a.waits.Ask(ctx, w, servers, send); err != nil {
		return fmt.Errorf("cluster: %s: %w", what, err)
	}
	return nil
}

// FetchSockets implements [rooms.Adapter].
func (a *Adapter) FetchSockets(ctx context.Context, t rooms.Target) ([]rooms.SocketInfo, error) {
	wait := &pending.Wait{Kind: pending.Sockets}
	err := a.ask(ctx, wait, "finding sockets", func(id string) error {
		var w writer
		if err := w.add("opts", optionsOf(t)); err != nil {
			return err
		}
		if err := w.add("requestId", id); err != nil {
			return err
		}
		return a.send(&w, FetchSockets, func(m *Message) { m.RequestID = id })
	})
	return wait.Sockets, err
}

// ServerSideEmit implements [rooms.Adapter].
func (a *Adapter) ServerSideEmit(p *rooms.Packet) error { return a.serverEvent(p, "") }

// ServerSideEmitWithAck implements [rooms.Adapter].
func (a *Adapter) ServerSideEmitWithAck(ctx context.Context, p *rooms.Packet) ([]rooms.Answer, error) {
	wait := &pending.Wait{Kind: pending.Event}
	err := a.ask(ctx, wait, "an event between servers", func(id string) error { return a.serverEvent(p, id) })
	return wait.Answers, err
}

// serverEvent tells the other servers of an event between servers.
func (a *Adapter) serverEvent(p *rooms.Packet, id string) error {
	args, err := a.local.Encode(p, rooms.JSON)
	if err != nil {
		return err
	}
	var w writer
	if id != "" {
		if err := w.add("requestId", id); err != nil {
			return err
		}
	}
	w.addRaw("packet", eventList(p.Event, args), args.Binary)
	return a.send(&w, ServerSideEmit, func(m *Message) { m.RequestID = id })
}

// ServerCount implements [rooms.Adapter].
func (a *Adapter) ServerCount(ctx context.Context) (int, error) { return a.bus.ServerCount(ctx) }

// Close implements [rooms.Adapter].
func (a *Adapter) Close() error { return a.bus.Close() }
