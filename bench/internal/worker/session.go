// The record of a session, and buffers for the few that have something left over.

package worker

// The states of a session.
const (
	stateNone  = iota // not asked for yet, or ended for good
	stateTCP          // waiting for the connection
	stateHTTP         // waiting for the answer to the first request
	stateOpen         // waiting for the Engine.IO open packet
	stateSpace        // waiting for the namespace
	stateJoin         // waiting to be in its room
	stateUp
	stateWait // waiting to connect again
)

// phaseNames name the states from stateTCP to stateJoin in messages and in the
// histograms.
var phaseNames = [...]string{"", "tcp", "http", "open", "namespace", "join"}

// The links of a session: the main connection, the one that carries POST
// requests, and the websocket that is tried during an upgrade and stays after.
const (
	linkMain = iota
	linkPost
	linkProbe
	links
)

// The flags of a session.
const (
	flagSlow     = 1 << iota // does not read
	flagGetBusy              // a GET waits for its answer
	flagPostBusy             // a POST waits for its answer
	flagPaused               // no further GET: the upgrade waits for the last one
	flagProbed               // the probe was answered
	flagDeflate              // permessage-deflate was agreed on
	flagTakeover             // the server keeps its compression context
	flagBroken               // was away during the run: not counted as a receiver
	flagDirty                // has packets for the next POST
	flagGoing                // ended by our own will
	flagPolling              // messages go by POST
	flagStorm                // ended by the storm, not back yet
)

// link is one connection. in and out are indexes of buffers with what is left
// over, 0 if nothing is.
type link struct {
	fd, in, out int32
	// up is set once the connection stands.
	up bool
	// used is set once a request has been answered on it.
	used bool
}

// session is one client, without pointers.
type session struct {
	links [links]link
	// began is when the attempt to connect began or was due, phase when the
	// current state did.
	began, phase int64
	// retry is when to connect again; probed when the upgrade began; lastPing when
	// a ping came last or is next due.
	retry, probed, lastPing int64
	// lost is when it was lost last.
	lost       int64
	state      uint8
	main       uint8
	tries      uint8
	generation uint16
	flags      uint32
	// queue is a buffer of packets for the next POST, part one of a fragmented
	// message.
	queue, part int32
	partRSV     bool
}

func (s *session) is(flag uint32) bool { return s.flags&flag != 0 }

// spills are buffers with an index, so that records need no pointers. Index 0 is
// no buffer.
type spills struct {
	bufs [][]byte
	free []int32
}

// keepBytes is the largest buffer that is kept for another use.
const keepBytes = 64 << 10

// add appends b to the buffer at *at, taking one if there is none.
func (p *spills) add(at *int32, b []byte) {
	if len(b) == 0 {
		return
	}
	if *at == 0 {
		if n := len(p.free); n > 0 {
			*at = p.free[n-1]
			p.free = p.free[:n-1]
		} else {
			if len(p.bufs) == 0 {
				p.bufs = append(p.bufs, nil)
			}
			*at = int32(len(p.bufs))
			p.bufs = append(p.bufs, nil)
		}
	}
	p.bufs[*at] = append(p.bufs[*at], b...)
}

// get is the content of the buffer at an index.
func (p *spills) get(at int32) []byte {
	if at == 0 {
		return nil
	}
	return p.bufs[at]
}

// drop gives the buffer at *at back.
func (p *spills) drop(at *int32) {
	if *at == 0 {
		return
	}
	if cap(p.bufs[*at]) > keepBytes {
		p.bufs[*at] = nil
	} else {
		p.bufs[*at] = p.bufs[*at][:0]
	}
	p.free = append(p.free, *at)
	*at = 0
}

// cut drops the first n bytes of the buffer at *at.
func (p *spills) cut(at *int32, n int) {
	b := p.bufs[*at]
	if n >= len(b) {
		p.drop(at)
		return
	}
	p.bufs[*at] = b[:copy(b, b[n:])]
}
