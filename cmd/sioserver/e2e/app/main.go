// The process of the test application: journal and life. See CONTRACT.md.

// Command app is the test application of CONTRACT.md, written as a user of
// package loop would.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, f, err := configuration()
	if err != nil {
		return err
	}
	joined, err := join(f)
	if err != nil {
		return err
	}
	defer joined.close()
	cfg.Adapter = joined.adapter
	app := &app{joined: joined, held: map[string]func(...any) error{}}
	if f.publish {
		app.listenForLines(&cfg)
	}
	server, err := loop.New(cfg)
	if err != nil {
		return err
	}
	app.server = server
	app.publishers(f)
	app.namespaces()
	app.engine(f)
	if f.roomEvents {
		app.rooms()
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	serve, endHost, err := app.serve(f)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- serve() }()
	select {
	case <-server.Listening():
	case err := <-ended:
		return err
	}
	if f.attach != "none" && f.attach != "gnet" {
		host, err := attach(server, f)
		if err != nil {
			return err
		}
		defer func() { _ = host.Close() }()
	}
	app.journal(map[string]any{"listening": f.listen})
	if f.publish {
		app.tellPublishPort()
	}
	if f.lines {
		if err := app.lines(); err != nil {
			return err
		}
	}
	<-stop.Done()
	// The contract allows two seconds; who is left then is cut off.
	end, done := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer done()
	_ = server.Shutdown(end)
	_ = endHost(end)
	return <-ended
}

// app is the state of the application.
type app struct {
	server   *loop.Server
	joined   joined
	fixed    []*loop.Namespace
	families []*loop.Namespace // the parents of dynamic namespaces

	publishing *loop.PerLoop[map[*loop.RawConn]struct{}] // connections of --publish, by loop

	writing sync.Mutex // orders the lines of the journal

	holding sync.Mutex
	held    map[string]func(...any) error
}

// engine keeps the journal of what the engine refuses, and marks its answers.
func (a *app) engine(f flags) {
	a.server.OnConnectionError(func(e loop.ConnectionError) {
		context := map[string]any{}
		for name, v := range e.Context {
			if name != "error" {
				context[name] = v
			}
		}
		a.journal(map[string]any{"event": "connection_error", "code": e.Code, "message": e.Message, "context": context})
	})
	if f.engine {
		a.server.OnEngineConnection(a.client)
	}
	if f.markHeaders {
		a.server.OnInitialHeaders(func(h http.Header, _ *http.Request) {
			h.Set("X-Sio-First", "yes")
			h.Add("Set-Cookie", "first=1")
		})
		a.server.OnHeaders(func(h http.Header, _ *http.Request) { h.Set("X-Sio-Every", "yes") })
	}
}

// client keeps the journal of a client of the engine.
func (a *app) client(c loop.Conn) {
	note := func(event string) {
		a.journal(map[string]any{"event": event, "id": c.ID(), "transport": c.Transport(), "upgrading": c.Upgrading()})
	}
	note("engine-connection")
	c.OnUpgrading(func() { note("engine-upgrading") })
	c.OnUpgrade(func() { note("engine-upgrade") })
	c.OnClose(func(reason loop.DisconnectReason, _ error) {
		a.journal(map[string]any{"event": "engine-close", "id": c.ID(), "reason": reason, "clients": a.server.ClientsCount()})
	})
	_ = c.Send("hello")
}

// journal writes a line on standard output.
func (a *app) journal(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n'))
}
