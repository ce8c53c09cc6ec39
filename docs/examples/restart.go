// Graceful restart: on SIGHUP a new process takes the port over, and the old one sends its clients there.

package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func restart(ctx context.Context, addr string) error {
	// ReusePort lets both processes listen while one replaces the other.
	server, err := loop.New(loop.Config{Listen: []string{addr}, ReusePort: true})
	if err != nil {
		return err
	}
	server.OnConnection(func(s *loop.Socket) { _ = s.Emit("process", os.Getpid()) })

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	go func() {
		for {
			select {
			case <-again:
				if err := replace(ctx); err != nil {
					log.Println("no restart:", err) // and this one goes on
					continue
				}
				// Who connects comes to the new process from here on, and then all who are
				// here go there too, over half a second.
				if err := handOver(ctx, server); err != nil {
					log.Println("handing over:", err)
				}
				stop()
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		select {
		case <-server.Listening():
			ready()
		case <-ctx.Done():
		}
	}()
	return server.Run(ctx)
}

// handOver gives up the port, and then sends the clients away at a pace.
func handOver(ctx context.Context, server *loop.Server) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return errors.Join(server.StopAccepting(ctx), server.Drain(ctx, loop.DrainPlan{Over: 500 * time.Millisecond}))
}

// readyFD is where a new process tells the old one that it listens.
const readyFD = "READY_FD"

// replace starts the program once more and waits until it listens.
func replace(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	child := exec.CommandContext(context.WithoutCancel(ctx), os.Args[0], os.Args[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{w}
	child.Env = append(os.Environ(), readyFD+"=3")
	err = child.Start()
	_ = w.Close()
	if err != nil {
		return err
	}
	// One byte if it listens, the end of the pipe if it has failed.
	if _, err := r.Read(make([]byte, 1)); err != nil {
		return child.Wait()
	}
	return child.Process.Release()
}

// ready tells the process before, if there is one.
func ready() {
	if os.Getenv(readyFD) == "" {
		return
	}
	_ = os.Unsetenv(readyFD)
	f := os.NewFile(3, "ready")
	_, _ = f.Write([]byte{1})
	_ = f.Close()
}
