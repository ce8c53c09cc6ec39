// The twin: the same rules written slowly and plainly over the library's header reader, for whole inputs only. Reader
// must agree with it on every input, however that is cut.

package ws_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/ws"
)

// finding is what the twin makes of an input: events, then a code, or neither closed nor complete.
type finding struct {
	events  []ws.Event
	code    ws.StatusCode // of an error, 0 without one
	pending bool          // ends inside a frame or message
	head    []byte        // the beginning of a header in which the input ends
}

func twin(in []byte, lim ws.Limits, compression bool) (f finding) {
	state := gobwas.StateServerSide
	if compression {
		state = state.Set(gobwas.StateExtended)
	}
	var (
		message           []byte
		kind              gobwas.OpCode
		compressed        bool
		fragments, empty  uint32
		fail              = func(code ws.StatusCode) finding { f.code, f.pending = code, false; return f }
		isText            = func() bool { return kind == gobwas.OpText && !compressed }
		within, available uint64
	)
	for len(in) > 0 {
		r := bytes.NewReader(in)
		h, err := gobwas.ReadHeader(r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			f.pending, f.head = true, in
			return f
		case err != nil:
			return fail(1002)
		}
		size := len(in) - r.Len()
		data := h.OpCode.IsData()
		switch {
		case gobwas.CheckHeader(h, state) != nil, size != gobwas.HeaderSize(h), h.Rsv2(), h.Rsv3(),
			h.Rsv1() && (!data || h.OpCode == gobwas.OpContinuation):
			return fail(1002)
		}
		if data {
			within = uint64(len(message))
			if uint64(h.Length) > lim.Message || within+uint64(h.Length) > lim.Message {
				return fail(1009)
			}
			if h.OpCode != gobwas.OpContinuation {
				kind, compressed = h.OpCode, h.Rsv1()
			}
			if !h.Fin || h.OpCode == gobwas.OpContinuation {
				fragments++
				if h.Length == 0 {
					empty++
				}
				if fragments > lim.Fragments || empty > lim.EmptyFragments {
					return fail(1008)
				}
				state = state.Set(gobwas.StateFragmented)
			}
		}
		in = in[size:]
		available = min(uint64(h.Length), uint64(len(in)))
		payload := bytes.Clone(in[:available])
		in = in[available:]
		for i := range payload {
			payload[i] ^= h.Mask[i%4]
		}
		if data {
			message = append(message, payload...)
			if isText() && !mendable(message) {
				return fail(1007)
			}
		}
		if available < uint64(h.Length) {
			f.pending = true
			return f
		}
		switch {
		case h.OpCode == gobwas.OpClose:
			ev := ws.Event{Kind: ws.Close, Code: ws.StatusNone}
			if len(payload) > 0 {
				code, reason := gobwas.ParseCloseFrameData(payload)
				switch {
				case len(payload) == 1, code < 1000, code > 1003 && code < 1007, code > 1014 && code < 3000, code > 4999:
					return fail(1002)
				case !utf8.ValidString(reason):
					return fail(1007)
				}
				ev.Code, ev.Payload = code, []byte(reason)
			}
			f.events, f.pending = append(f.events, ev), false
			return f
		case !data:
			f.events = append(f.events, ws.Event{Kind: ws.Kind(h.OpCode), Payload: payload})
		case h.Fin:
			if isText() && !utf8.Valid(message) {
				return fail(1007)
			}
			f.events = append(f.events, ws.Event{Kind: ws.Kind(kind), Compressed: compressed, Payload: message})
			message, fragments, empty = nil, 0, 0
			state = state.Clear(gobwas.StateFragmented)
		}
	}
	f.pending = state.Fragmented()
	return f
}

// read is Reader's finding for in, in pieces of the sizes given.
func read(in []byte, lim ws.Limits, compression bool, size func() int) (f finding, err error) {
	e := newEcho(compression)
	e.limits = lim
	for len(in) > 0 {
		n := min(max(size(), 1), len(in))
		e.feed(in[:n])
		in = in[n:]
	}
	f.events, f.pending = e.events, e.reader.Pending()
	if e.err != nil {
		f.code = e.err.(*ws.CloseError).Code
	}
	if !f.pending && !e.reader.Idle() {
		e.bound = errors.New("memory held with nothing pending")
	}
	e.reader.Close()
	return f, e.bound
}

