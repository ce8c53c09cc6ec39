// The application on package loop as it comes: handlers off the event loops.

// Command handlers is what "sioserver --dev" is to the generator, with handlers
// that run where those of an application do if it asks for nothing else.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/sioserver/sioserver/loop"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:4000", "`host:port`")
	spare := flag.Bool("spare", true, "give Go's scheduler a processor more than there are event loops, as the command does")
	flag.Parse()
	if err := run(*listen, *spare); err != nil {
		fmt.Fprintln(os.Stderr, "handlers:", err)
		os.Exit(1)
	}
}

func run(listen string, spare bool) error {
	cfg := loop.Config{Listen: []string{listen}, Loops: runtime.GOMAXPROCS(0), DropHandshake: true, ReleaseMemory: true}
	if spare {
		runtime.GOMAXPROCS(cfg.Loops + 1)
	}
	s, err := loop.New(cfg)
	if err != nil {
		return err
	}
	serve(s)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		select {
		case <-s.Listening():
			_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"listening": s.Addrs()[0], "name": "handlers", "version": runtime.Version()})
		case <-ctx.Done():
		}
	}()
	return s.Run(ctx)
}

// serve is the application of CONTRACT.md.
func serve(s *loop.Server) {
	s.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	})
	s.On("sink", func(*loop.Socket, *loop.Event) {})
	room := func(then func(s *loop.Socket, room string, e *loop.Event)) loop.Handler {
		return func(s *loop.Socket, e *loop.Event) {
			var name string
			if e.Args().Decode(0, &name) == nil && name != "" {
				then(s, name, e)
			}
		}
	}
	acknowledge := func(e *loop.Event) {
		if e.WantsAck() {
			_ = e.Ack()
		}
	}
	s.On("join", room(func(s *loop.Socket, name string, e *loop.Event) {
		if s.Join(name) == nil {
			acknowledge(e)
		}
	}))
	s.On("leave", room(func(s *loop.Socket, name string, e *loop.Event) { s.Leave(name); acknowledge(e) }))
	s.On("room", room(func(_ *loop.Socket, name string, e *loop.Event) { _ = s.To(name).EmitArgs("room", e.Args()) }))
	s.On("bcast", func(_ *loop.Socket, e *loop.Event) { _ = s.To().EmitArgs("bcast", e.Args()) })
}
