// Adapter and Local: the border between a namespace and the other servers.

package rooms

import (
	"context"
	"encoding/json"
)

// Packet is an event on its way to many sockets. It is immutable once it was
// handed to an adapter.
type Packet struct {
	Event string
	Args  []any // values as given by the sender, or one RawArgs
	// Encoded is the packet as this server sends it to its own sockets. An
	// adapter hands it back to Local.Broadcast if it has the packet from there,
	// and leaves it nil in packets of other servers.
	Encoded any
	// Offset is the place of a packet among those that a [Recoverer] keeps, else "".
	Offset string
}

// Answer is what one socket answered to an event, its first argument.
type Answer struct {
	JSON   json.RawMessage
	Binary [][]byte // attachments that JSON refers to
	// None says that the socket will not answer: it has disconnected, or the
	// packet was not sent to it.
	None bool
}

// Adapter connects one namespace with the same namespace on other servers. Its
// methods are called from any goroutine, event loops included, and must not
// block unless they take a context. What concerns the sockets of this server
// is up to the adapter too, which reaches them through the Local it was made
// with; so it decides about the order of the two.
type Adapter interface {
	// Broadcast sends an event to the sockets of a target.
	Broadcast(p *Packet, t Target) error
	// BroadcastWithAck does the same and asks for an answer of each. clients is
	// called, once for each server that ServerCount counts, with the number of
	// its sockets; answer is called once for each of them, until ctx is done.
	BroadcastWithAck(ctx context.Context, p *Packet, t Target, clients func(n int), answer func(Answer)) error
	// SocketsJoin, SocketsLeave and DisconnectSockets act on the sockets of a
	// target. closeConn closes the whole connection of each.
	SocketsJoin(t Target, names []string) error
	SocketsLeave(t Target, names []string) error
	DisconnectSockets(t Target, closeConn bool) error
	// FetchSockets finds the sockets of a target on the other servers. With an
	// error it returns those found so far.
	FetchSockets(ctx context.Context, t Target) ([]SocketInfo, error)
	// ServerSideEmit sends an event to the other servers.
	ServerSideEmit(p *Packet) error
	// ServerSideEmitWithAck does the same and waits for their answers. With an
	// error it returns those so far.
	ServerSideEmitWithAck(ctx context.Context, p *Packet) ([]Answer, error)
	// ServerCount is the number of servers, this one included.
	ServerCount(ctx context.Context) (int, error)
	// Close ends the adapter. Nothing is called after it.
	Close() error
}

// RoomLister is an Adapter that can ask the other servers for their rooms.
type RoomLister interface {
	// AllRooms finds the rooms of the other servers that have members. With an
	// error it returns those found so far.
	AllRooms(ctx context.Context) ([]string, error)
}

// Local is this server's part of a namespace, as an adapter sees it. Its
// methods never block and may be called from any goroutine.
type Local interface {
	// Name is the name of the namespace, with its slash.
	Name() string
	// Encode returns the arguments of a packet in a form. The error tells what
	// cannot be encoded.
	Encode(p *Packet, f Form) (RawArgs, error)
	// Rooms are the rooms of this server that have members, and HasRoom tells
	// whether one has, or is the id of a socket.
	Rooms() []string
	HasRoom(name string) bool
	// WatchRooms tells f of rooms that come and go on this server, from now on
	// until stop is called: one call after the other, off the event loops. The
	// rooms that sockets have by their ids are among them.
	WatchRooms(f func(Change)) (stop func())
	// Broadcast sends an event to the sockets of this server. Those of a [Recoverer]
	// with an offset come in the order of their offsets.
	Broadcast(p *Packet, t Target) error
	// BroadcastWithAck does the same and asks each socket for an answer. It
	// returns the number of sockets asked; answer is called once for each of
	// them, until ctx is done.
	BroadcastWithAck(ctx context.Context, p *Packet, t Target, answer func(Answer)) (int, error)
	// Gap is told when events of other servers got lost on their way to this one.
	Gap()
	// SocketsJoin, SocketsLeave and DisconnectSockets act on sockets of this
	// server.
	SocketsJoin(t Target, names []string)
	SocketsLeave(t Target, names []string)
	DisconnectSockets(t Target, closeConn bool)
	// FetchSockets finds the sockets of a target on this server. It waits for the
	// event loops, and is not called on one.
	FetchSockets(ctx context.Context, t Target) ([]SocketInfo, error)
	// ServerSideEvent delivers an event of another server. answer is nil if that
	// one waits for none, else called at most once, by any goroutine.
	ServerSideEvent(p *Packet, answer func(Answer))
}

// SocketInfo is what a server tells others of one of its sockets.
type SocketInfo struct {
	ID        string
	Rooms     []string
	Handshake json.RawMessage // the reference's handshake object
	Data      json.RawMessage // what the application has attached
}

// Factory makes the adapter of a namespace. It is called once for each
// namespace, before the first socket joins it.
type Factory func(Local) (Adapter, error)
