// Clients that do not read.

package gate

import (
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// slow tells of a client that does not keep up, before anything happens to it.
func (g *Gate) slow(st loop.SocketStatus) {
	if !g.node.Bus.Heard() {
		return
	}
	e := slowEvent(st.Socket, lifecycle.SlowConsumer, "queue")
	if half := time.Duration(g.node.Config().SlowConsumers.StallTimeout) / 2; half > 0 && st.Stalled >= half {
		e.Reason = "stalled"
	}
	e.Pending, e.StalledMS, e.Dropped = st.Buffered, st.Stalled.Milliseconds(), st.Dropped
	g.node.Bus.Publish(e)
}

// disconnected tells of clients that were cut off because they did not read.
func (g *Gate) disconnected(s *loop.Socket, _ loop.DisconnectReason, err error) {
	if loop.IsSlowConsumer(err) && g.node.Bus.Heard() {
		g.node.Bus.Publish(slowEvent(s, lifecycle.SlowConsumerClosed, err.Error()))
	}
}

// slowEvent is an event about such a client.
func slowEvent(s *loop.Socket, kind, reason string) *lifecycle.Event {
	e := &lifecycle.Event{Type: kind, Namespace: s.Namespace().Name(), SID: s.ID(), Transport: s.Transport(), Reason: reason}
	if st := session.Of(s); st != nil {
		e.User, e.IP = st.User, st.IP
	}
	return e
}
