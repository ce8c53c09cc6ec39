// The Reader's contract: limits with one below and one above, lifetimes of views, what it holds and when it lets go.

package ws_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/sioserver/sioserver/transport/ws"
)

func TestMessageLimit(t *testing.T) {
	limit := func(e *echo) { e.limits.Message = 1000 }
	at := pattern(1000)
	over := pattern(1001)
	ctl := frame(fin|opPong, pattern(125))
	for _, c := range []conversation{
		{"at", frame(fin|opBinary, at), []string{asBinary(at)}},
		{"over", frame(fin|opBinary, over), []string{"close 1009"}},
		{"over, header only", frame(fin|opBinary, over)[:8], []string{"close 1009"}},
		{"at, in fragments", split(opBinary, at, 7), []string{asBinary(at)}},
		{"at, then an empty one", join(frame(opBinary, at), ctl, frame(opCont, nil), ctl, frame(fin|opCont, nil)), []string{asBinary(at)}},
		{"over in the last fragment", join(frame(opBinary, at), ctl, frame(fin|opCont, []byte("x"))[:6]), []string{"close 1009"}},
		{"sum past 64 bits", join(frame(opBinary, at[:2]), []byte{fin | opCont, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}), []string{"close 1009"}},
		{"at, twice", join(frame(fin|opText, at), split(opText, at, 400)), []string{asText(at), asText(at)}},
		{"control frames do not count", join(frame(opBinary, at), frame(fin|opPing, pattern(125)), frame(fin|opCont, nil)), []string{asPong(pattern(125)), asBinary(at)}},
	} {
		t.Run(c.name, func(t *testing.T) { checkLog(t, c.in, limit, c.want) })
	}
	t.Run("nothing", func(t *testing.T) {
		none := func(e *echo) { e.limits = ws.Limits{} }
		checkLog(t, frame(fin|opText, nil), none, []string{`text ""`})
		checkLog(t, frame(fin|opText, []byte("x")), none, []string{"close 1009"})
	})
}

func TestFragmentLimits(t *testing.T) {
	small := func(e *echo) { e.limits.Fragments, e.limits.EmptyFragments = 10, 3 }
	f := func(first byte, s string) []byte { return frame(first, []byte(s)) }
	empty := func(n int) []byte { return bytes.Repeat(frame(opCont, nil), n) }
	for _, c := range []conversation{
		{"ten", split(opBinary, pattern(10), 1), []string{asBinary(pattern(10))}},
		{"eleven", split(opBinary, pattern(11), 1), []string{"close 1008"}},
		{"ten, twice", join(split(opBinary, pattern(10), 1), split(opText, pattern(10), 1)), []string{asBinary(pattern(10)), asText(pattern(10))}},
		{"three empty", join(f(opText, "a"), empty(3), f(fin|opCont, "b")), []string{`text "ab"`}},
		{"three empty with the last", join(f(opText, "a"), empty(2), f(fin|opCont, "")), []string{`text "a"`}},
		{"four empty", join(f(opText, "a"), empty(4)), []string{"close 1008"}},
		{"four empty with first and last", join(f(opText, ""), empty(2), f(fin|opCont, "")), []string{"close 1008"}},
		{"pings do not count", join(f(opText, "a"), bytes.Repeat(f(fin|opPong, ""), 100), f(fin|opCont, "b")), []string{`text "ab"`}},
	} {
		t.Run(c.name, func(t *testing.T) { checkLog(t, c.in, small, c.want) })
	}
	t.Run("no fragments", func(t *testing.T) {
		none := func(e *echo) { e.limits.Fragments = 0 }
		checkLog(t, f(fin|opText, "whole"), none, []string{`text "whole"`})
		checkLog(t, f(opText, "piece"), none, []string{"close 1008"})
	})
}

