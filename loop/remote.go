// Sockets wherever they are: found on all servers, addressed from here.

package loop

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/sioserver/sioserver/rooms"
)

// RemoteSocket is a socket as [BroadcastOperator.FetchSockets] finds it: of this
// server or of another one. What it tells is of the moment it was found; what it
// is asked to do reaches the socket wherever it is. Its methods may be called
// from any goroutine.
type RemoteSocket struct {
	ns    *Namespace
	local *Socket // nil for a socket of another server
	info  rooms.SocketInfo
}

// FetchSockets finds the sockets addressed, on all servers. It waits for the
// answers, until ctx is done or the time of [BroadcastOperator.Timeout] is over
// ([ErrTimeout]); the error comes with those found so far. An inline handler must
// not call it ([ErrOnLoop]).
func (o BroadcastOperator) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	ctx, cancel := o.limited(ctx)
	defer cancel()
	local, err := o.Sockets(ctx)
	var list []RemoteSocket
	for _, s := range local {
		list = append(list, RemoteSocket{ns: s.ns, local: s})
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil || o.target.Flags.Local {
		return list, err
	}
	for _, part := range o.parts() {
		if part.ns.alone {
			continue
		}
		found, err := part.ns.adapter.FetchSockets(ctx, part.target)
		for _, info := range found {
			list = append(list, RemoteSocket{ns: part.ns, info: info})
		}
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return list, err
		}
	}
	return list, nil
}

// FetchSockets finds the sockets of the namespace, on all servers. See
// [BroadcastOperator.FetchSockets].
func (n *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return n.operator().FetchSockets(ctx)
}

// ID is the socket's id.
func (r RemoteSocket) ID() string {
	if r.local != nil {
		return r.local.ID()
	}
	return r.info.ID
}

// Local is the socket itself if it is one of this server, else nil.
func (r RemoteSocket) Local() *Socket { return r.local }

// Rooms are the rooms it is in, the one with its id among them.
func (r RemoteSocket) Rooms() []string {
	if r.local != nil {
		return r.local.Rooms()
	}
	return slices.Clone(r.info.Rooms)
}

// Data decodes what [Socket.SetData] has attached to it into v, by the rules of
// encoding/json: what comes from another server is a copy.
func (r RemoteSocket) Data(v any) error {
	data := r.info.Data
	if r.local != nil {
		var err error
		if data, err = json.Marshal(r.local.Data()); err != nil {
			return err
		}
	}
	if len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, v)
}

// Handshake decodes how it connected into v: the members of the reference's
// handshake object, headers, time, address, xdomain, secure, issued, url, query
// and auth.
func (r RemoteSocket) Handshake(v any) error {
	raw := r.info.Handshake
	if r.local != nil {
		var err error
		if raw, err = json.Marshal(r.local.Handshake()); err != nil {
			return err
		}
	}
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, v)
}

// operator addresses the socket alone.
func (r RemoteSocket) operator() BroadcastOperator { return r.ns.To(r.ID()) }

// Emit sends it an event. See [BroadcastOperator.Emit].
func (r RemoteSocket) Emit(event string, args ...any) error {
	return r.operator().Emit(event, args...)
}

// EmitWithAck sends it an event and waits for the acknowledgement: until it
// comes, ctx is done, or timeout is over ([ErrTimeout]) if that is not 0. If the
// socket is gone the error is [ErrDisconnected].
func (r RemoteSocket) EmitWithAck(ctx context.Context, timeout time.Duration, event string, args ...any) (Args, error) {
	answers, err := r.operator().Timeout(timeout).EmitWithAck(ctx, event, args...)
	switch {
	case err != nil:
		return Args{}, err
	case len(answers) == 0:
		return Args{}, ErrDisconnected
	}
	return answers[0], nil
}

// Join puts it into rooms.
func (r RemoteSocket) Join(names ...string) error { return r.operator().SocketsJoin(names...) }

// Leave takes it out of a room.
func (r RemoteSocket) Leave(name string) error { return r.operator().SocketsLeave(name) }

// Disconnect takes it out of its namespace, or closes its whole connection if
// closeConn is true.
func (r RemoteSocket) Disconnect(closeConn bool) error {
	return r.operator().DisconnectSockets(closeConn)
}

// FetchSockets implements [rooms.Local].
func (p local) FetchSockets(ctx context.Context, t rooms.Target) ([]rooms.SocketInfo, error) {
	sockets, err := BroadcastOperator{p.ns, t}.Sockets(ctx)
	list := make([]rooms.SocketInfo, 0, len(sockets))
	for _, s := range sockets {
		info := rooms.SocketInfo{ID: s.ID(), Rooms: s.Rooms()}
		if info.Rooms == nil {
			continue // it has disconnected meanwhile
		}
		var e1, e2 error
		info.Handshake, e1 = json.Marshal(s.Handshake())
		info.Data, e2 = json.Marshal(s.Data())
		for _, e := range []error{e1, e2} {
			if e != nil {
				s.ns.server.fail(s, e)
			}
		}
		list = append(list, info)
	}
	return list, err
}
