// The parts of the loop that need no server.

package worker

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/stamp"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// prepared is a worker for a job, with session 0 up over one end of a pair of
// sockets, whose other end is returned.
func prepared(t testing.TB, j job.Job) (*Worker, int) {
	t.Helper()
	r, cw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); cw.Close() })
	j.Workers, j.TickNs = max(j.Workers, 1), 1e9
	j.Target.Addrs = []string{"127.0.0.1:1"}
	w := &Worker{job: j, control: int(r.Fd()), reports: io.Discard, clock: newClock(), hists: map[string]*hist.Recorder{}, windows: map[int32][]byte{}}
	w.now = w.clock.now()
	if err := w.prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(w.ep); unix.Close(w.alarm.fd) })
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
	v := &w.sessions[0]
	v.state, v.links[linkMain] = stateUp, link{fd: int32(pair[0]), up: true, used: true}
	w.count.Up, w.begun, w.settled = 1, len(w.sessions), true
	return w, pair[1]
}

func echoJob() job.Job {
	return job.Job{
		Total: 1, Target: job.Target{Revision: 4, Transport: job.WebSocket}, DurationNs: math.MaxInt64 / 4,
		Streams: []job.Stream{{Kind: job.Echo, Rate: 1, Size: 64, Payload: "zero"}},
	}
}

// TestMessageOnTheWire: what leaves is a masked frame with the event, its stamp
// and its length, and what comes back is measured.
func TestMessageOnTheWire(t *testing.T) {
	w, far := prepared(t, echoJob())
	w.beginRun(w.now)
	w.emit(0, w.streams[0], w.now, 2)
	buf := make([]byte, 4096)
	n, err := unix.Read(far, buf)
	if err != nil {
		t.Fatal(err)
	}
	var back []byte
	for seq := range uint32(2) {
		f, size, err := wire.ParseFrame(buf[:n], 4096)
		if err != nil || size == 0 || !f.Masked || f.Op != wire.OpText {
			t.Fatalf("frame %+v, error %v", f, err)
		}
		payload := bytes.Clone(f.Payload)
		copy(buf, buf[size:n])
		n -= size
		var args []string
		if payload[0] != '4' || payload[1] != '2' || json.Unmarshal(payload[2:], &args) != nil || len(args) != 2 || args[0] != "echo" || len(args[1]) != 64 {
			t.Fatalf("payload %q", payload)
		}
		if m, ok := stamp.Find([]byte(args[1])); !ok || m.Seq != seq || m.Sender != 0 {
			t.Errorf("stamp %+v", m)
		}
		back = wire.AppendFrame(back, wire.OpText, false, payload, false, 0)
	}
	if used := w.frames(0, &w.sessions[0], linkMain, back); used != len(back) {
		t.Errorf("%d of %d bytes taken", used, len(back))
	}
	c := w.streams[0].count
	if c.Sent != 2 || c.Unique != 2 || c.Answered != 2 || w.streams[0].response.Count() != 2 {
		t.Errorf("counts %+v", c)
	}
	w.frames(0, &w.sessions[0], linkMain, bytes.Clone(back))
	if c := w.streams[0].count; c.Duplicates != 2 {
		t.Errorf("the same again: %+v", c)
	}
}

