// What it costs that events go through the stream.

package redisstreams_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// BenchmarkKept: an event that clients can catch up on, from the call to the
// sockets of the same server and of another one, alone and with others on the way.
func BenchmarkKept(b *testing.B) {
	for _, flight := range []int{1, 256} {
		b.Run(fmt.Sprint(flight, " on the way"), func(b *testing.B) {
			s := redistest.Start(b)
			var servers []*listener
			for range 2 {
				c := newCluster(b, s, redisstreams.Options{})
				l := &listener{heard: make(chan struct{}, flight)}
				a, err := c.Adapter(l)
				if err != nil {
					b.Fatal(err)
				}
				l.keeper = a.(rooms.Recoverer)
				servers = append(servers, l)
				ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
				if err := c.Ready(ctx); err != nil {
					b.Fatal(err)
				}
				cancel()
			}
			p := &rooms.Packet{Event: "e", Args: []any{rooms.RawArgs{Bytes: []byte(`"0123456789012345678901234567890123456789"`), Count: 1}}}
			sent := make(chan struct{}, flight)
			go func() {
				for range b.N {
					sent <- struct{}{}
					_ = servers[0].keeper.BroadcastKept(p, rooms.Target{Rooms: []string{"room"}})
				}
			}()
			b.ResetTimer()
			for range b.N {
				for _, l := range servers {
					<-l.heard
				}
				<-sent
			}
		})
	}
}

// listener is a server that counts what it gets.
type listener struct {
	rooms.Local // what is not called
	keeper      rooms.Recoverer
	heard       chan struct{}
}

func (l *listener) Name() string { return "/" }
func (l *listener) Gap()         {}
func (l *listener) Encode(p *rooms.Packet, _ rooms.Form) (rooms.RawArgs, error) {
	return p.Args[0].(rooms.RawArgs), nil
}

func (l *listener) Broadcast(*rooms.Packet, rooms.Target) error {
	l.heard <- struct{}{}
	return nil
}
