// A client that keeps to the protocol as official ones do, one step at a time, and counts what it sends and gets.

package transport

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// chooser decides what happens next, from a random source or from the bytes of a fuzzer.
type chooser interface {
	// pick returns a number below n.
	pick(n int) int
}

// mode is how far a player is on its way from polling to websocket.
type mode uint8

const (
	onPolls  mode = iota // asks by polling
	onProbe              // has a websocket that was asked whether it works
	onPause              // polls no more, waits for what is under way
	onSocket             // is on its websocket
	atEnd                // has learnt that its session is closed
)

// player is one well-behaved client. Messages carry numbers, so that a loss, a doubling or a swap shows at once.
type player struct {
	k    *kernel
	pick chooser
	name int

	speech            // of the transport it is on
	onWS       speech // of its websocket
	sid        string
	mode       mode
	get, post  *peer
	ws         *socket
	getOpen    bool
	postOpen   bool
	queue      []string
	sent, got  int  // messages
	closing    bool // has sent a close packet
	disturbed  bool // the test has cut or broken a connection of it
	mayUpgrade bool
	apart      bool // does not pipeline
	hurry      bool // sends all it has
	pinged     int64
	pings      int // of revision 3 that are not answered

	// The server's side, filled in by the handler.
	heard, told int // messages from and to this client
	closed      string
	session     *Session
}

// packet makes the next message.
func (p *player) packet(n int) string {
	text := fmt.Sprintf("m%d", n)
	if p.pick.pick(8) == 0 {
		text += " " + strings.Repeat("é", p.pick.pick(5000))
	}
	return text
}

// number reads the number of a message.
func number(message string) (n int) {
	text, _, _ := strings.Cut(message, " ")
	if _, err := fmt.Sscanf(text, "m%d", &n); err != nil {
		return -1
	}
	return n
}

// connect opens the session.
func (p *player) connect() {
	p.get = p.dial()
	if p.speech = speeches[0]; p.pick.pick(2) == 0 {
		p.speech = speeches[p.pick.pick(len(speeches))]
	}
	p.pinged = p.k.now
	p.get.begin(p.own(request("GET", "", ""), ""))
	p.get.drain(endless)
	r := p.get.responses()
	if len(r) != 1 || r[0].status != 200 {
		p.k.t.Fatalf("player %d: handshake %v", p.name, r)
	}
	p.sid = sidPattern.FindStringSubmatch(strings.ReplaceAll(r[0].body, `\"`, `"`))[1]
	p.get.methods = nil
	p.post = p.get
	// What is pipelined behind the last request of a connection is not read: who is near the limit does not pipeline. Nor
	// does who has to ping: no ping of the server ends the poll that the answer to a data request would wait for.
	p.apart = p.k.opts.MaxRequests < 1000 || p.revision3
	if p.apart || p.pick.pick(3) > 0 {
		p.post = p.dial()
	}
	p.mayUpgrade = p.pick.pick(3) > 0
}

func (p *player) dial() *peer {
	c := p.k.dial(p.pick.pick(len(p.k.loops)))
	switch p.pick.pick(3) {
	case 0:
		c.cut = eachByte
	case 1:
		c.cut = func(b []byte) (pieces [][]byte) {
			for len(b) > 0 {
				n := min(1+p.pick.pick(200), len(b))
				pieces = append(pieces, b[:n])
				b = b[n:]
			}
			return pieces
		}
	}
	if p.pick.pick(2) == 0 {
		c.window = p.pick.pick(2000)
	}
	return c
}

// turn lets the player read what has come and do what is next.
func (p *player) turn() {
	if p.mode == atEnd {
		return
	}
	p.drain(p.pick.pick(3000))
	p.read()
	p.look()
	if p.revision3 && p.k.now-p.pinged >= 1000 && !p.closing {
		p.pinged = p.k.now
		p.pings++
		p.queue = slices.Insert(p.queue, 0, "2")
	}
	if p.mode != atEnd {
		p.act()
	}
}

