// A custom adapter: two servers in one process, whose rooms are joined.

package main

import (
	"context"
	"net"
	"strconv"
	"sync"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// bus knows the parts of all namespaces on all servers. One over a network would
// send messages here; package rooms/adaptertest tests such adapters.
type bus struct {
	mu    sync.Mutex
	parts map[string][]rooms.Local // by namespace
}

// adapter is what connects the namespace of one server: whatever it does not do
// itself concerns this server alone.
type joined struct {
	rooms.Adapter
	bus   *bus
	local rooms.Local
}

// join is a rooms.Factory.
func (b *bus) join(l rooms.Local) (rooms.Adapter, error) {
	own, err := rooms.InProcess(l)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts[l.Name()] = append(b.parts[l.Name()], l)
	return &joined{own, b, l}, nil
}

// Broadcast implements rooms.Adapter. It must not block.
func (j *joined) Broadcast(p *rooms.Packet, t rooms.Target) error {
	if err := j.Adapter.Broadcast(p, t); err != nil || t.Flags.Local {
		return err
	}
	j.bus.mu.Lock()
	parts := j.bus.parts[j.local.Name()]
	j.bus.mu.Unlock()
	for _, other := range parts {
		if other == j.local {
			continue
		}
		// Encoded is for the server that has encoded it.
		if err := other.Broadcast(&rooms.Packet{Event: p.Event, Args: p.Args}, t); err != nil {
			return err
		}
	}
	return nil
}

// adapter serves on an address and on the port behind it.
func adapter(ctx context.Context, addr string) error {
	second, err := next(addr)
	if err != nil {
		return err
	}
	b := &bus{parts: map[string][]rooms.Local{}}
	ended := make(chan error, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, a := range []string{second, addr} { // who sees the first sees both
		server, err := loop.New(loop.Config{Listen: []string{a}, Adapter: b.join})
		if err != nil {
			return err
		}
		loop.OnAck(server, "join", func(s *loop.Socket, room string) (bool, error) { return true, s.Join(room) })
		loop.On2(server, "say", func(s *loop.Socket, room, text string) error { return s.To(room).Emit("said", text) })
		if err := server.Start(ctx); err != nil {
			return err
		}
		go func() { <-ctx.Done(); ended <- server.Shutdown(context.WithoutCancel(ctx)) }()
	}
	err = <-ended
	if e := <-ended; err == nil {
		err = e
	}
	return err
}

func next(addr string) (string, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	port, err := strconv.Atoi(text)
	return net.JoinHostPort(host, strconv.Itoa(port+1)), err
}
