// Requests that wait for the answers of other servers.

package redis

import (
	"context"
	"encoding/json"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/link"
	"github.com/sioserver/sioserver/rooms/internal/pending"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// ask publishes a request and waits for the answers of the other servers.
func (a *adapter) ask(ctx context.Context, r request, w *pending.Wait, what string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.cluster.opts.RequestsTimeout, ErrTimeout)
	defer cancel()
	servers, err := a.ServerCount(ctx)
	if err != nil {
		return err
	}
	err = a.waits.Ask(ctx, w, servers, func(id string) error {
		r.UID, r.RequestID = a.uid, id
		return a.request(r)
	})
	if err != nil {
		return fmt.Errorf("redis: %s: %w", what, err)
	}
	return nil
}

// FetchSockets implements [rooms.Adapter].
func (a *adapter) FetchSockets(ctx context.Context, t rooms.Target) ([]rooms.SocketInfo, error) {
	w := &pending.Wait{Kind: pending.Sockets}
	err := a.ask(ctx, request{Type: requestRemoteFetch, Opts: optionsOf(t)}, w, "finding sockets")
	return w.Sockets, err
}

// AllRooms implements [rooms.RoomLister].
func (a *adapter) AllRooms(ctx context.Context) ([]string, error) {
	w := &pending.Wait{Kind: pending.Rooms}
	err := a.ask(ctx, request{Type: requestAllRooms}, w, "finding rooms")
	return w.Rooms, err
}

// ServerSideEmit implements [rooms.Adapter].
func (a *adapter) ServerSideEmit(p *rooms.Packet) error {
	data, err := a.eventData(p)
	if err != nil {
		return err
	}
	return a.request(request{UID: a.uid, Type: requestServerSideEmit, Data: data})
}

// ServerSideEmitWithAck implements [rooms.Adapter].
func (a *adapter) ServerSideEmitWithAck(ctx context.Context, p *rooms.Packet) ([]rooms.Answer, error) {
	data, err := a.eventData(p)
	if err != nil {
		return nil, err
	}
	w := &pending.Wait{Kind: pending.Event}
	err = a.ask(ctx, request{Type: requestServerSideEmit, Data: data}, w, "an event between servers")
	return w.Answers, err
}

// eventData is an event between servers as requests carry it.
func (a *adapter) eventData(p *rooms.Packet) ([]json.RawMessage, error) {
	args, err := a.local.Encode(p, rooms.JSON)
	if err != nil {
		return nil, err
	}
	data, err := wire.Values(args)
	if err != nil {
		return nil, err
	}
	name, err := wire.Marshal(p.Event)
	return append([]json.RawMessage{name}, data...), err
}

// BroadcastWithAck implements [rooms.Adapter].
func (a *adapter) BroadcastWithAck(ctx context.Context, p *rooms.Packet, t rooms.Target, clients func(int), answer func(rooms.Answer)) error {
	if !t.Flags.Local {
		args, err := a.local.Encode(p, rooms.MsgPack)
		if err != nil {
			return err
		}
		id := a.waits.Begin(&pending.Wait{Kind: pending.Broadcast, Clients: clients, Answer: answer})
		context.AfterFunc(ctx, func() { a.waits.End(id) })
		if t.Flags.Timeout <= 0 {
			t.Flags.Timeout = a.cluster.opts.RequestsTimeout
		}
		a.publish(a.requestChannel, appendBroadcastRequest(nil, a.uid, id, a.nsp, p.Event, args.Bytes, t))
	}
	n, err := a.local.BroadcastWithAck(ctx, p, t, answer)
	if err == nil {
		clients(n)
	}
	return err
}

// ServerCount implements [rooms.Adapter].
func (a *adapter) ServerCount(ctx context.Context) (int, error) {
	return link.NumSub(ctx, a.cluster.opts.Client, a.requestChannel, goredis.Cmdable.PubSubNumSub)
}

// onResponse is told of an answer, to this server or to another.
func (a *adapter) onResponse(_ string, payload []byte) {
	r, err := readResponse(payload)
	if err != nil {
		a.malformed(err)
		return
	}
	if w, ok := a.waits.Broadcast(r.RequestID); ok {
		a.onAnswer(w, &r)
		return
	}
	a.waits.Answered(r.RequestID, func(w *pending.Wait) {
		switch w.Kind {
		case pending.Sockets:
			var list []wire.Socket
			list, err = listOf[wire.Socket](r.Sockets)
			w.Sockets = append(w.Sockets, wire.Infos(list)...)
		case pending.Rooms:
			var list []wire.Name
			list, err = listOf[wire.Name](r.Rooms)
			w.Rooms = append(w.Rooms, wire.Plain(list)...)
		case pending.Event:
			w.Answers = append(w.Answers, rooms.Answer{JSON: r.Data})
		}
	})
	if err != nil {
		a.malformed(err)
	}
}

// listOf reads a list of an answer, which may be missing.
func listOf[T any](raw json.RawMessage) (list []T, err error) {
	if raw != nil {
		err = json.Unmarshal(raw, &list)
	}
	return list, err
}

// onAnswer passes on what a server says of a broadcast.
func (a *adapter) onAnswer(w *pending.Wait, r *incomingResponse) {
	switch r.Type {
	case responseClientCount:
		w.Clients(r.ClientCount)
	case responseBroadcastAck:
		answer, err := wire.ReadAnswer(r.packet)
		if err != nil {
			a.malformed(err)
			return
		}
		w.Answer(answer)
	}
}
