// Connections that have left the loops, as package net/http serves them.

package loop

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport"
)

// web serves connections that have left the loops. It is the listener of its
// http.Server.
type web struct {
	// Immutable after init.
	server    *Server
	http      *http.Server
	limit     int64         // of connections
	bodyLimit int64         // in bytes, negative for none
	bodyTime  time.Duration // for a read of a body
	conns     chan net.Conn
	closed    chan struct{}

	// Any goroutine.
	mux      http.ServeMux
	patterns atomic.Bool // HandleHTTP was called
	open     atomic.Int64
	hits     atomic.Uint64 // at the limit
	once     sync.Once     // closes closed
	mu       struct {
		sync.Mutex
		serving, ended bool
		taken          map[*webConn]struct{} // over by handlers
	}
}

// init readies the web side of a server.
func (w *web) init(s *Server, o *transport.Options) {
	w.server = s
	w.limit, w.bodyLimit, w.bodyTime = int64(s.cfg.Limits.HTTPConnections), s.cfg.Limits.HTTPBody, milliseconds(o.BodyTimeout)
	w.conns, w.closed = make(chan net.Conn), make(chan struct{})
	w.mu.taken = map[*webConn]struct{}{}
	w.http = &http.Server{
		Handler:           http.HandlerFunc(w.serve),
		ReadHeaderTimeout: milliseconds(o.HeaderTimeout),
		IdleTimeout:       milliseconds(o.KeepAlive),
		MaxHeaderBytes:    o.HTTP.HeaderTotal,
		ConnState:         w.state,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// peerKey is under which the context of a connection has who is on its other
// end.
type peerKey struct{}

// withPeer puts it there; package net/http knows of TLS of its own only.
func withPeer(ctx context.Context, nc net.Conn) context.Context {
	c := nc.(*webConn)
	p := peer{remote: c.RemoteAddr().String(), tls: c.TLS()}
	p.know(c.RemoteAddr())
	return context.WithValue(ctx, peerKey{}, p)
}

// full reports whether no further connection may leave, and counts that.
func (w *web) full() bool {
	if w.open.Load() < w.limit {
		return false
	}
	w.hits.Add(1)
	return true
}

// take serves a connection that has left a loop.
func (w *web) take(left *reactor.Left) {
	c := &webConn{Left: left, web: w}
	switch n := w.open.Add(1); {
	case n > w.limit:
		w.hits.Add(1)
	case w.start():
		select {
		case w.conns <- c:
			return
		case <-w.closed:
		}
	}
	_, _ = io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	_ = c.Close()
}

// start makes package net/http serve, and reports whether it does.
func (w *web) start() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.mu.serving && !w.mu.ended {
		w.mu.serving = true
		go func() { _ = w.http.Serve(w) }()
	}
	return !w.mu.ended
}

// shutdown waits for requests until ctx is done. Then it closes what is left,
// and what handlers have taken over, too.
func (w *web) shutdown(ctx context.Context) {
	w.mu.Lock()
	w.mu.ended = true
	w.mu.Unlock()
	if w.http.Shutdown(ctx) != nil {
		_ = w.http.Close()
	}
	_ = w.Close() // if it never served
	w.mu.Lock()
	taken := make([]*webConn, 0, len(w.mu.taken))
	for c := range w.mu.taken {
		taken = append(taken, c)
	}
	w.mu.Unlock()
	for _, c := range taken {
		_ = c.Close()
	}
}

// Accept implements [net.Listener].
func (w *web) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (w *web) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr implements [net.Listener].
func (w *web) Addr() net.Addr { return &net.TCPAddr{} }

// state notes which connections a handler has taken over: package net/http
// knows them no more, and their deadlines are the handler's.
func (w *web) state(nc net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	c := nc.(*webConn)
	c.Free()
	w.mu.Lock()
	w.mu.taken[c] = struct{}{}
	w.mu.Unlock()
}

// webConn is a connection that has left the loops, from then until it is closed
// or goes back.
type webConn struct {
	*reactor.Left
	web  *web
	once sync.Once
}

// Close implements [net.Conn].
func (c *webConn) Close() error {
	c.release()
	return c.Left.Close()
}

// release counts the connection out.
func (c *webConn) release() {
	c.once.Do(func() {
		w := c.web
		w.open.Add(-1)
		w.mu.Lock()
		delete(w.mu.taken, c)
		w.mu.Unlock()
	})
}

// serve answers a request on a connection that has left the loops.
func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	s := w.server
	s.requests.add()
	defer s.requests.done()
	if s.isEngine(r) {
		w.giveBack(rw, r)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				s.logPanic("the HTTP handler", p)
			}
			panic(http.ErrAbortHandler) // cuts the connection and says no more
		}
	}()
	from, _ := r.Context().Value(peerKey{}).(peer)
	r.TLS = from.tls
	r.RemoteAddr, _ = s.trusted.client(from, r.Header)
	if w.bodyLimit >= 0 && r.ContentLength > w.bodyLimit {
		rw.Header().Set("Connection", "close")
		http.Error(rw, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if r.Body != http.NoBody {
		r.Body = &timedBody{r.Body, http.NewResponseController(rw), w.bodyTime}
		if w.bodyLimit >= 0 {
			r.Body = http.MaxBytesReader(rw, r.Body, w.bodyLimit)
		}
	}
	s.serveRoute(rw, r)
}

// giveBack hands a connection that asks for the engine again to a loop, with
// the request unread.
func (w *web) giveBack(rw http.ResponseWriter, r *http.Request) {
	head := appendHead(nil, r, true)
	nc, brw, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(err) // the writer is package net/http's own, and so is the connection
	}
	c := nc.(*webConn)
	read, _ := brw.Reader.Peek(brw.Reader.Buffered())
	if c.Back(w.server.loopFor(r), append(head, read...)) != nil {
		_ = c.Close() // the loops are ending
		return
	}
	c.release()
}

// timedBody is a body whose reads do not wait for ever.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	limit   time.Duration
}

// Read implements [io.Reader].
func (b *timedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.limit))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