// drain makes room on all connections.
func (p *player) drain(n int) {
	p.get.drain(n)
	p.post.drain(n)
	if p.ws != nil {
		p.ws.drain(n)
	}
}

// read takes in all that has come on any connection.
func (p *player) read() {
	conns := []*peer{p.get}
	if p.post != p.get {
		conns = append(conns, p.post)
	}
	for _, c := range conns {
		kinds := c.methods
		if len(kinds) == 0 && len(c.take()) > 0 {
			c.last = true // idle for too long
		}
		for i, r := range c.responses() {
			p.response(c, kinds[i], r)
		}
	}
	if p.ws == nil || p.mode == atEnd {
		return
	}
	if p.mode == onProbe && len(p.ws.got) > 0 && p.ws.got[0] == 'H' {
		r, rest, ok, err := parseResponse(p.ws.got, "GET")
		switch {
		case err != nil:
			p.fail("%v", err)
			return
		case !ok:
			return
		case r.short() == "503 Service unavailable" && p.k.refuseMoves, r.short() == "400 Session ID unknown":
			// The session lives on, or says by polling that it does not.
			p.ws, p.mode, p.mayUpgrade = nil, onPolls, false
			return
		case r.status != 101:
			p.fail("websocket refused: %v", r)
		}
		p.ws.got = rest
		p.ws.pmd = newPMDClient(p.k.t, r.fields["sec-websocket-extensions"])
	}
	for _, f := range p.ws.frames() {
		p.frame(f)
	}
}

// look finds connections that are gone.
func (p *player) look() {
	if p.ws != nil && p.ws.over && (p.mode == onProbe || p.mode == onPause) {
		p.ws, p.mode, p.mayUpgrade = nil, onPolls, false
	}
	lost := p.getOpen && p.get.over || p.postOpen && p.post.over || p.mode == onSocket && p.ws.over
	if lost && p.mode != atEnd {
		if !p.disturbed && p.closed == "" {
			p.fail("a connection was lost: get %d %v %v, post %d %v %v", p.get.number, p.getOpen, p.get.over, p.post.number, p.postOpen, p.post.over)
		}
		p.end()
	}
}

func (p *player) response(c *peer, kind string, r response) {
	switch {
	case kind == "GET":
		p.getOpen = false
	default:
		p.postOpen = false
	}
	switch {
	case p.mode == atEnd:
	case r.status == 200 && kind == "GET":
		c.last = r.fields["connection"] == "close"
		packets, err := p.packets(r)
		if err != nil {
			p.fail("%v", err)
		}
		for _, packet := range packets {
			p.packetIn(packet)
		}
	case r.status == 200 && r.body == "ok":
		c.last = r.fields["connection"] == "close"
	case r.short() == code(1) || p.disturbed:
		p.end()
	default:
		p.fail("%s answered %s", kind, r.short())
	}
}

func (p *player) frame(f string) {
	switch {
	case p.mode == atEnd:
	case strings.HasPrefix(f, "close:"):
		if p.mode == onSocket {
			p.end()
			return
		}
		// The candidate is dead, the session lives on, or says so by polling.
		p.ws, p.mode, p.mayUpgrade = nil, onPolls, false
	case p.mode == onProbe && f == "3probe":
		p.mode = onPause
	case p.mode == onSocket:
		packet, err := p.speech.packet(f)
		if err != nil {
			p.fail("%v", err)
		}
		p.packetIn(packet)
	default:
		p.fail("frame %q before the upgrade", f)
	}
}

func (p *player) packetIn(packet string) {
	switch {
	case packet == "2" && !p.revision3:
		p.queue = slices.Insert(p.queue, 0, "3")
	case packet == "3" && p.pings > 0:
		p.pings--
	case packet == "6":
	case packet == "1":
		p.end()
	case strings.HasPrefix(packet, "4"):
		p.message(packet[1:])
	case strings.HasPrefix(packet, "b"):
		data, err := base64.StdEncoding.DecodeString(packet[1:])
		if err != nil {
			p.fail("%v", err)
		}
		p.message(string(data))
	default:
		p.fail("packet %q", packet)
	}
}

