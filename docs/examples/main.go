// One program for all the examples: examples --example chat --listen 127.0.0.1:3000.

// Command examples runs the examples of docs/embedding.md. Each stands in a file
// of its own and is a whole server.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// examples serve on an address until ctx is done.
var examples = map[string]func(ctx context.Context, addr string) error{
	"acks": acks, "adapter": adapter, "auth": auth, "autocert": withAutocert, "chat": chat, "chi": inChi, "gin": inGin,
	"http": overHTTP, "restart": restart, "rooms": inRooms, "typed": typed,
}

func main() {
	name := flag.String("example", "", "its name")
	addr := flag.String("listen", "127.0.0.1:3000", "host:port")
	flag.Parse()
	run := examples[*name]
	if run == nil {
		var names []string
		for n := range examples {
			names = append(names, n)
		}
		fmt.Fprintln(os.Stderr, "--example is one of", strings.Join(names, ", "))
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
