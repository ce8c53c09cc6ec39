// The process of the test application: flags, journal, life. See CONTRACT.md.

// Command app is the test application of CONTRACT.md, written as a user of
// package loop would.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
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
	listen := flag.String("listen", "", "host:port")
	pingInterval := flag.Int("ping-interval", 25000, "ms")
	pingTimeout := flag.Int("ping-timeout", 20000, "ms")
	connectTimeout := flag.Int("connect-timeout", 45000, "ms")
	maxPayload := flag.Int64("max-payload", 1000000, "bytes")
	flag.Parse()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	server, err := loop.New(loop.Config{
		Listen:            []string{*listen},
		PingInterval:      ms(*pingInterval),
		PingTimeout:       ms(*pingTimeout),
		ConnectTimeout:    ms(*connectTimeout),
		MaxHTTPBufferSize: *maxPayload,
	})
	if err != nil {
		return err
	}
	app := &app{server: server, held: map[string]func(...any) error{}}
	app.namespaces()

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(context.Background()) }()
	select {
	case <-server.Listening():
		app.journal(map[string]any{"listening": server.Addrs()[0]})
	case err := <-ended:
		return err
	}
	<-stop.Done()
	// The contract allows two seconds; who is left then is cut off.
	end, done := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer done()
	_ = server.Shutdown(end)
	return <-ended
}

// app is the state of the application.
type app struct {
	server *loop.Server

	writing sync.Mutex // orders the lines of the journal

	holding sync.Mutex
	held    map[string]func(...any) error
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
