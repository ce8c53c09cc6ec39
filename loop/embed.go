// On the event loops of a host that runs gnet itself.

package loop

import (
	"context"
	"errors"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// EventHandler puts the server on the event loops of a program that runs gnet
// itself. The program gives what is returned to [gnet.Run], [gnet.Rotate] or
// [gnet.NewClient] in place of own, its handler, which goes on to get everything
// that is not the server's. ours says of a new connection whether it is, by
// its local address for instance; it runs on the event loop.
//
//	handler := server.EventHandler(own, func(c gnet.Conn) bool {
//		return c.LocalAddr().(*net.TCPAddr).Port == 3000
//	})
//	err := gnet.Rotate(handler, []string{"tcp://:7000", "tcp://:3000"},
//		gnet.WithNumEventLoop(4), gnet.WithReusePort(true), gnet.WithTicker(true))
//
// The engine must have as many event loops as [Config.Loops] says, a ticker, and
// ReusePort: without it gnet hands connections to its loops in a way that two
// goroutines must not use at once. [Config.NoListen] is to be set. The server runs from the first tick on, see
// [Server.Listening]; own's OnTick is called whenever it wants to be, but not
// more often than it says. Contexts of the server's connections are the server's.
// In one engine there can be one server.
//
// The engine is not the server's: [Server.Shutdown] ends the server and leaves the
// engine running, and an engine that ends takes the clients with it, after which
// Shutdown is to be called too. [Server.Run] is not.
//
// Connections of the server's are without TLS, and without what a [Listener] can
// have. Before Run.
func (s *Server) EventHandler(own gnet.EventHandler, ours func(c gnet.Conn) bool) gnet.EventHandler {
	s.reactor.Host()
	return &hosted{EventHandler: own, server: s, ours: ours}
}

// hosted hands gnet's events to whom they concern.
type hosted struct {
	gnet.EventHandler // the host's
	server            *Server
	ours              func(gnet.Conn) bool

	// Owned by the goroutine of gnet's ticker.
	ticked bool
}

// OnBoot implements [gnet.EventHandler].
func (h *hosted) OnBoot(e gnet.Engine) gnet.Action {
	s := h.server
	err := errors.New("loop: the server has addresses of its own, which nobody would serve: set NoListen")
	if len(s.Addrs()) == 0 {
		err = s.begin()
	}
	if err != nil {
		s.cfg.Logger.Error("the host's engine is not started", "error", err)
		return gnet.Shutdown
	}
	if a := s.reactor.OnBoot(e); a != gnet.None {
		return a
	}
	go func() {
		if err := s.run(context.Background()); err != nil {
			s.cfg.Logger.Error("the server ended", "error", err)
		}
	}()
	return h.EventHandler.OnBoot(e)
}

// idleTick is how often a host is ticked that does not say how often it wants to
// be.
const idleTick = time.Hour

// OnTick implements [gnet.EventHandler].
func (h *hosted) OnTick() (time.Duration, gnet.Action) {
	if !h.ticked {
		h.ticked = true
		h.server.reactor.OnTick()
	}
	delay, action := h.EventHandler.OnTick()
	if delay <= 0 {
		delay = idleTick
	}
	return delay, action
}

// OnShutdown implements [gnet.EventHandler].
func (h *hosted) OnShutdown(e gnet.Engine) {
	h.EventHandler.OnShutdown(e)
	h.server.reactor.OnShutdown(e)
}

// OnOpen implements [gnet.EventHandler].
func (h *hosted) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	r := h.server.reactor
	if r.Owns(c) || c.Context() == nil && h.ours(c) {
		return r.HostOpen(c)
	}
	return h.EventHandler.OnOpen(c)
}

// OnTraffic implements [gnet.EventHandler].
func (h *hosted) OnTraffic(c gnet.Conn) gnet.Action {
	if r := h.server.reactor; r.Owns(c) {
		return r.OnTraffic(c)
	}
	return h.EventHandler.OnTraffic(c)
}

// OnClose implements [gnet.EventHandler].
func (h *hosted) OnClose(c gnet.Conn, err error) gnet.Action {
	if r := h.server.reactor; r.Owns(c) {
		return r.OnClose(c, err)
	}
	return h.EventHandler.OnClose(c, err)
}
