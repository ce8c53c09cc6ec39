// Requests that wait for the answers of other servers.

package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
)

// wait is a request of this server that others answer.
type wait struct {
	kind     requestType
	due      int // answers
	came     int
	sockets  []rooms.SocketInfo
	rooms    []string
	answers  []rooms.Answer
	complete chan struct{}

	// Of a broadcast, whose answers are passed on as they come.
	clients func(n int)
	answer  func(rooms.Answer)
}

// begin keeps a wait under a new id.
func (a *adapter) begin(w *wait) (id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id = shortID(); a.mu.waits[id] != nil; {
		id = shortID()
	}
	a.mu.waits[id] = w
	return id
}

// end gives a wait up.
func (a *adapter) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.mu.waits, id)
}

// ask publishes a request and waits for the answers of the other servers. what
// is for the error, which comes with what has come.
func (a *adapter) ask(ctx context.Context, r request, w *wait, what string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.cluster.opts.RequestsTimeout, ErrTimeout)
	defer cancel()
	servers, err := a.ServerCount(ctx)
	if err != nil {
		return err
	}
	if w.due = servers - 1; w.due <= 0 {
		return nil
	}
	w.kind, w.complete = r.Type, make(chan struct{})
	r.UID, r.RequestID = a.uid, a.begin(w)
	defer a.end(r.RequestID)
	if err := a.request(r); err != nil {
		return err
	}
	select {
	case <-w.complete:
		return nil
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		return fmt.Errorf("redis: %s: %d of %d other servers have answered: %w", what, w.came, w.due, context.Cause(ctx))
	}
}

// FetchSockets implements [rooms.Adapter].
func (a *adapter) FetchSockets(ctx context.Context, t rooms.Target) ([]rooms.SocketInfo, error) {
	w := &wait{}
	err := a.ask(ctx, request{Type: requestRemoteFetch, Opts: optionsOf(t)}, w, "finding sockets")
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.sockets, err
}

// AllRooms implements [rooms.RoomLister].
func (a *adapter) AllRooms(ctx context.Context) ([]string, error) {
	w := &wait{}
	err := a.ask(ctx, request{Type: requestAllRooms}, w, "finding rooms")
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.rooms, err
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
	w := &wait{}
	err = a.ask(ctx, request{Type: requestServerSideEmit, Data: data}, w, "an event between servers")
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.answers, err
}

// eventData is an event between servers as requests carry it.
func (a *adapter) eventData(p *rooms.Packet) ([]json.RawMessage, error) {
	args, err := a.local.Encode(p, rooms.JSON)
	if err != nil {
		return nil, err
	}
	data, err := items(args)
	if err != nil {
		return nil, err
	}
	name, err := marshal(p.Event)
	return append([]json.RawMessage{name}, data...), err
}

// BroadcastWithAck implements [rooms.Adapter].
func (a *adapter) BroadcastWithAck(ctx context.Context, p *rooms.Packet, t rooms.Target, clients func(int), answer func(rooms.Answer)) error {
	if !t.Flags.Local {
		args, err := a.local.Encode(p, rooms.MsgPack)
		if err != nil {
			return err
		}
		id := a.begin(&wait{kind: requestBroadcast, clients: clients, answer: answer})
		context.AfterFunc(ctx, func() { a.end(id) })
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
	return numSub(ctx, a.cluster.opts.Client, a.requestChannel)
}

// numSub is the number of subscribers of a channel; in a Redis Cluster each node
// knows those of its own.
func numSub(ctx context.Context, client goredis.UniversalClient, channel string) (int, error) {
	count := func(ctx context.Context, c goredis.Cmdable) (int, error) {
		n, err := c.PubSubNumSub(ctx, channel).Result()
		if err != nil {
			return 0, fmt.Errorf("redis: counting servers: %w", err)
		}
		return int(n[channel]), nil
	}
	nodes, ok := client.(*goredis.ClusterClient)
	if !ok {
		return count(ctx, client)
	}
	counts := make(chan int, 1)
	counts <- 0
	err := nodes.ForEachShard(ctx, func(ctx context.Context, node *goredis.Client) error {
		n, err := count(ctx, node)
		counts <- n + <-counts
		return err
	})
	return <-counts, err
}

// onResponse is told of an answer, to this server or to another.
func (a *adapter) onResponse(_ string, payload []byte) {
	r, err := readResponse(payload)
	if err != nil {
		a.malformed(err)
		return
	}
	a.mu.Lock()
	w := a.mu.waits[r.RequestID]
	if w == nil {
		a.mu.Unlock()
		return
	}
	if w.kind == requestBroadcast {
		a.mu.Unlock()
		a.onAnswer(w, &r)
		return
	}
	defer a.mu.Unlock()
	w.take(&r)
	if w.came++; w.came == w.due {
		close(w.complete)
		delete(a.mu.waits, r.RequestID)
	}
}

// take adds what a server has answered.
func (w *wait) take(r *incomingResponse) {
	switch w.kind {
	case requestRemoteFetch:
		for _, s := range r.Sockets {
			w.sockets = append(w.sockets, rooms.SocketInfo{ID: s.ID, Rooms: plain(s.Rooms), Handshake: s.Handshake, Data: s.Data})
		}
	case requestAllRooms:
		w.rooms = append(w.rooms, plain(r.Rooms)...)
	case requestServerSideEmit:
		w.answers = append(w.answers, rooms.Answer{JSON: r.Data})
	}
}

// onAnswer passes on what a server says of a broadcast.
func (a *adapter) onAnswer(w *wait, r *incomingResponse) {
	switch r.Type {
	case responseClientCount:
		w.clients(r.ClientCount)
	case responseBroadcastAck:
		answer, err := readAnswer(r.packet)
		if err != nil {
			a.malformed(err)
			return
		}
		w.answer(answer)
	}
}

// marshal is v as JSON.stringify writes it: without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