func (p *player) message(text string) {
	if n := number(text); n != p.got {
		p.fail("message %q, want number %d", clip([]byte(text)), p.got)
	}
	p.got++
}

func (p *player) end() { p.mode = atEnd }

func (p *player) fail(format string, args ...any) {
	p.k.t.Helper()
	p.k.fault("player %d, mode %d: %s", p.name, p.mode, fmt.Sprintf(format, args...))
	p.end()
}

// say queues a message.
func (p *player) say() {
	if p.mode == atEnd || p.closing {
		return
	}
	text := p.packet(p.sent)
	p.sent++
	switch p.pick.pick(4) {
	case 0:
		p.queue = append(p.queue, "b"+base64.StdEncoding.EncodeToString([]byte(text)))
	default:
		p.queue = append(p.queue, "4"+text)
	}
}

// act sends what the protocol allows now.
func (p *player) act() {
	switch p.mode {
	case onSocket:
		for _, packet := range p.queue {
			p.ws.push(p.ws.pmd.mayPack(p.speech.frame(packet, p.pick), p.pick))
		}
		p.queue = nil
		return
	case onPause:
		if !p.getOpen && !p.postOpen {
			p.ws.push(appendFrame(nil, opText, "5"))
			p.mode, p.speech = onSocket, p.onWS
			return
		}
	case onPolls, onProbe:
		if !p.getOpen {
			p.get = p.fresh(p.get)
			p.getOpen = true
			p.begin(p.get, p.own(request("GET", p.sid, ""), ""))
		}
		if p.mode == onPolls && p.mayUpgrade && p.pick.pick(4) == 0 {
			p.ws = &socket{peer: p.dial(), sid: p.sid}
			p.onWS = p.speech.onSocket(p.pick)
			offer := offersModel[p.pick.pick(len(offersModel))]
			p.ws.push([]byte(p.onWS.own(upgradeRequest("&sid="+p.sid, "Sec-WebSocket-Extensions: "+offer), "")))
			p.ws.push(appendFrame(nil, opText, "2probe"))
			p.mode = onProbe
		}
	}
	if len(p.queue) > 0 && !p.postOpen && p.mode != onPause {
		if p.post = p.fresh(p.post); p.apart && p.post == p.get {
			p.post = p.dial()
		}
		p.postOpen = true
		n := 1 + p.pick.pick(len(p.queue))
		if p.hurry {
			n = len(p.queue)
		}
		n = min(n, 20) // messages of 30 kB at most: maxPayload
		body, fields := p.body(p.queue[:n], p.pick)
		p.queue = p.queue[n:]
		if p.pick.pick(2) == 0 {
			half := p.pick.pick(len(body))
			chunks := []string{body[half:]}
			if half > 0 {
				chunks = []string{body[:half], body[half:]}
			}
			p.begin(p.post, p.own(chunked(p.sid, chunks...), fields))
			return
		}
		p.begin(p.post, p.own(request("POST", p.sid, body), fields))
	}
}

// begin is peer.begin without a turn of the loops.
func (p *player) begin(c *peer, text string) {
	method, _, _ := strings.Cut(text, " ")
	c.methods = append(c.methods, method)
	c.push([]byte(text))
}

// fresh returns the connection, or another one if it is over.
func (p *player) fresh(c *peer) *peer {
	if !c.over && !c.shut && !c.last {
		return c
	}
	return p.dial()
}

// settled reports whether the player has nothing under way but its poll.
func (p *player) settled() bool {
	return p.mode == atEnd || len(p.queue) == 0 && !p.postOpen && (p.mode == onSocket || p.mode == onPolls) &&
		(p.ws == nil || len(p.ws.got) == 0)
}
