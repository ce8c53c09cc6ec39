// Attaching to a server of package net/http: its websockets become the loops', its polls are asked of them.

package loop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// Handler serves clients that come to a server of package net/http, in whatever
// router and behind whatever middleware. A websocket is taken over with its
// connection and costs from then on what one of Config.Listen costs; a polling
// request holds its goroutine as long as it waits. HTTP/2 is good for polling;
// clients upgrade over HTTP/1.1 beside it.
//
// The path that the handler sees must be Config.Path: [http.StripPrefix] in
// front may cut a prefix off. Requests for other paths go to the handlers of
// [Server.HandleHTTP] and Config.HTTP. The server must run, see [Server.Start];
// if it is to have no address of its own, set Config.NoListen.
//
// What middleware in front has put into the request's context is there in
// [Handshake.Context], and a RemoteAddr it has set is believed. Middleware must
// not end requests that wait, and if it wraps the ResponseWriter, the wrapper
// needs an Unwrap method ([http.ResponseController]), or websockets are refused.
// Of a websocket within TLS the connection can be taken over if it came by
// [Server.Listener].
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveAttached) }

// startPatience is how long a request waits for a server that does not run yet.
const startPatience = 5 * time.Second

// origin is what package net/http knows of a request besides its bytes.
type origin struct {
	ctx context.Context // its values
	tls *tls.ConnectionState
}

// originOf is the origin of a request, the zero one if it came over a listener
// of the server's own.
func originOf(h *transport.Hello) (o origin) {
	if w, ok := h.Wire.(interface{ Value() any }); ok {
		o, _ = w.Value().(origin)
	}
	return o
}

// forgetOrigin gives up what a connection keeps of its first request.
func forgetOrigin(h *transport.Hello) {
	if w, ok := h.Wire.(interface{ Forget() }); ok {
		w.Forget()
	}
}

// textAddr is an address that is known as text.
type textAddr string

// Network implements [net.Addr].
func (textAddr) Network() string { return "tcp" }

// String implements [net.Addr].
func (a textAddr) String() string { return string(a) }

// serveAttached answers a request of somebody else's server.
func (s *Server) serveAttached(w http.ResponseWriter, r *http.Request) {
	switch {
	case !s.isEngine(r):
		s.serveRoute(w, r)
	case !s.ready(r.Context()):
		refuseAttached(w, "the Socket.IO server does not run: Server.Start or Server.Run has not been called, or it is shutting down")
	case s.reactor.Full():
		refuseAttached(w, "the server has as many connections as it may have (MaxConnections)")
	case r.ProtoMajor == 1 && asksUpgrade(r.Header):
		s.takeOver(w, r)
	default:
		s.askLoop(w, r)
	}
}

// asksUpgrade reports whether a request of HTTP/1 asks to go on as something
// else.
func asksUpgrade(h http.Header) bool {
	return len(h["Upgrade"]) > 0 && slices.ContainsFunc(listOf(h, "Connection"), func(token string) bool { return strings.EqualFold(token, "upgrade") })
}

func refuseAttached(w http.ResponseWriter, text string) {
	w.Header().Set("Connection", "close")
	http.Error(w, text, http.StatusServiceUnavailable)
}

// ready waits for the loops to run, and reports whether they do.
func (s *Server) ready(ctx context.Context) bool {
	select {
	case <-s.reactor.Booted():
		return !s.closing.Load()
	default:
	}
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	select {
	case <-s.reactor.Booted():
		return !s.closing.Load()
	case <-s.done:
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// originFor is the origin of a request, nil if nobody will ask for it.
func (s *Server) originFor(r *http.Request, session bool) any {
	h := s.engineHooks.Load()
	if session && len(h.middleware)+len(h.headers) == 0 && (s.cfg.CORS == nil || s.cfg.CORS.OriginFunc == nil) {
		return nil
	}
	return origin{ctx: context.WithoutCancel(r.Context()), tls: r.TLS}
}

// takeOver gives the connection of an upgrade request to a loop, which reads the
// request again. Nothing of package net/http stays behind.
func (s *Server) takeOver(w http.ResponseWriter, r *http.Request) {
	head := appendHead(nil, r, true)
	value := s.originFor(r, r.URL.Query().Has("sid"))
	i := s.loopFor(r)
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.cannotTakeOver(w, err)
		return
	}
	read, _ := brw.Reader.Peek(brw.Reader.Buffered())
	head = append(head, read...)
	var remote net.Addr
	if a := nc.RemoteAddr(); a == nil || a.String() != r.RemoteAddr {
		remote = textAddr(r.RemoteAddr)
	}
	switch c := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		err = s.reactor.Adopt(nc, nil, i, head, remote, value)
	case *tls.Conn:
		t, ok := c.NetConn().(*tlsconn.Conn)
		if !ok {
			err = s.carry(c, i, head, remote, value)
			break
		}
		err = s.takeOverBelow(t, c, i, head, remote, value)
	case *tlsconn.Conn: // nobody has put TLS on top of it
		err = s.takeOverBelow(c, nil, i, head, remote, value)
	case *webConn:
		if err = c.Back(i, head); err == nil {
			c.release()
		}
	default:
		err = s.carry(nc, i, head, remote, value)
	}
	if err != nil {
		_, _ = nc.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
		_ = nc.Close()
	}
}

// takeOverBelow gives a connection of [Server.Listener] to a loop, with the TLS
// on top of it.
func (s *Server) takeOverBelow(c *tlsconn.Conn, t *tls.Conn, i int, head []byte, remote net.Addr, value any) error {
	below := c.Release(t)
	of := c
	if t == nil {
		of = nil
	}
	err := s.reactor.Adopt(below, of, i, head, remote, value)
	if err != nil {
		c.Lend(below) // for the refusal
	}
	return err
}

// Listener prepares a listener for an [http.Server] that serves TLS: websockets
// that come by it are taken over with their TLS, as those without TLS are.
//
//	listener, err := net.Listen("tcp", ":443")
//	…
//	host.ServeTLS(server.Listener(listener), certFile, keyFile)
//
// A listener of crypto/tls may be put on top as well. Connections of l that are
// not of package net are passed on as they are. Without TLS it changes nothing.
func (s *Server) Listener(l net.Listener) net.Listener { return underTLS{l} }

// underTLS is a listener whose connections can change sides.
type underTLS struct{ net.Listener }

// Accept implements [net.Listener].
func (l underTLS) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return tlsconn.Over(c), nil
	}
	return c, err
}

// cannotTakeOver tells the client, and once the operator, that websockets do
// not work here.
func (s *Server) cannotTakeOver(w http.ResponseWriter, err error) {
	if errors.Is(err, http.ErrNotSupported) {
		err = fmt.Errorf("loop: websockets need a ResponseWriter that can be hijacked, and %T cannot: middleware that wraps it needs a method "+
			"Unwrap() http.ResponseWriter", w)
	} else {
		err = fmt.Errorf("loop: taking over the connection of a websocket: %w", err)
	}
	s.unhijackable.Do(func() { s.cfg.Logger.Warn("websockets are refused", "error", err) })
	s.fail(nil, err)
	http.Error(w, strings.TrimPrefix(err.Error(), "loop: "), http.StatusInternalServerError)
}
