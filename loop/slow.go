// Clients that do not keep up: who is told, and what is dropped for them.

package loop

import (
	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// SlowPolicy says what becomes of events for a client that does not keep up:
// [Config.SlowPolicy].
//
// The policies that drop do so with events that nobody wants an acknowledgement
// for, from Emit and broadcasts, as long as they wait in the server; the first
// 64 KiB, or half of [Limits].OutboundBytes if that is less, are with the kernel
// or in the next poll's answer soon and stay as they are. What remains keeps its
// order. Acknowledgements, events that are to be acknowledged and packets about
// namespaces are never dropped; for them the client is closed as by [SlowClose].
// So it is for events of a custom [Parser], events with binary values to a single
// socket, and clients of [Server.Bind]. A client that reads nothing at all for
// [Limits].OutboundStall is closed by every policy.
//
// An event that was dropped is lost: connection state recovery does not bring it
// back.
type SlowPolicy uint8

// The policies.
const (
	// SlowClose closes the client's transport when more than
	// [Limits].OutboundBytes wait for [Limits].OutboundGrace, or OutboundBurst at
	// all, so that it comes back and recovers.
	SlowClose SlowPolicy = iota
	// SlowDropNewest drops an event for which there is no room.
	SlowDropNewest
	// SlowDropOldest drops the oldest events that wait until there is room.
	SlowDropOldest
	// SlowConflate lets only the last of the events wait that have the same name
	// and key, see [BroadcastOperator.Conflate]. Events without a key are not
	// dropped, and if too much waits the client is closed as by SlowClose.
	SlowConflate
)

var slowPolicies = [...]string{SlowClose: "disconnect", SlowDropNewest: "drop_newest", SlowDropOldest: "drop_oldest", SlowConflate: "conflate"}

// String is the policy's name: "disconnect", "drop_newest", "drop_oldest" or
// "conflate". Any goroutine.
func (p SlowPolicy) String() string {
	if int(p) < len(slowPolicies) {
		return slowPolicies[p]
	}
	return "unknown"
}

// slowOptions sets the policy of the engines.
func (c *Config) slowOptions(o *transport.Options) {
	o.OutboundMessages = c.Limits.OutboundMessages
	o.SlowPolicy = [...]transport.SlowPolicy{
		SlowClose: transport.SlowClose, SlowDropNewest: transport.SlowDropNewest,
		SlowDropOldest: transport.SlowDropOldest, SlowConflate: transport.SlowConflate,
	}[c.SlowPolicy]
	if c.EngineOnly {
		return // nothing is known of messages
	}
	switch f, known := c.Parser.(form); {
	case known && f == formMsgPack:
		o.Expendable = expendableMsgPack
	case known:
		o.Expendable = expendableJSON
	}
}

// expendableJSON reports whether a message is an event that nobody wants an
// acknowledgement for.
func expendableJSON(text []byte, bins [][]byte) bool {
	if len(text) == 0 {
		return false // an attachment by itself
	}
	var p socketio.Packet
	if socketio.Decode(text, &unlimited, &p) != nil || p.HasID {
		return false
	}
	return p.Type == socketio.Event || p.Type == socketio.BinaryEvent && len(bins) == p.Attachments
}

// expendableMsgPack is the same for packets of MessagePack.
func expendableMsgPack(_ []byte, bins [][]byte) bool {
	if len(bins) != 1 {
		return false
	}
	var p socketio.Packet
	return msgpack.Decode(bins[0], &unlimited, &p) == nil && !p.HasID && p.Type == socketio.Event
}

// slowHook is a handler for clients that do not keep up.
type slowHook struct {
	handler func(SocketStatus)
	inline  bool
}

// OnSlow adds a handler for clients that do not keep up: for which more than
// [Limits].OutboundSlow bytes wait, that take nothing for half of
// [Limits].OutboundStall while anything does, or for which an event is dropped.
// It is called once until all that waits has been sent, before the client is
// closed for it, with one of the client's sockets; not for a client in no namespace. It runs
// behind the socket's handlers that are due already; an inline one runs when the
// loop is done with what it does, which may have closed the client. Before Run.
func (s *Server) OnSlow(h func(SocketStatus), opts ...HandlerOption) {
	s.slow = append(s.slow, slowHook{h, handlerOptions(opts).inline})
}

// OnSlow implements [transport.Handler].
func (l upcalls) OnSlow(s *transport.Session) {
	if len(l.server.slow) == 0 {
		return
	}
	list := l.socketsOf(s)
	if len(list) == 0 {
		return
	}
	status := statusOf(list[0], s)
	for _, h := range l.server.slow {
		j := job{inline: h.inline, call: func() {
			status.Socket.protect("slow handler", func() { h.handler(status) })
		}}
		if !h.inline {
			l.run(&status.Socket.actor, j)
			continue
		}
		// Something is being sent just now, of which the handler must not be in the middle.
		l.engine.Post(taskFunc(func() { l.run(&status.Socket.actor, j) }))
	}
}
