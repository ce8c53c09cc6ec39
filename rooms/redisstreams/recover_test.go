// What clients catch up on: kept in order, found on any server, in the form of the reference.

package redisstreams_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// keeper is an ear with an adapter that keeps.
type keeper struct {
	*redistest.Ear
	r rooms.Recoverer
}

func keep(t *testing.T, c *redisstreams.Cluster) keeper {
	t.Helper()
	e := redistest.Listen(t, c.Adapter, "/")
	e.Offsets = make(chan string, 100_000)
	k, ok := e.Adapter.(rooms.Recoverer)
	if !ok {
		t.Fatal("the adapter is no Recoverer")
	}
	return keeper{e, k}
}

func (k keeper) kept(t *testing.T, event string, names ...string) {
	t.Helper()
	if err := k.r.BroadcastKept(&rooms.Packet{Event: event, Args: []any{1}}, rooms.Target{Rooms: names}); err != nil {
		t.Fatal(err)
	}
}

// All servers get what is kept in one order, their own among it.
func TestKeptInOrder(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	var servers []keeper
	for range 3 {
		c := newCluster(t, s, redisstreams.Options{ReturnTime: redistest.Patience})
		servers = append(servers, keep(t, c))
		redistest.Ready(t, c)
	}
	const events = 1000
	for i, k := range servers {
		go func() {
			for j := range events {
				_ = k.r.BroadcastKept(&rooms.Packet{Event: fmt.Sprint(i, " ", j)}, rooms.Target{})
			}
		}()
	}
	var first []string
	for i, k := range servers {
		var got []string
		for range events * len(servers) {
			got = append(got, k.Next(t)+" at "+<-k.Offsets)
		}
		if i == 0 {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Errorf("server %d gets another order", i)
		}
	}
}

