// What happens when a socket has connected, and when it has gone.

package connect

import (
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// connected is the connection handler of every namespace. It runs on the loop.
func (g *Gate) connected(s *loop.Socket) {
	st := session.Of(s)
	if s.Recovered() && st != nil {
		// What belongs to the events of a socket is not shared with the one it was.
		st = st.Clone()
		s.SetData(st)
	}
	if st == nil {
		// The middleware did not see it: the server was put together wrongly.
		g.log.Error("a socket has connected that nobody has let in", "namespace", s.Namespace().Name())
		s.Disconnect(true)
		return
	}
	sockets := g.users.add(s, st.User)
	g.expiry.set(g, s, st)
	for _, e := range st.TakeWelcome() {
		if err := s.Emit(e.Event, hooks.Values(e.Args)...); err != nil {
			g.log.Warn("an event of the connect hook cannot be sent", "event", e.Event, "error", err)
		}
	}
	if !g.node.Bus.Heard() {
		return
	}
	recovered := s.Recovered()
	g.node.Bus.Publish(&lifecycle.Event{
		Type: lifecycle.SocketConnected, Namespace: s.Namespace().Name(), SID: s.ID(), ConnID: session.ConnID(g.node.ID, s), User: st.User,
		Transport: s.Transport(), IP: s.Handshake().Address(), Recovered: &recovered, Reason: s.RecoveryFailure(), Data: st.Data(), Meta: st.Meta,
	})
	if sockets == 1 {
		g.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.UserOnline, User: st.User, SID: s.ID(), Sockets: &sockets})
	}
}

// disconnected is the disconnect handler of every namespace. It runs on the loop.
func (g *Gate) disconnected(s *loop.Socket, reason loop.DisconnectReason, _ error) {
	st := session.Of(s)
	if st == nil {
		return
	}
	g.expiry.stop(s)
	left := g.users.remove(s, st.User)
	if !g.node.Bus.Heard() {
		return
	}
	e := &lifecycle.Event{
		Type: lifecycle.SocketDisconnected, Namespace: s.Namespace().Name(), SID: s.ID(), ConnID: session.ConnID(g.node.ID, s), User: st.User,
		Reason: string(reason), DurationMS: time.Since(st.Since).Milliseconds(), Data: st.Data(), Meta: st.Meta,
	}
	if why := st.Ended(); why != "" {
		e.Reason = why
	}
	g.node.Bus.Publish(e)
	if left == 0 && st.User != "" {
		g.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.UserOffline, User: st.User, SID: s.ID(), Sockets: &left})
	}
}
