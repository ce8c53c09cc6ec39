// The echo loop the tests drive: a Reader, its caller's duties, and a record of what came out.

package ws_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/deflate"
	"github.com/sioserver/sioserver/transport/ws"
)

// frame is a masked client frame. The key follows from the payload, so that equal calls give equal bytes.
func frame(first byte, payload []byte) []byte {
	sum := crc32.ChecksumIEEE(payload) + uint32(first)
	return frameKey(first, payload, sum*2654435761)
}

func frameKey(first byte, payload []byte, key uint32) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(b, key)
	at := len(b)
	b = append(b, payload...)
	gobwas.Cipher(b[at:], [4]byte(b[at-4:at]), 0)
	return b
}

// First bytes of frames.
const (
	fin      = 0x80
	rsv1     = 0x40
	rsv2     = 0x20
	rsv3     = 0x10
	opCont   = 0x0
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

func closeBody(code int, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// echo answers messages with their like, pings with pongs and closes with closes.
type echo struct {
	reader ws.Reader
	limits ws.Limits
	pongs  ws.Pongs
	out    []byte
	events []ws.Event // copies
	err    error
	got    int // bytes received
	bound  error

	// Of those who agreed to permessage-deflate with all of its parameters, nil of others.
	inflater *deflate.Inflater
	takeover bool   // the peer keeps its context
	window   []byte // what the peer may refer to then
}

func newEcho(rsv1 bool) *echo {
	e := &echo{limits: ws.DefaultLimits()}
	if rsv1 {
		e.reader.AllowRSV1()
	}
	return e
}

// feed gives the Reader one read. The slice it gets is scribbled over afterwards, so that anything kept shows.
func (e *echo) feed(read []byte) {
	p := bytes.Clone(read)
	defer func() {
		for i := range p {
			p[i] = 0xdb
		}
	}()
	for rest := p; ; {
		ev, n, err := e.reader.Next(rest, &e.limits)
		e.got += n
		rest = rest[n:]
		if err != nil {
			if e.err == nil {
				e.err = err
				e.out = ws.AppendClose(e.out, err.(*ws.CloseError).Code, "")
			}
			continue
		}
		if held := e.reader.Held(); held > max(1024, 4*e.got) {
			e.bound = fmt.Errorf("%d bytes held after %d received", held, e.got)
		}
		if ev.Kind == ws.None {
			if len(rest) != 0 {
				e.bound = fmt.Errorf("None with %d bytes left", len(rest))
			}
			return
		}
		if err := e.inflate(&ev); err != nil {
			e.err = err
			e.out = ws.AppendClose(e.out, err.(*ws.CloseError).Code, "")
			e.reader.Close()
			return
		}
		e.answer(ev)
	}
}

// agree negotiates, as a server that keeps contexts if asked for them.
func (e *echo) agree(offer string) {
	_, a, ok := deflate.Negotiate(nil, []byte(offer), &deflate.Options{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15, ClientContextTakeover: true})
	if ok {
		e.reader.AllowRSV1()
		e.inflater, e.takeover = new(deflate.Inflater), a.ClientTakeover
	}
}

// inflate makes a message of a compressed one.
func (e *echo) inflate(ev *ws.Event) error {
	if !ev.Compressed || e.inflater == nil {
		return nil
	}
	out, err := e.inflater.Inflate(bytes.Clone(e.window), ev.Payload, int(e.limits.Message))
	if err != nil {
		return err
	}
	ev.Compressed, ev.Payload = false, out[len(e.window):]
	if e.takeover {
		e.window = out[max(0, len(out)-1<<15):]
	}
	if ev.Kind == ws.Text && !ws.ValidUTF8(ev.Payload) {
		return ws.ErrText
	}
	return nil
}

func (e *echo) answer(ev ws.Event) {
	switch ev.Kind {
	case ws.Text, ws.Binary:
		e.out = ws.AppendHeader(e.out, ws.OpCode(ev.Kind), true, ev.Compressed, len(ev.Payload))
		e.out = append(e.out, ev.Payload...)
	case ws.Ping:
		e.out = e.pongs.Append(e.out, ev.Payload)
	case ws.Close:
		e.out = ws.AppendClose(e.out, ev.Code, "")
	}
	ev.Payload = bytes.Clone(ev.Payload)
	e.events = append(e.events, ev)
}

// flush stands for the output having reached the kernel.
func (e *echo) flush() { e.out = e.pongs.Written(e.out) }

// log is what the peer saw, frame by frame, read by the library.
func (e *echo) log(t testing.TB) (log []string) {
	t.Helper()
	in := bytes.NewReader(e.out)
	for in.Len() > 0 {
		h, err := gobwas.ReadHeader(in)
		if err != nil {
			t.Fatalf("unreadable answer: %v", err)
		}
		if err := gobwas.CheckHeader(h, gobwas.StateClientSide|gobwas.StateExtended); err != nil {
			t.Fatalf("illegal answer: %v", err)
		}
		p := make([]byte, h.Length)
		if _, err := io.ReadFull(in, p); err != nil {
			t.Fatalf("short answer: %v", err)
		}
		switch h.OpCode {
		case gobwas.OpText:
			log = append(log, "text "+show(p))
		case gobwas.OpBinary:
			log = append(log, "binary "+show(p))
		case gobwas.OpPong:
			log = append(log, "pong "+show(p))
		case gobwas.OpClose:
			if len(p) == 0 {
				log = append(log, "close")
			} else {
				log = append(log, fmt.Sprintf("close %d", binary.BigEndian.Uint16(p)))
			}
		default:
			t.Fatalf("unexpected opcode %v", h.OpCode)
		}
	}
	return log
}

func show(p []byte) string {
	if len(p) <= 40 {
		return fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf("%d bytes, sum %08x", len(p), crc32.ChecksumIEEE(p))
}

// cuts are the ways a stream reaches the server: whole, byte by byte, and four times at random.
func cuts(in []byte, seed uint64) map[string]func(yield func([]byte) bool) {
	bySize := func(size func() int) func(yield func([]byte) bool) {
		return func(yield func([]byte) bool) {
			for rest := in; len(rest) > 0; {
				n := min(max(size(), 1), len(rest))
				if !yield(rest[:n]) {
					return
				}
				rest = rest[n:]
			}
		}
	}
	ways := map[string]func(yield func([]byte) bool){
		"whole": bySize(func() int { return len(in) }),
		"bytes": bySize(func() int { return 1 }),
	}
	for i := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, i))
		ways[fmt.Sprintf("random%d", i)] = bySize(func() int {
			// Pieces of all magnitudes up to 64 KiB.
			return rnd.IntN(1 + 1<<rnd.IntN(17))
		})
	}
	return ways
}

// checkLog runs in through fresh echo loops, cut in all ways, and compares what the peer saw.
func checkLog(t *testing.T, in []byte, set func(*echo), want []string) {
	t.Helper()
	for way, reads := range cuts(in, uint64(len(in))) {
		e := newEcho(false)
		if set != nil {
			set(e)
		}
		for read := range reads {
			e.feed(read)
			e.feed(nil)
		}
		e.flush()
		if got := e.log(t); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", way, got, want)
		}
		if e.bound != nil {
			t.Errorf("%s: %v", way, e.bound)
		}
		if !e.reader.Pending() && !e.reader.Idle() {
			t.Errorf("%s: nothing pending, yet memory held", way)
		}
		e.reader.Close()
	}
}
