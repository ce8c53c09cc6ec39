// Sockets of all servers, and events between servers.

package loop_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// cluster runs servers behind one hub, with one websocket client each.
func cluster(t *testing.T, n int, setup func(i int, s *loop.Server)) (servers []*server, clients []*sio, ids []string) {
	h := &hub{}
	for i := range n {
		s := serve(t, loop.Config{Adapter: h.factory}, func(s *loop.Server) {
			onSync(s)
			if setup != nil {
				setup(i, s)
			}
		})
		c, id := s.connect(t, "websocket")
		c.sync(t)
		servers, clients, ids = append(servers, s), append(clients, c), append(ids, id)
	}
	return servers, clients, ids
}

func TestFetchSockets(t *testing.T) {
	servers, clients, ids := cluster(t, 3, func(i int, s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) {
			s.SetData(map[string]int{"server": i})
			_ = s.Join("room")
		})
	})
	one := servers[0].Root()
	list, err := one.In("room").FetchSockets(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%d sockets, %v", len(list), err)
	}
	for _, r := range list {
		i := slices.Index(ids, r.ID())
		var data struct{ Server int }
		var h struct {
			Address string
			Query   map[string]string
			Headers map[string]string
			Issued  int64
		}
		if i < 0 || (r.Local() != nil) != (i == 0) || !slices.Equal(r.Rooms(), []string{ids[i], "room"}) {
			t.Errorf("socket %d %q: local %v, rooms %q", i, r.ID(), r.Local(), r.Rooms())
		}
		if err := errors.Join(r.Data(&data), r.Handshake(&h)); err != nil || data.Server != i {
			t.Errorf("socket %d: data %v, %v", i, data, err)
		}
		if h.Address != "127.0.0.1" || h.Query["EIO"] != "4" || h.Headers["host"] == "" || time.Since(time.UnixMilli(h.Issued)) > patience {
			t.Errorf("socket %d: handshake %+v", i, h)
		}
		if err := errors.Join(r.Emit("hello", i), r.Join("own"), r.Leave("room")); err != nil {
			t.Fatal(err)
		}
		clients[i].expect(t, `2["hello",`+string(rune('0'+i))+`]`)
		answers := make(chan string, 1)
		go func() {
			a, err := r.EmitWithAck(context.Background(), patience, "q")
			answers <- string(a.Raw(0)) + errorText(err)
		}()
		clients[i].mustWrite(t, "3"+clients[i].question(t, "q")+`["a"]`)
		if got := within(t, "the answer", answers); got != `"a"` {
			t.Errorf("socket %d answered %s", i, got)
		}
	}
	if left, err := one.In("room").FetchSockets(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d sockets are in the room still, %v", len(left), err)
	}
	if local, err := one.Local().FetchSockets(t.Context()); err != nil || len(local) != 1 || local[0].Local() == nil {
		t.Errorf("%d local sockets, %v", len(local), err)
	}
	for _, r := range list {
		if err := r.Disconnect(false); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range clients {
		c.expect(t, "1")
		eventually(t, "the disconnect", func() bool { return servers[i].Root().ConnectedSockets() == 0 })
	}
	if _, err := list[1].EmitWithAck(t.Context(), 0, "q"); err != loop.ErrDisconnected {
		t.Errorf("asking one that is gone: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestServerSideEmit(t *testing.T) {
	got := make(chan string, 8)
	servers, _, _ := cluster(t, 3, func(i int, s *loop.Server) {
		s.Root().OnServerEvent("news", func(e *loop.ServerEvent) {
			text := e.Name() + " " + string(e.Args().Raw(0))
			if e.WantsAck() {
				text += errorText(e.Ack(i)) + errorText(e.Ack(i))
			} else {
				text += errorText(e.Ack(i))
			}
			got <- text
			panic("harms nobody")
		})
		s.Root().OnServerEvent("other", func(*loop.ServerEvent) { got <- "other" })
	})
	one := servers[0].Root()
	if err := one.ServerSideEmit("news", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s := within(t, "the event", got); s != `news {"_placeholder":true,"num":0}`+loop.ErrNoAck.Error() {
			t.Error(s)
		}
	}
	answers, err := one.ServerSideEmitWithAck(t.Context(), "news", 7)
	var numbers []int
	for _, a := range answers {
		var n int
		if err := a.Decode(0, &n); err != nil {
			t.Error(err)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	if err != nil || !slices.Equal(numbers, []int{1, 2}) {
		t.Errorf("answers %v, %v", numbers, err)
	}
	for range 2 {
		if s := within(t, "the event", got); s != "news 7"+loop.ErrAcked.Error() {
			t.Error(s)
		}
	}
	// Nobody answers this one.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if answers, err := one.ServerSideEmitWithAck(ctx, "unheard"); err != context.Canceled || len(answers) != 0 {
		t.Errorf("%v, %v", answers, err)
	}
	for _, name := range []string{"connect", "connection", "new_namespace"} {
		if err := one.ServerSideEmit(name); !errors.Is(err, loop.ErrServerReserved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(got) != 0 {
		t.Errorf("and %q", <-got)
	}
}

func TestServerSideEmitAlone(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	if err := s.Root().ServerSideEmit("x"); err != nil {
		t.Error(err)
	}
	if answers, err := s.Root().ServerSideEmitWithAck(t.Context(), "x"); err != nil || len(answers) != 0 {
		t.Errorf("%v, %v", answers, err)
	}
	if err := s.Root().ServerSideEmit("x", make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}
