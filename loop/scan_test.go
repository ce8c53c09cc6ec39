// Listing sockets and rooms in pages, queues, and the numbers of transports and loops.

package loop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// TestScan: pages of any size hold every socket of the namespace once.
func TestScan(t *testing.T) {
	s := serve(t, loop.Config{}, func(s *loop.Server) { s.Of("/other") })
	want := map[string]bool{}
	for i := range 9 {
		c, sid := s.connect(t, []string{"websocket", "polling", "upgrade"}[i%3])
		want[sid] = true
		if _, err := c.join("/other", ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, most := range []int{1, 2, 4, 9, 100} {
		got, pages := map[string]bool{}, 0
		for at := loop.Cursor(0); pages == 0 || at != 0; pages++ {
			list, next, err := s.Root().Scan(t.Context(), at, most)
			if err != nil || len(list) > most {
				t.Fatalf("page of %d: %d sockets, %v", most, len(list), err)
			}
			for _, x := range list {
				if id := x.Socket.ID(); got[id] || !want[id] {
					t.Fatalf("socket %s is listed again, or is not of the namespace", id)
				}
				got[x.Socket.ID()] = true
			}
			at = next
		}
		if len(got) != len(want) {
			t.Errorf("pages of %d: %d sockets of %d", most, len(got), len(want))
		}
	}
	if list, next, err := s.Root().Scan(t.Context(), 1<<60, 10); len(list) != 0 || next != 0 || err != nil {
		t.Errorf("behind the end: %v, %v, %v", list, next, err)
	}
	if n := s.To("nobody").Count(); n != 0 {
		t.Errorf("%d in a room that is not there", n)
	}
	for sid := range want {
		if n := s.To(sid, "nobody").Count(); n != 1 || s.Except(sid).Count() != 8 {
			t.Errorf("%d sockets have this id", n)
		}
		break
	}
}

// TestQueues: what waits for clients that do not read.
func TestQueues(t *testing.T) {
	s := serve(t, loop.Config{PingInterval: time.Hour}, nil)
	_, sid := s.connect(t, "polling")
	s.connect(t, "polling")
	s.connect(t, "websocket")
	for range 3 {
		if err := s.To(sid).Emit("long", strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	q, err := s.Queues(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if q.Clients != 1 || q.Bytes < 3000 || len(q.Longest) != 1 || q.Longest[0].Socket.ID() != sid || q.Longest[0].Buffered != q.Bytes {
		t.Errorf("%+v", q)
	}
	if q, err := s.Queues(t.Context(), 0); err != nil || q.Clients != 1 || len(q.Longest) != 0 {
		t.Errorf("%+v, %v", q, err)
	}
	status, err := s.Server.Status(t.Context(), []*loop.Socket{q.Longest[0].Socket})
	if err != nil || len(status) != 1 || status[0].Buffered != q.Bytes {
		t.Errorf("%+v, %v", status, err)
	}
}

// TestRoomSizes: names in order, counted over all loops.
func TestRoomSizes(t *testing.T) {
	joined := make(chan struct{}, 10)
	n := 0
	s := serve(t, loop.Config{Handlers: 1}, func(s *loop.Server) {
		s.OnConnection(func(sock *loop.Socket) {
			if err := sock.Join("all", fmt.Sprintf("r:%d", n%2), fmt.Sprintf("s:%d", n)); err != nil {
				t.Error(err)
			}
			n++
			joined <- struct{}{}
		})
	})
	for range 4 {
		s.connect(t, "websocket")
		within(t, "the join", joined)
	}
	for _, test := range []struct {
		prefix, after string
		most          int
		want          []rooms.Size
	}{
		{"", "", 2, []rooms.Size{{Name: "all", Members: 4}, {Name: "r:0", Members: 2}}},
		{"r:", "", 9, []rooms.Size{{Name: "r:0", Members: 2}, {Name: "r:1", Members: 2}}},
		{"", "s:1", 9, []rooms.Size{{Name: "s:2", Members: 1}, {Name: "s:3", Members: 1}}},
		{"", "s:3", 9, nil},
	} {
		if got := s.Root().RoomSizes(test.prefix, test.after, test.most); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%q behind %q: %v, want %v", test.prefix, test.after, got, test.want)
		}
	}
	if n := s.Root().Memberships(); n != 12 {
		t.Errorf("%d memberships, want 12", n)
	}
}

// TestTransportStats: sessions by transport, and by loop.
func TestTransportStats(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	websocket, _ := s.connect(t, "websocket")
	s.connect(t, "polling")
	s.connect(t, "upgrade")
	st := s.stats(t)
	if p, w := st.Transports[loop.Polling], st.Transports[loop.WebSocket]; p.Sessions != 1 || p.Opened != 2 || w.Sessions != 2 || w.Opened != 1 {
		t.Errorf("%+v", st.Transports)
	}
	websocket.drop()
	eventually(t, "the session ends", func() bool { return s.ClientsCount() == 2 })
	st = s.stats(t)
	if w := st.Transports[loop.WebSocket]; w.Sessions != 1 || w.Closed["transport close"]+w.Closed["transport error"] != 1 {
		t.Errorf("%+v", w)
	}
	sessions, sockets := 0, 0
	for _, l := range st.Loops {
		sessions, sockets = sessions+l.Sessions, sockets+l.Sockets
	}
	if len(st.Loops) != len(s.Loops()) || sessions != 2 || sockets != 2 {
		t.Errorf("%+v", st.Loops)
	}
	ran := make(chan int, 2)
	for i, l := range s.Loops() {
		_ = l.Execute(func() { ran <- i })
	}
	if a, b := within(t, "a task", ran), within(t, "a task", ran); a+b != 1 {
		t.Errorf("tasks ran on loops %d and %d", a, b)
	}
}