// What is to be done behind an event waits for it, and only then.
func TestAfterKept(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := newCluster(t, s, redisstreams.Options{ReturnTime: redistest.Patience})
	k := keep(t, c)
	redistest.Ready(t, c)
	now := 0
	k.r.AfterKept(func() { now++ })
	if now != 1 {
		t.Error("nothing waits, but the call does")
	}
	s.Sleep()
	k.kept(t, "one")
	k.r.AfterKept(func() { k.Heard <- "behind one"; k.Offsets <- "" })
	k.kept(t, "two")
	for _, command := range []func(rooms.Target, []string) error{k.r.SocketsJoin, k.r.SocketsLeave} {
		if err := command(rooms.Target{}, []string{"x"}); err != nil {
			t.Error(err)
		}
	}
	if err := k.r.DisconnectSockets(rooms.Target{}, true); err != nil {
		t.Error(err)
	}
	if len(k.Heard) > 0 {
		t.Errorf("%q is heard already", <-k.Heard)
	}
	s.Wake()
	for _, want := range []string{"one", "behind one", "two", "join", "leave", "disconnect"} {
		if got := k.Next(t); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// While Redis says nothing the sockets of this server get their events all the
// same, and the others later; afterwards all is as before.
func TestKeptWhileRedisSleeps(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	one := newCluster(t, s, redisstreams.Options{Logger: quiet, ReturnTime: 2 * time.Second})
	two := newCluster(t, s, redisstreams.Options{Logger: quiet})
	a, b := keep(t, one), keep(t, two)
	redistest.Ready(t, one, two)
	s.Sleep()
	n := 0
	for range 100 {
		a.kept(t, fmt.Sprint(n))
		n++
	}
	for i := range 100 {
		if got := a.Next(t); got != fmt.Sprint(i) || <-a.Offsets != "" {
			t.Fatalf("%q, want %d without an offset", got, i)
		}
	}
	a.kept(t, fmt.Sprint(n)) // at once
	if n++; len(a.Heard) != 1 || <-a.Heard == "" || <-a.Offsets != "" {
		t.Error("not at once")
	}
	if st := one.Stats(); st.Early != 101 {
		t.Errorf("%+v", st)
	}
	s.Wake()
	for {
		a.kept(t, fmt.Sprint(n))
		n++
		a.Next(t)
		if <-a.Offsets != "" {
			break
		}
	}
	for i := range n {
		if got := b.Next(t); got != fmt.Sprint(i) || <-b.Offsets == "" {
			t.Fatalf("the other gets %q, want %d", got, i)
		}
	}
	early := one.Stats().Early
	for range 100 {
		a.kept(t, fmt.Sprint(n))
		n++
	}
	for i := n - 100; i < n; i++ {
		if got := a.Next(t); got != fmt.Sprint(i) || <-a.Offsets == "" {
			t.Fatalf("%q, want %d", got, i)
		}
	}
	if st := one.Stats(); st.Early != early {
		t.Errorf("%+v", st)
	}
}

// A closed adapter hands out what waits.
func TestKeptAtClose(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := newCluster(t, s, redisstreams.Options{Logger: quiet, ReturnTime: redistest.Patience})
	k := keep(t, c)
	redistest.Ready(t, c)
	s.Sleep()
	k.kept(t, "one")
	if err := k.r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := k.Next(t); got != "one" {
		t.Error(got)
	}
	s.Wake()
}

func TestMissed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	one, two := newCluster(t, s, redisstreams.Options{Logger: quiet}), newCluster(t, s, redisstreams.Options{Logger: quiet})
	a, b := keep(t, one), keep(t, two)
	elsewhere := redistest.Listen(t, one.Adapter, "/other")
	redistest.Ready(t, one, two)
	a.kept(t, "first")
	a.Next(t)
	offset := <-a.Offsets
	b.Next(t)
	const events = 2500 // more than are asked for at a time
	for i := range events {
		a.kept(t, fmt.Sprint(i), "room")
		if i%100 == 0 {
			elsewhere.Say(t, "elsewhere")
		}
		if i%1000 == 0 {
			if err := a.r.SocketsJoin(rooms.Target{}, []string{"x"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range events {
		b.Next(t)
	}
	if err := s.Client().XAdd(t.Context(), &goredis.XAddArgs{Stream: "socket.io", Values: []any{"uid", "x", "nsp", "/", "type", "3", "data", "{"}}).Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Until(t, func() bool { return two.Stats().Malformed > 0 })
	var got []string
	upTo, err := b.r.Missed(t.Context(), offset, func(p *rooms.Packet, target rooms.Target) error {
		if !slices.Equal(target.Rooms, []string{"room"}) || p.Offset == "" || len(p.Args) != 1 {
			t.Errorf("%+v %+v", p, target)
		}
		got = append(got, p.Event)
		return nil
	})
	if err != nil || len(got) != events || got[0] != "0" || got[events-1] != fmt.Sprint(events-1) {
		t.Errorf("%d events, %v", len(got), err)
	}
	if order, err := b.r.Compare(offset, upTo); order >= 0 || err != nil {
		t.Errorf("from %s up to %s", offset, upTo)
	}
	failed := errors.New("enough")
	if _, err := b.r.Missed(t.Context(), offset, func(*rooms.Packet, rooms.Target) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	none := func(*rooms.Packet, rooms.Target) error { t.Error("an event"); return nil }
	for _, bad := range []string{"", "1-1", "x-y", "-", "1", "1-2-3", "99999999999999999999-1", "99999999999999-1", offset + "9"} {
		if _, err := b.r.Missed(t.Context(), bad, none); !errors.Is(err, rooms.ErrUnknownOffset) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// An event that this server may not have read yet is waited for.
	for range 100 {
		last, err := s.Client().XAdd(t.Context(), &goredis.XAddArgs{Stream: "socket.io", Values: []any{"uid", "x", "nsp", "/none", "type", "3"}}).Result()
		if err != nil {
			t.Fatal(err)
		}
		if upTo, err := b.r.Missed(t.Context(), last, none); err != nil || upTo != last {
			t.Errorf("%s, which is new: up to %q, %v", last, upTo, err)
		}
	}
	if err := s.Client().XTrimMaxLen(t.Context(), "socket.io", 1).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.r.Missed(t.Context(), offset, none); !errors.Is(err, rooms.ErrUnknownOffset) {
		t.Errorf("after a cut: %v", err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := newCluster(t, s, redisstreams.Options{Logger: quiet, SessionKeyPrefix: "away:"})
	k := keep(t, c)
	redistest.Ready(t, c)
	raw := s.Client()
	for _, session := range []*rooms.Session{
		{SID: "sid", PID: "pid", Rooms: []string{"sid", "é"}, Data: json.RawMessage(`{"a":[1,null,"x"]}`)},
		{SID: "sid", PID: "pid", Rooms: []string{"sid"}},
	} {
		if err := k.r.PersistSession(session, time.Hour); err != nil {
			t.Fatal(err)
		}
		redistest.Until(t, func() bool { return raw.Exists(t.Context(), "away:pid").Val() == 1 })
		if ttl := raw.TTL(t.Context(), "away:pid").Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("it is kept for %s", ttl)
		}
		got, err := k.r.RestoreSession(t.Context(), "pid")
		if session.Data == nil {
			session.Data = json.RawMessage("{}") // an object, which the reference expects
		}
		if err != nil || !reflect.DeepEqual(got, session) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := k.r.RestoreSession(t.Context(), "pid"); got != nil || err != nil {
			t.Errorf("once more: %+v, %v", got, err)
		}
	}
	if err := k.r.PersistSession(&rooms.Session{SID: "s", PID: "short"}, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	redistest.Until(t, func() bool {
		got, err := k.r.RestoreSession(t.Context(), "short")
		return got == nil && err == nil
	})
	for _, bad := range []string{
		"", "!", "e30=", base64.StdEncoding.EncodeToString([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}),
		base64.StdEncoding.EncodeToString([]byte("\x81\xa3pid\xa5other")), base64.StdEncoding.EncodeToString([]byte("\x81\xa5rooms\x01")),
	} {
		before := c.Stats().Malformed
		raw.Set(t.Context(), "away:bad", bad, time.Hour)
		if got, err := k.r.RestoreSession(t.Context(), "bad"); got != nil || err == nil || c.Stats().Malformed != before+1 {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
	s.Stop()
	if got, err := k.r.RestoreSession(t.Context(), "pid"); got != nil || err == nil {
		t.Errorf("without Redis: %+v, %v", got, err)
	}
}
