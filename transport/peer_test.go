// The peer's end of an in-memory connection.

package transport

import (
	"math/rand/v2"
	"net"
	"slices"
)

// fault is how the next write fails.
type fault uint8

const (
	faultNone     fault = iota
	faultReturned       // the error comes back, the engine has to close
	faultClosed         // the network closes the connection by itself, then returns the error
)

// endless is a send buffer that never fills.
const endless = 1 << 29

// peer is one connection as the other side sees it. It is the engine's Wire.
type peer struct {
	k      *kernel
	number int
	loop   *fakeLoop // nil while it moves
	conn   *Conn     // nil while it moves and after the end

	window int    // what the kernel still takes
	kept   []byte // what the network keeps because the kernel did not take it
	got    []byte // received and not looked at yet
	total  int    // bytes received in all

	ahead  []byte // sent while the connection moved
	gone   bool   // closed by the peer while it moved
	shut   bool   // the server has ended its sending half
	over   bool   // the connection is closed
	left   bool   // it has left, with
	unread []byte
	last   bool // the server has said that it will close
	fault  fault

	cut     func([]byte) [][]byte // how what is sent is cut into reads
	methods []string              // of requests without a response yet
}

func (*peer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711} }
func (*peer) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80} }

// dial opens a connection that lands on a loop.
func (k *kernel) dial(loop int) *peer {
	p := &peer{k: k, number: len(k.peers), window: endless, loop: k.loops[loop]}
	k.peers = append(k.peers, p)
	p.conn = p.loop.engine.Open(p, int32(p.number))
	return p
}

// arrive ends a move.
func (p *peer) arrive(l *fakeLoop, head []byte) {
	p.loop = l
	p.conn = l.engine.Open(p, int32(p.number))
	p.feed(head)
	ahead := p.ahead
	p.ahead = nil
	p.push(ahead)
	if p.gone {
		p.close()
	}
}

// feed is one read of the loop. The bytes are destroyed afterwards, as the loop's buffer would be.
func (p *peer) feed(b []byte) {
	c := p.conn
	own := slices.Clone(b)
	p.loop.guard(c, func() { p.loop.engine.Feed(c, own) })
	for i := range own {
		own[i] = 0xdb
	}
}

// push sends bytes without a turn of the loops. It reports whether they were read to the last.
func (p *peer) push(b []byte) bool {
	pieces := [][]byte{b}
	if p.cut != nil {
		pieces = p.cut(b)
	}
	for _, piece := range pieces {
		for len(piece) > 0 {
			n := min(len(piece), p.k.read)
			switch {
			case p.over:
				return false
			case p.loop == nil:
				p.ahead = append(p.ahead, piece[:n]...)
			default:
				p.feed(piece[:n])
			}
			piece = piece[n:]
		}
	}
	return true
}

// send is push and the work that follows from it.
func (p *peer) send(b string) {
	p.k.t.Helper()
	p.push([]byte(b))
	p.k.run()
}

// flow lets the kernel take what it has room for.
func (p *peer) flow() {
	n := min(p.window, len(p.kept))
	p.window -= n
	p.total += n
	p.got = append(p.got, p.kept[:n]...)
	p.kept = p.kept[n:]
}

// drain makes room for n bytes in the kernel's send buffer: the peer has read them.
func (p *peer) drain(n int) {
	p.window = min(p.window+n, endless)
	if p.conn != nil {
		p.flow()
	}
}

// take returns what has been received since the last look.
func (p *peer) take() []byte {
	b := p.got
	p.got = nil
	return b
}

// close ends the connection from the peer's side, with or without a farewell: the loop sees no difference.
func (p *peer) close() {
	switch {
	case p.over:
	case p.loop == nil:
		p.gone = true
	default:
		c := p.conn
		p.loop.guard(nil, func() { p.loop.engine.LastWrite(c) })
		if !p.over {
			p.loop.drop(p)
		}
	}
}

// hangUp is close and the work that follows from it.
func (p *peer) hangUp() {
	p.k.t.Helper()
	p.close()
	p.k.run()
}

// eachByte cuts after every byte.
func eachByte(b []byte) (pieces [][]byte) {
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// cutAtRandom cuts at places chosen by rng.
func cutAtRandom(rng *rand.Rand) func([]byte) [][]byte {
	return func(b []byte) (pieces [][]byte) {
		for len(b) > 0 {
			n := 1 + rng.IntN(len(b))
			if rng.IntN(3) == 0 {
				n = 1 + rng.IntN(min(len(b), 8))
			}
			pieces = append(pieces, b[:n])
			b = b[n:]
		}
		return pieces
	}
}
