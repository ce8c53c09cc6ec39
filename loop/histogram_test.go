// What is counted by size: acknowledgements by their time, broadcasts by their receivers.

package loop_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

func TestHistograms(t *testing.T) {
	t.Parallel()
	in := make(chan *loop.Socket, 1)
	s := looptest.Start(t, loop.Config{Loops: 2}, func(s *loop.Server) {
		s.OnConnection(func(x *loop.Socket) {
			x.On("all", func(x *loop.Socket, _ *loop.Event) { _ = x.Server().Emit("news") }, loop.Inline())
			in <- x
		}, loop.Inline())
	})
	var clients []*looptest.Socket
	var last *loop.Socket
	for range 3 {
		clients = append(clients, s.Connect("/", nil))
		last = <-in
	}
	answering, silent := clients[2], clients[0]
	answering.On("ask", func(e *looptest.Event) { e.Ack(1) })
	if _, err := last.EmitWithAck(t.Context(), "ask"); err != nil {
		t.Fatal(err)
	}
	silent.On("ask", func(*looptest.Event) {})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.To(silent.ID()).Timeout(time.Millisecond).EmitWithAck(ctx, "ask"); !errors.Is(err, loop.ErrTimeout) {
		t.Fatal(err)
	}
	_ = s.Emit("news")               // from no loop, to three
	clients[0].Emit("all")           // from a loop, to three
	_ = s.To("nobody").Emit("news")  // to none
	_ = s.To(last.ID()).Emit("news") // to one
	s.Settle()
	st, err := s.Server.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h := st.AckSeconds; len(h.Counts) != len(h.Bounds)+1 || sum(h.Counts) != 1 || st.Acks != 1 || st.AckTimeouts != 1 || h.Sum < 0 || h.Sum > 60 {
		t.Errorf("acknowledgements: %+v, %d timeouts", h, st.AckTimeouts)
	}
	// That to the silent one is a broadcast too.
	if h := st.BroadcastReceivers; !slices.Equal(h.Counts, []uint64{1, 2, 2, 0, 0, 0, 0, 0}) || h.Sum != 8 {
		t.Errorf("broadcasts: %+v", h)
	}
}

func sum(list []uint64) (n uint64) {
	for _, x := range list {
		n += x
	}
	return n
}
