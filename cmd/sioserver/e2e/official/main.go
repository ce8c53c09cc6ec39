// The servers behind the official test suites: which there are, and their life.

// Command official is the server that the official test suites of the clients
// and of the protocols expect, one for each suite. README.md tells how to run
// them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// suite is an official test suite: where it looks for its server, and what the
// server does.
type suite struct {
	name   string
	port   string
	config loop.Config
	setup  func(*loop.Server)
}

var suites = []suite{
	{"socket.io-client-4", "3210", clientConfig(4), client(4)},
	{"socket.io-client-3", "3210", clientConfig(3), client(3)},
	{"socket.io-client-2", "3210", clientConfig(2), client(2)},
	{"engine.io-client-6", "3000", engineClientConfig(6), engineClient(utf8Of6)},
	{"engine.io-client-3", "3000", engineClientConfig(3), engineClient(utf8Of3)},
	{"socket.io-protocol-5", "3000", protocolConfig(false, 4), protocol},
	{"engine.io-protocol-4", "3000", protocolConfig(true, 4), echo},
	{"engine.io-protocol-3", "3000", protocolConfig(true, 3), echo},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "official:", err)
		os.Exit(1)
	}
}

func run() error {
	name := flag.String("suite", "", "which suite")
	listen := flag.String("listen", "", "host:port; without it where the suite looks, on 127.0.0.1")
	flag.Usage = usage
	flag.Parse()
	i := slices.IndexFunc(suites, func(s suite) bool { return s.name == *name })
	if i < 0 || flag.NArg() > 0 {
		usage()
		return fmt.Errorf("no suite %q", *name)
	}
	s := suites[i]
	s.config.Listen = []string{*listen}
	if *listen == "" {
		s.config.Listen[0] = "127.0.0.1:" + s.port
	}
	server, err := loop.New(s.config)
	if err != nil {
		return err
	}
	s.setup(server)

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(context.Background()) }()
	select {
	case <-server.Listening():
		fmt.Printf("{\"listening\":%q}\n", server.Addrs()[0])
	case err := <-ended:
		return err
	}
	<-stop.Done()
	end, done := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer done()
	_ = server.Shutdown(end)
	return <-ended
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: official --suite NAME [--listen HOST:PORT], the name being one of")
	for _, s := range suites {
		fmt.Fprintf(os.Stderr, "  %s, on port %s\n", s.name, s.port)
	}
}
