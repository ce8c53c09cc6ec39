// Requests of other servers, and what this one answers.

package redis

import (
	"context"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// onRequest is told of a request, of another server or of its own.
func (a *adapter) onRequest(_ string, payload []byte) {
	r, err := readRequest(payload)
	if err != nil {
		a.malformed(err)
		return
	}
	if r.UID == a.uid {
		return
	}
	switch r.kind() {
	case requestRemoteJoin:
		a.local.SocketsJoin(r.target(), r.names())
		a.acknowledge(&r)
	case requestRemoteLeave:
		a.local.SocketsLeave(r.target(), r.names())
		a.acknowledge(&r)
	case requestRemoteDisconnect:
		a.local.DisconnectSockets(r.target(), r.Close)
		a.acknowledge(&r)
	case requestAllRooms:
		a.respond(&r, response{Rooms: wire.OrEmpty(a.local.Rooms())})
	case requestSockets, requestRemoteFetch:
		if _, ok := r.id(); ok {
			a.cluster.base.Answer(func(ctx context.Context) { a.fetched(ctx, &r) })
		}
	case requestServerSideEmit:
		a.serverEvent(&r)
	case requestBroadcast:
		a.broadcast(&r)
	}
}

// names are the rooms of a join or leave; old versions name one.
func (r *incomingRequest) names() []string {
	if r.Opts == nil {
		return []string{string(r.Room)}
	}
	return wire.Plain(r.Rooms)
}

// acknowledge answers a command of an old version for a socket of this server.
func (a *adapter) acknowledge(r *incomingRequest) {
	if r.Opts == nil && a.local.HasRoom(r.SID) {
		a.respond(r, response{})
	}
}

// respond publishes an answer if the request has an id.
func (a *adapter) respond(r *incomingRequest, answer response) {
	id, ok := r.id()
	if !ok {
		return
	}
	answer.RequestID = id
	payload, err := wire.Marshal(answer)
	if err != nil {
		a.malformed(err)
		return
	}
	a.publish(a.responsesTo(r), payload)
}

// responsesTo is the channel for answers to a request.
func (a *adapter) responsesTo(r *incomingRequest) string {
	if !a.cluster.opts.PublishOnSpecificResponseChannel {
		return a.responseChannel
	}
	if r.UID == "" {
		return a.responseChannel + "undefined#"
	}
	return a.responseChannel + r.UID + "#"
}

// fetched answers which sockets there are.
func (a *adapter) fetched(ctx context.Context, r *incomingRequest) {
	t := rooms.Target{Rooms: wire.Plain(r.Rooms)}
	if r.Opts != nil {
		t = r.Opts.Target()
	}
	list, err := a.local.FetchSockets(ctx, t)
	if err != nil {
		a.cluster.base.Complain("finding sockets for another server", err)
		return // half an answer would pass for a whole one
	}
	if r.kind() == requestSockets {
		ids := make([]string, len(list))
		for i, s := range list {
			ids[i] = s.ID
		}
		a.respond(r, response{Sockets: ids})
		return
	}
	a.respond(r, response{Sockets: wire.Outgoing(list)})
}

// serverEvent delivers an event of another server.
func (a *adapter) serverEvent(r *incomingRequest) {
	p, err := wire.Event(r.Data)
	if err != nil {
		a.malformed(err)
		return
	}
	id, ok := r.id()
	if !ok {
		a.local.ServerSideEvent(p, nil)
		return
	}
	a.local.ServerSideEvent(p, func(answer rooms.Answer) {
		data, err := wire.PlainJSON(answer.JSON, answer.Binary)
		if err == nil {
			var payload []byte
			payload, err = wire.Marshal(response{Type: requestServerSideEmit, RequestID: id, Data: data})
			if err == nil {
				// On the common channel always, as the reference has it.
				a.publish(a.responseChannel, payload)
				return
			}
		}
		a.malformed(err)
	})
}

// broadcast sends a broadcast of another server and passes the answers back.
func (a *adapter) broadcast(r *incomingRequest) {
	id, ok := r.id()
	if !ok || r.Opts == nil {
		return
	}
	p, err := wire.ReadPacket(r.packet, a.nsp, a.nsp)
	if err != nil {
		a.malformed(err)
		return
	}
	if p == nil {
		return
	}
	timeout := a.cluster.opts.RequestsTimeout
	if ms := r.Opts.Flags.Timeout; ms > 0 && ms < float64(maxAckTime/time.Millisecond) {
		timeout = time.Duration(ms) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	context.AfterFunc(ctx, cancel)
	n, err := a.local.BroadcastWithAck(ctx, p, r.target(), func(answer rooms.Answer) {
		if answer.None {
			return // those who asked wait for it until their time is over
		}
		payload, err := appendAck(nil, id, answer)
		if err != nil {
			a.malformed(err)
			return
		}
		a.publish(a.responsesTo(r), payload)
	})
	if err != nil {
		a.malformed(err)
		return
	}
	a.respond(r, response{Type: responseClientCount, ClientCount: &n})
}

// maxAckTime is how long answers to a broadcast of another server are waited
// for at most.
const maxAckTime = time.Hour
