// What is in the stream, to the letter.

package redisstreams_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// TestNamesOfStreams: the stream of a namespace has the name that the reference
// gives it, negative numbers included, and is read.
func TestNamesOfStreams(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := redisstreams.Options{StreamCount: 3}
	one, two := newCluster(t, s, o), newCluster(t, s, o)
	// As String.prototype.charCodeAt counts, in 32 bits.
	for nsp, stream := range map[string]string{
		"/": "socket.io-2", "/chat": "socket.io-1", "/users": "socket.io-0", "/some/where": "socket.io-0",
		"/é😀": "socket.io-2", "/é😀😀": "socket.io--1", "/negative one": "socket.io--1",
	} {
		a, b := redistest.Listen(t, one.Adapter, nsp), redistest.Listen(t, two.Adapter, nsp)
		redistest.Ready(t, one, two)
		a.Say(t, "e")
		b.Next(t)
		n, err := s.Client().XLen(t.Context(), stream).Result()
		if err != nil || n == 0 {
			t.Errorf("%s: nothing in %s, %v: %v", nsp, stream, err, s.Client().Keys(t.Context(), "*").Val())
		}
		for _, e := range []*redistest.Ear{a, b} {
			if err := e.Adapter.Close(); err != nil {
				t.Error(err)
			}
		}
		s.Client().FlushAll(t.Context())
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	binary := `{"opts":{"except":[],"flags":{"compress":false},"rooms":[]},"packet":{"data":["e",{"data":[1,2],"type":"Buffer"}],"type":2}}`
	for _, plain := range []bool{false, true} {
		s := redistest.Start(t)
		o := redisstreams.Options{OnlyPlaintext: plain}
		o.Logger = quiet // the ear minds commands
		e := redistest.Listen(t, newCluster(t, s, o).Adapter, "/")
		o.Client = s.Client()
		em := redisstreams.NewEmitter(o)
		to := rooms.Target{Rooms: []string{"a", "b"}, Except: []string{"c"}, Flags: rooms.Flags{Volatile: true, Compress: true}}
		ctx := context.Background()
		for _, err := range []error{
			e.Adapter.Broadcast(&rooms.Packet{Event: "e", Args: []any{1, "é\u2028<"}}, to),
			e.Adapter.Broadcast(&rooms.Packet{Event: "e", Args: []any{[]byte{1, 2}}}, rooms.Target{}),
			e.Adapter.ServerSideEmit(&rooms.Packet{Event: "side"}), // not in the stream
			em.To("a").Except("b").Emit(ctx, "e"),
			em.Of("chat").To("a").SocketsJoin(ctx, "x"),
			em.SocketsLeave(ctx, "x"),
			em.DisconnectSockets(ctx, true),
			em.ServerSideEmit(ctx, "side", 1),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		entries := func() (list []string) {
			for _, m := range o.Client.XRange(ctx, "socket.io", "-", "+").Val() {
				v := m.Values
				uid := v["uid"]
				if uid != "emitter" {
					uid = len(fmt.Sprint(uid))
				}
				data := fmt.Sprint(v["data"])
				if data[0] != '{' {
					raw, err := base64.StdEncoding.DecodeString(data)
					if err != nil {
						t.Error(err)
					}
					text, bins, err := msgpack.ToJSON(nil, nil, raw)
					data = fmt.Sprintf("%s %x %v", text, bins, err)
				}
				list = append(list, fmt.Sprint(uid, " ", v["nsp"], " ", v["type"], " ", v["seq"], " ", data))
			}
			return list
		}
		want := []string{
			`emitter / 3 <nil> {"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a"],"except":["b"],"flags":{}}}`,
			`emitter /chat 4 <nil> {"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["x"]}`,
			`emitter / 5 <nil> {"opts":{"rooms":[],"except":[],"flags":{}},"rooms":["x"]}`,
			`emitter / 6 <nil> {"opts":{"rooms":[],"except":[],"flags":{}},"close":true}`,
			`emitter / 9 <nil> {"packet":["side",1]}`,
			`16 / 3 1 {"packet":{"type":2,"data":["e",1,"é` + "\u2028" + `<"]},"opts":{"rooms":["a","b"],"except":["c"],"flags":{"volatile":true}}}`,
			"16 / 3 2 " + binary,
		}
		if !plain {
			want[6] = `16 / 3 2 {"packet":{"type":2,"data":["e",{"_placeholder":true,"num":0}]},"opts":{"rooms":[],"except":[],"flags":{"compress":false}}} [0102] <nil>`
		}
		redistest.Until(t, func() bool { return len(entries()) == len(want) })
		got := map[string]bool{}
		for _, e := range entries() {
			got[e] = true
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("not there: %s\n%q", w, entries())
			}
		}
	}
}
