// Several servers behind an adapter: a toy one, in one process.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// hub joins the namespaces of some servers by name.
type hub struct {
	mu     sync.Mutex
	locals map[string][]rooms.Local
	// late holds back what the servers but the first say of their clients.
	late chan struct{}
	err  error // of ServerCount
}

// spoke is a namespace's adapter.
type spoke struct {
	hub  *hub
	self rooms.Local
}

func (h *hub) factory(l rooms.Local) (rooms.Adapter, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.locals == nil {
		h.locals = map[string][]rooms.Local{}
	}
	h.locals[l.Name()] = append(h.locals[l.Name()], l)
	return &spoke{h, l}, nil
}

// each calls f for this server and, unless the target is local, the others.
func (s *spoke) each(t rooms.Target, f func(l rooms.Local, own bool)) {
	f(s.self, true)
	if t.Flags.Local {
		return
	}
	s.hub.mu.Lock()
	list := slices.Clone(s.hub.locals[s.self.Name()])
	s.hub.mu.Unlock()
	for _, l := range list {
		if l != s.self {
			f(l, false)
		}
	}
}

func (s *spoke) Broadcast(p *rooms.Packet, t rooms.Target) (err error) {
	s.each(t, func(l rooms.Local, own bool) {
		q := *p
		if !own {
			q.Encoded = nil
		}
		err = errors.Join(err, l.Broadcast(&q, t))
	})
	return err
}

func (s *spoke) BroadcastWithAck(ctx context.Context, p *rooms.Packet, t rooms.Target, clients func(int), answer func(rooms.Answer)) (err error) {
	s.each(t, func(l rooms.Local, own bool) {
		n, e := l.BroadcastWithAck(ctx, p, t, answer)
		err = errors.Join(err, e)
		if own || s.hub.late == nil {
			clients(n)
			return
		}
		go func() {
			<-s.hub.late
			clients(n)
		}()
	})
	return err
}

func (s *spoke) SocketsJoin(t rooms.Target, names []string) error {
	s.each(t, func(l rooms.Local, _ bool) { l.SocketsJoin(t, names) })
	return nil
}

func (s *spoke) SocketsLeave(t rooms.Target, names []string) error {
	s.each(t, func(l rooms.Local, _ bool) { l.SocketsLeave(t, names) })
	return nil
}

func (s *spoke) DisconnectSockets(t rooms.Target, closeConn bool) error {
	s.each(t, func(l rooms.Local, _ bool) { l.DisconnectSockets(t, closeConn) })
	return nil
}

func (s *spoke) ServerCount(context.Context) (int, error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return len(s.hub.locals[s.self.Name()]), s.hub.err
}

func (s *spoke) Close() error { return nil }

func TestAdapter(t *testing.T) {
	h := &hub{}
	var servers []*server
	var clients []*sio
	var ids []string
	for range 3 {
		s := serve(t, loop.Config{Adapter: h.factory}, onSync)
		servers = append(servers, s)
	}
	for i := range 6 {
		c, sid := servers[i%3].connect(t, "websocket")
		clients, ids = append(clients, c), append(ids, sid)
	}
	one := servers[0].Root()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(name string, receivers ...int) {
		t.Helper()
		var got []int
		for i, c := range clients {
			c.mustWrite(t, `2["sync"]`)
			for {
				m := c.mustNext(t)
				if m == `2["synced"]` {
					break
				}
				if m != `2["m","`+name+`"]` {
					t.Errorf("%s: client %d got %q", name, i, m)
				}
				got = append(got, i)
			}
		}
		if !slices.Equal(got, receivers) {
			t.Errorf("%s: received by %v, want %v", name, got, receivers)
		}
	}
	must(one.Emit("m", "all"))
	check("all", 0, 1, 2, 3, 4, 5)
	must(one.Local().Emit("m", "local"))
	check("local", 0, 3)
	must(one.To(ids[1], ids[5]).SocketsJoin("room"))
	must(servers[2].To("room").Except(ids[1]).Emit("m", "room"))
	check("room", 5)
	must(one.To("room").SocketsLeave("room"))
	must(one.To("room").Emit("m", "nobody"))
	check("nobody")

	type result struct {
		answers []loop.Args
		err     error
	}
	ask := func(o loop.BroadcastOperator) <-chan result {
		r := make(chan result, 1)
		go func() {
			a, err := o.EmitWithAck(t.Context(), "q")
			r <- result{a, err}
		}()
		return r
	}
	answer := func(i int) { clients[i].mustWrite(t, "3"+clients[i].question(t, "q")+fmt.Sprintf("[%d]", i)) }
	r := ask(one.To())
	for i := range clients {
		answer(i)
	}
	if res := within(t, "the answers", r); res.err != nil || len(res.answers) != 6 {
		t.Errorf("%d answers, %v", len(res.answers), res.err)
	}
	r = ask(one.Local())
	answer(0)
	answer(3)
	if res := within(t, "the answers", r); res.err != nil || len(res.answers) != 2 {
		t.Errorf("local: %d answers, %v", len(res.answers), res.err)
	}

	// This server has nobody to ask and says so before the others do.
	h.late = make(chan struct{}, 10)
	r = ask(one.To(ids[1], ids[2]))
	answer(1)
	answer(2)
	for range 10 { // time for it to be over too early
		clients[1].sync(t)
		clients[2].sync(t)
	}
	if len(r) != 0 {
		res := <-r
		t.Fatalf("over before the other servers have told: %d answers, %v", len(res.answers), res.err)
	}
	h.late <- struct{}{}
	h.late <- struct{}{}
	if res := within(t, "the answers", r); res.err != nil || len(res.answers) != 2 {
		t.Errorf("late: %d answers, %v", len(res.answers), res.err)
	}
	h.mu.Lock()
	h.err = errors.New("broker is down")
	h.mu.Unlock()
	if _, err := one.To().EmitWithAck(t.Context(), "q"); !errors.Is(err, h.err) {
		t.Errorf("ServerCount fails: %v", err)
	}

	must(one.Except(ids[0]).DisconnectSockets(false))
	for _, c := range clients[1:] {
		c.expect(t, "1")
	}
	if n := servers[0].Root().ConnectedSockets() + servers[1].Root().ConnectedSockets() + servers[2].Root().ConnectedSockets(); n != 1 {
		t.Errorf("%d sockets are left", n)
	}
}

func (s *spoke) FetchSockets(ctx context.Context, t rooms.Target) (list []rooms.SocketInfo, err error) {
	s.each(t, func(l rooms.Local, own bool) {
		if !own {
			found, e := l.FetchSockets(ctx, t)
			list, err = append(list, found...), errors.Join(err, e)
		}
	})
	return list, err
}

func (s *spoke) ServerSideEmit(p *rooms.Packet) error {
	s.each(rooms.Target{}, func(l rooms.Local, own bool) {
		if !own {
			l.ServerSideEvent(p, nil)
		}
	})
	return nil
}

func (s *spoke) ServerSideEmitWithAck(ctx context.Context, p *rooms.Packet) (list []rooms.Answer, err error) {
	answers, asked := make(chan rooms.Answer, 16), 0
	s.each(rooms.Target{}, func(l rooms.Local, own bool) {
		if !own {
			asked++
			l.ServerSideEvent(p, func(a rooms.Answer) { answers <- a })
		}
	})
	for range asked {
		select {
		case a := <-answers:
			list = append(list, a)
		case <-ctx.Done():
			return list, ctx.Err()
		}
	}
	return list, nil
}