// TestDefaultLimits sits on the documented figures.
func TestDefaultLimits(t *testing.T) {
	for _, c := range []conversation{
		{"bytes", frame(fin|opBinary, make([]byte, 1_000_000)), []string{asBinary(make([]byte, 1_000_000))}},
		{"bytes + 1", frame(fin|opBinary, make([]byte, 1_000_001)), []string{"close 1009"}},
		{"fragments", split(opText, pattern(65_536), 1), []string{asText(pattern(65_536))}},
		{"fragments + 1", split(opText, pattern(65_537), 1), []string{"close 1008"}},
		{"empty", join(frame(opText, nil), bytes.Repeat(frame(opCont, nil), 1023), frame(fin|opCont, []byte("x"))), []string{`text "x"`}},
		{"empty + 1", join(frame(opText, nil), bytes.Repeat(frame(opCont, nil), 1024)), []string{"close 1008"}},
	} {
		e := newEcho(false)
		e.feed(c.in)
		if got := e.log(t); !slices.Equal(got, c.want) || e.bound != nil {
			t.Errorf("%s: %q, %v", c.name, got, e.bound)
		}
	}
}

func TestReaderSize(t *testing.T) {
	if n := unsafe.Sizeof(ws.Reader{}); n > 16 {
		t.Errorf("%d bytes", n)
	}
}

// TestZeroCopy: a message whole in one read is a view of that read, cut to its length, also between others.
func TestZeroCopy(t *testing.T) {
	in := join(frame(fin|opText, []byte("first")), frame(fin|opBinary, pattern(300)), frame(fin|opPing, []byte("p")))
	var r ws.Reader
	lim := ws.DefaultLimits()
	for rest := in; ; {
		ev, n, err := r.Next(rest, &lim)
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == ws.None {
			break
		}
		at := n - len(ev.Payload)
		if &ev.Payload[0] != &rest[at] || cap(ev.Payload) != len(ev.Payload) || !r.Idle() || r.Pending() {
			t.Errorf("%v: copied, or open at the end", ev.Kind)
		}
		rest = rest[n:]
	}
}

// TestLending: pieces are held while a message is incomplete, delivered, and let go of by the next call.
func TestLending(t *testing.T) {
	var r ws.Reader
	lim := ws.DefaultLimits()
	in := frame(fin|opBinary, pattern(3000))
	step := func(p []byte, kind ws.Kind, pending, idle bool) ws.Event {
		t.Helper()
		ev, n, err := r.Next(p, &lim)
		if err != nil || n != len(p) || ev.Kind != kind || r.Pending() != pending || r.Idle() != idle {
			t.Fatalf("%v, %d of %d bytes, %v; pending %v, idle %v", ev.Kind, n, len(p), err, r.Pending(), r.Idle())
		}
		return ev
	}
	for range 3 {
		step(nil, ws.None, false, true)
		step(in[:1:1], ws.None, true, false)
		step(nil, ws.None, true, false)
		step(bytes.Clone(in[1:2000]), ws.None, true, false)
		ev := step(bytes.Clone(in[2000:]), ws.Binary, false, false)
		if !bytes.Equal(ev.Payload, pattern(3000)) {
			t.Fatal("wrong payload")
		}
		step(nil, ws.None, false, true)
	}
	// The same for a control frame, alone and inside a message.
	in = frame(fin|opPing, []byte("abc"))
	step(bytes.Clone(in[:8]), ws.None, true, false)
	if ev := step(bytes.Clone(in[8:]), ws.Ping, false, false); string(ev.Payload) != "abc" {
		t.Fatalf("%q", ev.Payload)
	}
	step(frame(opText, []byte("x")), ws.None, true, false)
	step(bytes.Clone(in[:8]), ws.None, true, false)
	if ev := step(bytes.Clone(in[8:]), ws.Ping, true, false); string(ev.Payload) != "abc" {
		t.Fatalf("%q", ev.Payload)
	}
	if ev := step(frame(fin|opCont, []byte("y")), ws.Text, false, false); string(ev.Payload) != "xy" {
		t.Fatalf("%q", ev.Payload)
	}
	step(frame(fin|opClose, nil)[:3], ws.None, true, false)
	r.Close()
	if !r.Closed() || !r.Idle() || r.Pending() {
		t.Error("memory held after Close")
	}
	step(in, ws.None, false, true)
}

