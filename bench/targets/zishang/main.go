// The application contract on zishang520/socket.io v3.

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

func main() {
	listen := flag.String("listen", "", "HOST:PORT")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	io := socket.NewServer(nil, nil)
	_ = io.On("connection", func(args ...any) { contract(io, args[0].(*socket.Socket)) })

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io.ServeHandler(nil))
	go func() {
		fmt.Fprintln(os.Stderr, http.Serve(l, mux))
		os.Exit(1)
	}()
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"listening": l.Addr().String(), "name": "zishang", "version": socket.VERSION,
	})
	<-ended
}

func contract(io *socket.Server, s *socket.Socket) {
	_ = s.On("echo", func(args ...any) {
		args, ack := split(args)
		if ack == nil {
			_ = s.Emit("echo", args...)
			return
		}
		reread(args)
		_ = s.Emit("echo", args...)
		ack(args, nil)
	})
	_ = s.On("join", func(args ...any) {
		args, ack := split(args)
		s.Join(room(args))
		if ack != nil {
			ack(nil, nil)
		}
	})
	_ = s.On("room", func(args ...any) { _ = io.To(room(args)).Emit("room", args...) })
	_ = s.On("bcast", func(args ...any) { io.Emit("bcast", args...) })
	_ = s.On("sink", func(...any) {})
}

// split takes the acknowledgement, which comes last, from the arguments.
func split(args []any) ([]any, socket.Ack) {
	if n := len(args) - 1; n >= 0 {
		if ack, ok := args[n].(socket.Ack); ok {
			return args[:n], ack
		}
	}
	return args, nil
}

// reread puts byte slices in place of the readers that binary values arrive as,
// which could be encoded only once.
func reread(v any) any {
	switch v := v.(type) {
	case types.BufferInterface:
		return v.Bytes()
	case []any:
		for i := range v {
			v[i] = reread(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = reread(v[k])
		}
	}
	return v
}

func room(args []any) socket.Room {
	if len(args) == 0 {
		return ""
	}
	name, _ := args[0].(string)
	return socket.Room(name)
}