func (f finding) String() string {
	s := ""
	for _, ev := range f.events {
		s += fmt.Sprintf("%d/%v/%d %s, ", ev.Kind, ev.Compressed, ev.Code, show(ev.Payload))
	}
	return fmt.Sprintf("%scode %d, pending %v", s, f.code, f.pending)
}

// checkTwin compares Reader, whole and cut, with the twin.
func checkTwin(t testing.TB, in []byte, lim ws.Limits, compression bool, seed uint64) {
	t.Helper()
	want := twin(in, lim, compression)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var first finding
	for i, size := range []func() int{
		func() int { return len(in) },
		func() int { return 1 },
		func() int { return rnd.IntN(8) },
		func() int { return rnd.IntN(1 + 1<<rnd.IntN(12)) },
	} {
		got, err := read(in, lim, compression, size)
		if err != nil {
			t.Fatalf("cut %d of % x: %v", i, in, err)
		}
		if i == 0 {
			first = got
		} else if got.String() != first.String() {
			t.Fatalf("% x\ncut %d: %v\n whole: %v", in, i, got, first)
		}
	}
	if first.String() == want.String() {
		return
	}
	// The twin sees faults in whole headers only. If Reader saw one earlier, then the header must be one whatever follows.
	if len(want.head) > 0 && first.code == 1002 {
		want = twin(append(bytes.Clone(in), rest(want.head)...), lim, compression)
		if first.String() == want.String() {
			return
		}
	}
	t.Fatalf("% x\nreader: %v\n  twin: %v", in, first, want)
}

// rest is what the header that begins with head lacks, as legal as it may still be.
func rest(head []byte) []byte {
	size, second := 6, byte(0x81)
	if len(head) > 1 {
		second = head[1]
	}
	switch second & 0x7f {
	case 126:
		size = 8
	case 127:
		size = 14
	}
	pad := bytes.Repeat([]byte{1}, size-len(head))
	if len(head) == 1 {
		pad[0] = second
	}
	return pad
}

// TestTwinOnVectors compares payloads too, which the vectors leave out.
func TestTwinOnVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		if in := v.stream(t); len(in) < 20_000 {
			lim := ws.Limits{Message: 10_000, Fragments: 1024, EmptyFragments: 8}
			checkTwin(t, in, lim, v.Offer != "", 1)
		}
	}
}

// TestTwinAtRandom builds mostly legal conversations and breaks some.
func TestTwinAtRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6455, 0))
	lim := ws.Limits{Message: 300, Fragments: 8, EmptyFragments: 3}
	met := map[ws.StatusCode]int{}
	for range 3000 {
		in := conversationAtRandom(rnd)
		compression := rnd.IntN(2) == 0
		checkTwin(t, in, lim, compression, rnd.Uint64())
		met[twin(in, lim, compression).code]++
	}
	for _, code := range []ws.StatusCode{0, 1002, 1007, 1008, 1009} {
		if met[code] < 20 {
			t.Errorf("only %d of 3000 conversations end in %d", met[code], code)
		}
	}
}

func conversationAtRandom(rnd *rand.Rand) (in []byte) {
	open := false
	for range rnd.IntN(20) {
		payload := []byte(texts[rnd.IntN(17)])
		first := []byte{opText, opBinary}[rnd.IntN(2)]
		if open {
			first = opCont
		}
		switch rnd.IntN(12) {
		case 0, 1:
			in = append(in, frame(fin|[]byte{opPing, opPong}[rnd.IntN(2)], payload[:min(len(payload), 125)])...)
			continue
		case 2:
			payload = nil
		case 3:
			payload = pattern(rnd.IntN(200))
		case 4:
			payload = payload[:rnd.IntN(1+len(payload))]
		}
		if open = rnd.IntN(4) != 0; !open {
			first |= fin
		}
		if first&rsv1 == 0 && first != opCont && rnd.IntN(8) == 0 {
			first |= rsv1
		}
		in = append(in, frame(first, payload)...)
	}
	if rnd.IntN(3) == 0 {
		in = append(in, frame(fin|opClose, closeBody(990+rnd.IntN(30), "bye"))...)
	}
	if len(in) > 0 && rnd.IntN(3) == 0 {
		in[rnd.IntN(len(in))] ^= 1 << rnd.IntN(8)
	}
	return in
}