// TestGrowth follows a message byte for byte: what is held never exceeds four times what came.
func TestGrowth(t *testing.T) {
	var r ws.Reader
	lim := ws.Limits{Message: 3 << 20}
	in := frame(fin|opBinary, make([]byte, 3<<20))
	got := 0
	for len(in) > 0 {
		n := min(len(in), 1+got/10)
		ev, _, err := r.Next(in[:n], &lim)
		if err != nil {
			t.Fatal(err)
		}
		got += n
		if held := r.Held(); held > max(1024, 4*got) {
			t.Fatalf("%d bytes held after %d", held, got)
		}
		if in = in[n:]; len(in) == 0 && (ev.Kind != ws.Binary || len(ev.Payload) != 3<<20) {
			t.Fatalf("%v of %d bytes", ev.Kind, len(ev.Payload))
		}
	}
	r.Close()
	r.Close()
}

// TestAfterError: the rest of the input and all that follows is taken and ignored.
func TestAfterError(t *testing.T) {
	lim := ws.DefaultLimits()
	good := frame(fin|opText, []byte("x"))
	for _, bad := range [][]byte{
		{0x83},
		{0x01, 0x01},
		frame(fin|opText, []byte{0xff}), frame(fin|opClose, []byte{3}), join(frame(opText, nil), frame(fin|opText, nil)),
		frame(opText, []byte{0xff}),
	} {
		var r ws.Reader
		in := join(bad, good)
		_, n, err := r.Next(in, &lim)
		for err == nil && n < len(in) {
			in = in[n:]
			_, n, err = r.Next(in, &lim)
		}
		if err == nil || n != len(in) || !r.Closed() || !r.Idle() {
			t.Errorf("% x: %v, %d of %d bytes, closed %v", bad, err, n, len(in), r.Closed())
		}
		for range 3 {
			if ev, n, err := r.Next(bytes.Clone(good), &lim); ev.Kind != ws.None || n != len(good) || err != nil {
				t.Errorf("% x: then %v, %d, %v", bad, ev.Kind, n, err)
			}
		}
	}
}

// TestCompressedMessages: with RSV1 allowed, marked messages come through as they are, in all cuts, and unmarked ones
// are still checked.
func TestCompressedMessages(t *testing.T) {
	raw := []byte("\xf2\x48\xcd\xc9\xc9\x07\x00\xff\xfe") // not UTF-8
	in := join(
		frame(fin|rsv1|opText, raw), frame(fin|opText, []byte("plain")),
		frame(rsv1|opText, raw[:4]), frame(fin|opPing, nil), frame(fin|opCont, raw[4:]),
		frame(opText, []byte("pl")), frame(fin|opCont, []byte("ain")),
		frame(rsv1|opBinary, nil), frame(fin|opCont, nil), frame(fin|opText, raw))
	want := []string{"text true", "text false", "ping false", "text true", "text false", "binary true"}
	names := map[ws.Kind]string{ws.Text: "text", ws.Binary: "binary", ws.Ping: "ping"}
	for way, reads := range cuts(in, 7) {
		e := newEcho(true)
		for read := range reads {
			e.feed(read)
		}
		var got []string
		for _, ev := range e.events {
			got = append(got, fmt.Sprint(names[ev.Kind], " ", ev.Compressed))
			if ev.Kind == ws.Text && ev.Compressed && !bytes.Equal(ev.Payload, raw) {
				t.Errorf("%s: payload % x", way, ev.Payload)
			}
		}
		if !slices.Equal(got, want) || e.err != ws.ErrText {
			t.Errorf("%s: %q, %v", way, got, e.err)
		}
	}
}

func TestCloseReason(t *testing.T) {
	for _, reads := range cuts(frame(fin|opClose, closeBody(4001, "żegnaj")), 3) {
		e := newEcho(false)
		for read := range reads {
			e.feed(read)
		}
		if len(e.events) != 1 || e.events[0].Kind != ws.Close || e.events[0].Code != 4001 || string(e.events[0].Payload) != "żegnaj" {
			t.Errorf("%+v", e.events)
		}
	}
}
