// The application inside a program that runs gnet itself, with a protocol of its own: --attach gnet.

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/panjf2000/gnet/v2"
)

// shouter is that program: on a port of its own it answers in capitals, and what
// it hears is an event for everybody.
type shouter struct {
	gnet.BuiltinEventEngine
	app    *app
	port   int
	engine chan gnet.Engine
}

// newShouter takes a port that is free now.
func newShouter(a *app) (*shouter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return &shouter{app: a, port: port, engine: make(chan gnet.Engine, 1)}, l.Close()
}

// serve runs gnet for both.
func (h *shouter) serve(addr string) error {
	own := "127.0.0.1:" + strconv.Itoa(h.port)
	handler := h.app.server.EventHandler(h, func(c gnet.Conn) bool { return c.LocalAddr().String() != own })
	return gnet.Rotate(handler, []string{"tcp://" + own, "tcp://" + addr},
		gnet.WithNumEventLoop(len(h.app.server.Loops())), gnet.WithReusePort(true), gnet.WithTicker(true), gnet.WithLogger(silent{}))
}

// end stops gnet, behind the server's end.
func (h *shouter) end(ctx context.Context) error {
	select {
	case e := <-h.engine:
		return e.Stop(ctx)
	default:
		return errors.New("gnet has not begun")
	}
}

// OnBoot implements gnet.EventHandler.
func (h *shouter) OnBoot(e gnet.Engine) gnet.Action {
	h.engine <- e
	return gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (h *shouter) OnTraffic(c gnet.Conn) gnet.Action {
	p, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	_ = h.app.server.Emit("shout", strings.TrimSpace(string(p)))
	_, _ = c.Write(bytes.ToUpper(p))
	return gnet.None
}

// silent is a logger of gnet's.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// serve returns what serves the application and what ends that.
func (a *app) serve(f flags) (serve func() error, end func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	if f.attach != "gnet" {
		return func() error { return a.server.Run(context.Background()) }, nothing, nil
	}
	h, err := newShouter(a)
	if err != nil {
		return nil, nil, err
	}
	a.journal(map[string]any{"event": "host", "port": h.port})
	return func() error { return h.serve(f.listen) }, h.end, nil
}
