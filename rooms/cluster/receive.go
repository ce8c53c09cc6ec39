// What is done with messages of other servers.

package cluster

import (
	"context"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/pending"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// Receive is told of each message that the bus has brought, one after the other
// in the order of each sender. Those of this adapter and of other namespaces are
// passed over. It does not wait.
func (a *Adapter) Receive(m *Message) {
	if m.UID == a.uid || m.Namespace != a.local.Name() {
		return
	}
	o, err := readObject(m)
	if err == nil {
		err = a.handle(m, &o)
	}
	if err != nil {
		a.bus.Malformed(err)
	}
}

// ReadBroadcast reads a message that is a broadcast without answers. The packet is
// nil if it is not.
func (a *Adapter) ReadBroadcast(m *Message) (p *rooms.Packet, t rooms.Target, err error) {
	if m.Type != Broadcast {
		return nil, t, nil
	}
	o, err := readObject(m)
	if err != nil || o.RequestID != nil {
		return nil, t, err
	}
	if p, err = o.event(a.local.Name()); p != nil {
		p.Offset = m.Offset
	}
	return p, o.target(), err
}

func (a *Adapter) handle(m *Message, o *object) error {
	switch m.Type {
	case Broadcast:
		return a.onBroadcast(m, o)
	case SocketsJoin:
		a.local.SocketsJoin(o.target(), wire.Plain(o.Rooms))
	case SocketsLeave:
		a.local.SocketsLeave(o.target(), wire.Plain(o.Rooms))
	case DisconnectSockets:
		a.local.DisconnectSockets(o.target(), o.Close)
	case FetchSockets:
		a.onFetch(m, o)
	case ServerSideEmit:
		return a.onServerEvent(m, o)
	case FetchSocketsResponse, ServerSideEmitResponse, BroadcastClientCount, BroadcastAck:
		return a.onResponse(m, o)
	}
	return nil
}

// respond answers a message.
func (a *Adapter) respond(m *Message, t Type, o *object, key string, raw []byte, bins [][]byte) {
	var w writer
	err := w.add("requestId", *o.RequestID)
	if raw != nil {
		w.addRaw(key, raw, bins)
	}
	if err == nil {
		err = a.send(&w, t, func(r *Message) { r.To = m.UID })
	}
	if err != nil {
		a.bus.Malformed(err)
	}
}

// maxAckTime is how long answers to a broadcast of another server are waited for
// at most.
const maxAckTime = time.Hour

func (a *Adapter) onBroadcast(m *Message, o *object) error {
	p, err := o.event(a.local.Name())
	if err != nil || p == nil {
		return err
	}
	if o.RequestID == nil {
		p.Offset = m.Offset
		return a.local.Broadcast(p, o.target())
	}
	timeout := a.opts.RequestsTimeout
	if o.Opts != nil {
		if ms := o.Opts.Flags.Timeout; ms > 0 && ms < float64(maxAckTime/time.Millisecond) {
			timeout = time.Duration(ms) * time.Millisecond
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	context.AfterFunc(ctx, cancel)
	n, err := a.local.BroadcastWithAck(ctx, p, o.target(), func(answer rooms.Answer) {
		if !answer.None { // those who asked wait for it until their time is over
			a.respond(m, BroadcastAck, o, "packet", answer.JSON, answer.Binary)
		}
	})
	if err != nil {
		return err
	}
	count, err := wire.Marshal(n)
	a.respond(m, BroadcastClientCount, o, "clientCount", count, nil)
	return err
}

// onFetch answers which sockets there are. It waits for the event loops.
func (a *Adapter) onFetch(m *Message, o *object) {
	if o.RequestID == nil {
		return
	}
	a.opts.Answer(func(ctx context.Context) {
		list, err := a.local.FetchSockets(ctx, o.target())
		if err != nil {
			return // half an answer would pass for a whole one
		}
		raw, err := wire.Marshal(wire.Outgoing(list))
		if err != nil {
			a.bus.Malformed(err)
			return
		}
		a.respond(m, FetchSocketsResponse, o, "sockets", raw, nil)
	})
}

func (a *Adapter) onServerEvent(m *Message, o *object) error {
	p, err := o.serverEvent()
	if err != nil {
		return err
	}
	if o.RequestID == nil {
		a.local.ServerSideEvent(p, nil)
		return nil
	}
	a.local.ServerSideEvent(p, func(answer rooms.Answer) {
		a.respond(m, ServerSideEmitResponse, o, "packet", answer.JSON, answer.Binary)
	})
	return nil
}

func (a *Adapter) onResponse(m *Message, o *object) error {
	if o.RequestID == nil {
		return nil
	}
	if w, ok := a.waits.Broadcast(*o.RequestID); ok {
		switch m.Type {
		case BroadcastClientCount:
			w.Clients(o.ClientCount)
		case BroadcastAck:
			answer, err := o.answer()
			if err != nil {
				return err
			}
			w.Answer(answer)
		}
		return nil
	}
	var failed error
	a.waits.Answered(*o.RequestID, func(w *pending.Wait) {
		switch w.Kind {
		case pending.Sockets:
			w.Sockets = append(w.Sockets, wire.Infos(o.Sockets)...)
		case pending.Event:
			var answer rooms.Answer
			answer, failed = o.answer()
			w.Answers = append(w.Answers, answer)
		}
	})
	return failed
}
