// Clients before they are sockets, and all of them.

package loop

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sioserver/sioserver/transport"
)

// engineConn is a client as those know it who have its [Conn] from the server.
// It is made for those that are asked about.
type engineConn struct {
	actor

	// Immutable after it was made.
	session   *transport.Session // the client's as long as it is not closed
	id        string
	revision3 bool
	extra     *sessionExtra
	request   *request

	// Any goroutine.
	via    atomic.Uint32
	closed atomic.Bool
}

// conn is the engineConn of a session, made at the first call.
func (l *Loop) conn(s *transport.Session) *engineConn {
	c := l.client(s)
	k := c.keep()
	if k.conn == nil {
		k.conn = &engineConn{
			actor: actor{loop: l}, session: s, id: s.Name(), revision3: s.Revision() < 4, extra: extraOf(s), request: c.request,
		}
		k.conn.via.Store(viaOf(s))
	}
	return k.conn
}

// protect calls a callback. A panic closes the client's connection, and nothing
// else.
func (e *engineConn) protect(what string, call func()) {
	defer func() {
		if p := recover(); p != nil {
			s := e.loop.server
			s.logPanic("a "+what, p)
			if s.cfg.OnError != nil {
				s.report(nil, fmt.Errorf("loop: panic in a %s: %v", what, p))
			}
			Conn{client: e}.Close(false)
		}
	}()
	call()
}

// OnEngineConnection adds a handler that is told of each new Engine.IO session,
// before the client is in any namespace: it joins none before the handlers have
// returned. With [Inline] on it and on all others of its kind it runs on the
// event loop. It costs memory for each client. It panics with Config.EngineOnly,
// where [Server.OnConnection] tells of each session.
func (s *Server) OnEngineConnection(h func(Conn), opts ...HandlerOption) {
	if s.cfg.EngineOnly {
		panic("loop: OnEngineConnection of a server with EngineOnly, where OnConnection tells of each session")
	}
	o := handlerOptions(opts)
	s.asked.Store(true)
	s.changeEngineHooks(func(k *engineHooks) { k.connection = append(slices.Clip(k.connection), hook[func(Conn)]{h, o.inline}) })
}

// announce tells of a new session.
func (l *Loop) announce(s *transport.Session) {
	hooks := l.server.engineHooks.Load().connection
	if len(hooks) == 0 {
		return
	}
	e := l.conn(s)
	l.run(&e.actor, job{inline: allInline(hooks), call: func() {
		for _, h := range hooks {
			e.protect("engine connection handler", func() { h.run(Conn{client: e}) })
		}
	}})
}

// announced reports whether nobody is being told of a client any more.
func (c *client) announced() bool { return c.kept == nil || c.kept.conn == nil || !c.kept.conn.busy() }

// ClientsCount is the number of open Engine.IO sessions, whether they are in a
// namespace or not.
func (s *Server) ClientsCount() (n int) {
	for _, l := range s.loops {
		n += int(l.open.Load())
	}
	return n
}

// Clients are the open Engine.IO sessions, those in no namespace among them. It
// asks every loop and waits for the answers, so an inline handler must not call
// it ([ErrOnLoop]). With an error come those found so far. A [Conn]
// that was made for a client takes memory until that client has gone.
func (s *Server) Clients(ctx context.Context) (list []Conn, err error) {
	if s.onLoop() {
		return nil, ErrOnLoop
	}
	answers := make(chan []Conn, len(s.loops))
	for _, l := range s.loops {
		l.engine.Post(&clientsTask{l, answers})
	}
	for range s.loops {
		select {
		case part := <-answers:
			list = append(list, part...)
		case <-ctx.Done():
			return list, ctx.Err()
		case <-s.done:
			return list, ErrClosed
		}
	}
	return list, nil
}

// clientsTask lists the sessions of a loop.
type clientsTask struct {
	loop    *Loop
	answers chan<- []Conn
}

// Run implements [transport.Task].
func (t *clientsTask) Run(e *transport.Engine) {
	var list []Conn
	e.EachSession(func(s *transport.Session) { list = append(list, Conn{client: t.loop.conn(s)}) })
	t.answers <- list
}