// TestFeedCut: the same bytes whole, one by one and cut at random.
func TestFeedCut(t *testing.T) {
	var stream []byte
	for seq := range uint32(50) {
		m := stamp.Stamp{Seq: seq, DueNs: 1}
		text := append(m.Append([]byte(`42["echo","`)), `00"]`...)
		switch seq % 3 {
		case 0:
			stream = wire.AppendFrame(stream, wire.OpText, false, text, false, 0)
		case 1:
			// In two fragments with a ping in between.
			first := wire.AppendFrame(nil, wire.OpText, false, text[:7], false, 0)
			first[0] &^= 0x80
			stream = append(stream, first...)
			stream = wire.AppendFrame(stream, wire.OpPing, false, []byte("x"), false, 0)
			stream = wire.AppendFrame(stream, wire.OpContinuation, false, text[7:], false, 0)
		default:
			stream = wire.AppendFrame(stream, wire.OpText, false, []byte{wire.Ping}, false, 0)
			stream = wire.AppendFrame(stream, wire.OpText, false, text, false, 0)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for name, step := range map[string]func() int{"whole": func() int { return len(stream) }, "byte by byte": func() int { return 1 }, "at random": func() int { return 1 + rng.IntN(60) }} {
		t.Run(name, func(t *testing.T) {
			w, far := prepared(t, echoJob())
			w.beginRun(0)
			v := &w.sessions[0]
			for rest := stream; len(rest) > 0; {
				n := min(step(), len(rest))
				if _, err := unix.Write(far, rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
				w.read(0, v, linkMain, unix.EPOLLIN)
				if v.state != stateUp {
					t.Fatalf("the session ended: %v", w.count.Errors)
				}
			}
			c := w.streams[0].count
			if c.Unique != 50 || c.Reordered+c.Duplicates != 0 || w.count.Pings != 16 || len(w.count.Errors) != 0 {
				t.Errorf("counts %+v, %d pings, errors %v", c, w.count.Pings, w.count.Errors)
			}
			if v.links[linkMain].in != 0 || v.part != 0 {
				t.Error("a buffer is still held")
			}
		})
	}
}

// TestRefusedBytes: what no server may send ends the session with a reason.
func TestRefusedBytes(t *testing.T) {
	for name, in := range map[string][]byte{
		"reserved bit":           {0xb1, 0x00},
		"continuation of none":   {0x80, 0x01, 'x'},
		"compressed unasked":     {0xc1, 0x01, 'x'},
		"empty packet":           {0x81, 0x00},
		"unknown packet":         {0x81, 0x01, '9'},
		"unknown Socket.IO":      {0x81, 0x02, '4', '9'},
		"open packet twice":      {0x81, 0x03, '0', '{', '}'},
		"close":                  {0x88, 0x02, 0x03, 0xe8},
		"namespace disconnected": {0x81, 0x02, '4', '1'},
		"closed by Engine.IO":    {0x81, 0x01, '1'},
		"connect error":          append([]byte{0x81, 0x04}, `44{}`...),
		"CONNECT again":          append([]byte{0x81, 0x04}, `40{}`...),
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := prepared(t, echoJob())
			w.beginRun(w.now)
			// The session closes its end; the test's own must not be closed twice.
			own, err := unix.Dup(int(w.sessions[0].links[linkMain].fd))
			if err != nil {
				t.Fatal(err)
			}
			w.sessions[0].links[linkMain].fd = int32(own)
			w.frames(0, &w.sessions[0], linkMain, in)
			if w.sessions[0].state != stateNone || w.count.Dropped != 1 || len(w.count.Errors) != 1 || w.count.Up != 0 {
				t.Errorf("state %d, %d dropped, errors %v", w.sessions[0].state, w.count.Dropped, w.count.Errors)
			}
		})
	}
	// Strange but harmless.
	w, _ := prepared(t, echoJob())
	w.beginRun(w.now)
	for _, text := range []string{`42["other"]`, `42["echo","~AAAAAAAAAAAAAAAAAAAAAAAAAAA"]`, `3`, `6`} {
		w.frames(0, &w.sessions[0], linkMain, wire.AppendFrame(nil, wire.OpText, false, []byte(text), false, 0))
	}
	if w.sessions[0].state != stateUp || w.count.Errors["a message without a stamp came"] != 1 {
		t.Errorf("state %d, errors %v", w.sessions[0].state, w.count.Errors)
	}
}

func TestErrorKindsAreBounded(t *testing.T) {
	w, _ := prepared(t, echoJob())
	for i := range 1000 {
		w.fault("kind " + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	if n := len(w.count.Errors); n > 65 || w.count.Errors["other"] != 1000-64 {
		t.Errorf("%d kinds, %d other", n, w.count.Errors["other"])
	}
}

func TestSchedule(t *testing.T) {
	s := newSchedule(1000, 3, 0, nil)
	for k := range 300000 {
		// A third of a second cannot be added up without an error.
		if want := 1000 + int64(k)*1e9/3; s.next < want-1 || s.next > want+1 {
			t.Fatalf("time %d is %d, want %d", k, s.next, want)
		}
		s.step()
	}
	if s := newSchedule(0, 0, 0, nil); s.next != never {
		t.Error("a rate of 0 has a time")
	}
	if s := newSchedule(0, 1000, 0.5, nil); s.next != 500000 {
		t.Errorf("half a phase is %d", s.next)
	}
	p := newSchedule(0, 1000, 0, rand.New(rand.NewPCG(1, 2)))
	last := int64(-1)
	for range 100000 {
		if p.next <= last-1 {
			t.Fatal("time goes back")
		}
		last = p.next
		p.step()
	}
	if mean := float64(last) / 100000; mean < 0.97e6 || mean > 1.03e6 {
		t.Errorf("the mean gap is %g, want a million", mean)
	}
}

// TestRooms: the workers agree on who sends, every room has one sender, and the
// senders spread.
func TestRooms(t *testing.T) {
	for _, total := range []int{1, 7, 20, 100, 103} {
		for _, size := range []int{1, 2, 7, 20} {
			w := &Worker{job: job.Job{Total: total, RoomSize: size, Workers: 2}}
			senders := map[uint32]int{}
			by := [2]int{}
			for g := range uint32(total) {
				s := w.roomSender(g)
				if int(s) >= total || s/uint32(size) != g/uint32(size) {
					t.Fatalf("%d in rooms of %d: %d sends to the room of %d", total, size, s, g)
				}
				if senders[s] == 0 {
					by[s%2]++
				}
				senders[s]++
			}
			if want := (total + size - 1) / size; len(senders) != want {
				t.Errorf("%d in rooms of %d have %d senders, want %d", total, size, len(senders), want)
			}
			if total >= 100 && size > 1 && size < 20 && (by[0] == 0 || by[1] == 0) {
				t.Errorf("%d in rooms of %d: senders by worker %v", total, size, by)
			}
		}
	}
}

func TestSpills(t *testing.T) {
	var p spills
	var a, b int32
	p.add(&a, nil)
	if a != 0 || p.get(a) != nil {
		t.Error("nothing takes a buffer")
	}
	p.add(&a, []byte("abc"))
	p.add(&b, []byte("x"))
	p.add(&a, []byte("def"))
	p.cut(&a, 2)
	if string(p.get(a)) != "cdef" || string(p.get(b)) != "x" || a == b {
		t.Errorf("%q and %q", p.get(a), p.get(b))
	}
	p.cut(&a, 4)
	if a != 0 {
		t.Error("an empty buffer is held")
	}
	p.drop(&b)
	p.drop(&b)
	var c, d int32
	p.add(&c, []byte("1"))
	p.add(&d, []byte("2"))
	if len(p.bufs) != 3 || string(p.get(c)) != "1" || string(p.get(d)) != "2" {
		t.Errorf("%d buffers after reuse", len(p.bufs))
	}
	p.add(&c, make([]byte, keepBytes+1))
	p.drop(&c)
	if n := slices.IndexFunc(p.bufs, func(b []byte) bool { return cap(b) > keepBytes }); n >= 0 {
		t.Error("a large buffer is kept")
	}
}

func TestFilling(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, kind := range []string{"zero", "text", "random"} {
		for _, n := range []int{0, 1, 100, 5000} {
			b := filling(kind, n, rng)
			var s string
			if len(b) != n || json.Unmarshal(append(append([]byte{'"'}, b...), '"'), &s) != nil || bytes.IndexByte(b, '~') >= 0 {
				t.Errorf("%d bytes of %s: %d, %.40q", n, kind, len(b), b)
			}
		}
	}
	for _, n := range []int{24, 100, 5000} {
		b := filling("json", n, rng)
		var v map[string]any
		if json.Unmarshal(b, &v) != nil || n > 24 && len(b) < n/2 || len(b) > n+40 {
			t.Errorf("%d bytes of json: %d, %.40q", n, len(b), b)
		}
	}
}

func TestClock(t *testing.T) {
	c := newClock()
	for range 100 {
		before, at, after := Now(), c.now(), Now()
		if at < before-1e6 || at > after+1e6 {
			t.Fatalf("%d is not between %d and %d", at, before, after)
		}
	}
}

func TestJSONNumber(t *testing.T) {
	for in, want := range map[string]int64{`{"pingInterval":25000,"x":1}`: 25000, `{}`: 7, `{"pingInterval":"a"}`: 7, `{"pingInterval":99999999999999999999999}`: 9999999999999} {
		if got := jsonNumber([]byte(in), "pingInterval", 7); got != want && !(want > 1e12 && got > 1e12) {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

// TestAcross: those who broadcast are at the first server, all others at the
// rest, and only what they get is measured.
func TestAcross(t *testing.T) {
	j := echoJob()
	j.Total, j.Workers, j.Target.Across = 12, 2, true
	j.Streams = []job.Stream{{Kind: job.Bcast, Rate: 1, Size: 64, Payload: "zero", Senders: 3}}
	w, _ := prepared(t, j)
	addrs := make([]unix.Sockaddr, 3)
	for k := range addrs {
		addrs[k] = &unix.SockaddrInet4{Port: k}
	}
	w.addrs = addrs
	for i, want := range []int{0, 0, 2, 2, 2, 2} { // the sessions 0, 2, 4, 6, 8, 10 of all
		if got := w.address(i).(*unix.SockaddrInet4).Port; got != want {
			t.Errorf("session %d of this worker is at server %d, want %d", i, got, want)
		}
	}
	w.measure(0, w.streams[0], stamp.Stamp{})
	if n := w.streams[0].response.Count(); n != 0 {
		t.Errorf("%d messages to a sender are measured", n)
	}
	w.measure(2, w.streams[0], stamp.Stamp{})
	if n := w.streams[0].response.Count(); n != 1 || w.streams[0].count.Answered != 2 {
		t.Errorf("%d messages to others are measured, %d answered", n, w.streams[0].count.Answered)
	}
}
