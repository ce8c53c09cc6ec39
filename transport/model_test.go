// Random lives: well-behaved clients among wild ones, on a network that cuts, stalls and breaks.

package transport

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "run the random model with this seed only")
	modelSteps = flag.Int("model.steps", 600, "steps of the random model")
	modelRuns  = flag.Int("model.runs", 60, "runs of the random model")
)

// random chooses from a seed.
type random struct{ *rand.Rand }

func (r random) pick(n int) int { return r.IntN(n) }

// script chooses from bytes; it always chooses the first way once they are used up.
type script struct{ bytes []byte }

func (s *script) pick(n int) int {
	if len(s.bytes) == 0 || n <= 1 {
		return 0
	}
	b := int(s.bytes[0])
	s.bytes = s.bytes[1:]
	if n > 256 && len(s.bytes) > 0 {
		b |= int(s.bytes[0]) << 8
		s.bytes = s.bytes[1:]
	}
	return b % n
}

// model is a group of engines with all who talk to it.
type model struct {
	k       *kernel
	pick    chooser
	players []*player
	bySID   map[string]*player
	wild    wild
	jumped  bool // the clock: pongs may have come too late
	done    bool
}

func newModel(t testing.TB, pick chooser, players int) *model {
	m := &model{pick: pick, bySID: map[string]*player{}}
	m.k = newKernel(t, 1+pick.pick(3), func(o *Options) {
		o.PingInterval, o.PingTimeout = 2000, 3000
		o.ConnectTimeout = 0
		o.AllowEIO3 = true
		o.KeepAlive = 4000
		if pick.pick(2) == 0 {
			deflating(pick.pick(2) == 0)(o)
		}
		if pick.pick(2) == 0 {
			o.MaxRequests = 5 + pick.pick(20)
		}
		if pick.pick(2) == 0 {
			// Much is held, and nothing may be dropped.
			o.SlowPolicy, o.OutboundBytes = SlowPolicy(1+pick.pick(3)), 200<<pick.pick(8)
			o.OutboundBurst, o.OutboundGrace = 1<<30, 1_000_000
		}
	})
	m.k.quiet = true
	m.k.turns = rand.New(rand.NewPCG(uint64(pick.pick(256)), 0))
	m.k.refuseMoves = pick.pick(8) == 0
	m.wild = wild{k: m.k, pick: pick}
	m.k.onMessage = m.onMessage
	m.k.onClose = m.onClose
	m.k.onRequest = m.wild.onRequest
	for i := range players {
		p := &player{k: m.k, pick: pick, name: i}
		m.players = append(m.players, p)
		p.connect()
		m.bySID[p.sid] = p
		for s := range m.k.numbers {
			if s.ID().String() == p.sid {
				p.session = s
			}
		}
	}
	return m
}

func (m *model) onMessage(s *Session, data []byte, binary bool) {
	p := m.bySID[s.ID().String()]
	if p == nil {
		m.wild.onMessage(s, data, binary)
		return
	}
	if n := number(string(data)); n != p.heard {
		m.k.fault("from player %d: message %q, want number %d", p.name, clip(data), p.heard)
	}
	p.heard++
	if m.pick.pick(3) == 0 {
		m.tell(p)
	}
}

func (m *model) onClose(s *Session, reason CloseReason, err error) {
	p := m.bySID[s.ID().String()]
	if p == nil {
		m.wild.onClose(s)
		return
	}
	p.closed, p.session = fmt.Sprint(reason, " ", err), nil
	expected := strings.HasPrefix(p.closed, "forced") || strings.HasPrefix(p.closed, "server shutting down") ||
		p.closing && strings.HasPrefix(p.closed, "transport close") || p.disturbed || m.jumped || m.done
	if !expected {
		m.k.fault("player %d in mode %d was closed: %s", p.name, p.mode, p.closed)
	}
}

// tell sends a player its next message.
func (m *model) tell(p *player) {
	if p.session == nil {
		return
	}
	data := []byte(p.packet(p.told))
	ok := false
	switch m.pick.pick(4) {
	case 0:
		ok = p.session.SendBinary(data)
	case 1:
		ok = p.session.SendShared(NewShared(data, nil))
	case 2:
		ok = p.session.SendShared(NewShared(nil, [][]byte{data}))
	default:
		ok = p.session.Send(data)
	}
	if ok {
		p.told++
	}
}

// act is one random event.
func (m *model) act() {
	p := m.players[m.pick.pick(len(m.players))]
	switch m.pick.pick(16) {
	case 0, 1:
		p.say()
	case 2, 3, 4:
		p.turn()
	case 5, 6:
		if s := p.session; s != nil {
			s.Engine().Post(taskFunc(func(*Engine) {
				if p.session == s {
					m.tell(p)
				}
			}))
		}
	case 7:
		m.pass(int64(m.pick.pick(50)) * 10)
	case 8, 9, 10, 11:
		m.wild.act()
	case 12:
		m.k.step()
	case 13:
		m.k.loops[m.pick.pick(len(m.k.loops))].turn()
	case 14:
		m.k.run()
	default:
		m.rare(p)
	}
}

// rare is what should not happen all the time.
func (m *model) rare(p *player) {
	switch m.pick.pick(12) {
	case 0: // the server closes
		if s := p.session; s != nil {
			s.Engine().Post(taskFunc(func(*Engine) {
				if p.session == s {
					s.Close()
				}
			}))
		}
	case 1: // the client closes
		if p.mode != atEnd && !p.closing {
			p.closing = true
			p.queue = append(p.queue, "1")
		}
	case 2: // a connection of the client is lost
		p.disturbed = true
		if c := [...]*peer{p.get, p.post, p.post}[m.pick.pick(3)]; p.ws != nil && m.pick.pick(2) == 0 {
			p.ws.close()
		} else {
			c.close()
		}
	case 3: // or breaks at the next write
		p.disturbed = true
		f := fault(1 + m.pick.pick(2))
		if p.ws != nil {
			p.ws.fault = f
		} else {
			p.get.fault = f
		}
	case 4:
		if m.pick.pick(4) == 0 {
			m.jumped = true
			m.k.jump(int64(m.pick.pick(10_000)))
		}
	}
}

// pass lets time go by; the players do not sleep through it.
func (m *model) pass(ms int64) {
	m.k.advance(ms)
	for _, p := range m.players {
		p.drain(100_000)
		p.turn()
	}
}

// heal brings everything under way to its end.
func (m *model) heal() {
	before, calm := 0, 0
	for range 1000 {
		settled, count := true, 0
		for _, p := range m.players {
			p.apart, p.hurry = true, true
			p.drain(endless)
			settled = settled && p.settled()
			count += p.sent + p.heard + p.told + p.got
		}
		m.pass(100)
		if !settled || count != before {
			before, calm = count, 0
		} else if calm++; calm == 3 {
			return
		}
	}
	for _, p := range m.players {
		m.k.fault("player %d does not come to rest in mode %d: queue %q, posting %v, polling %v, %q", p.name, p.mode, p.queue, p.postOpen, p.getOpen, p.closed)
	}
}

// judge demands that nothing was lost on a session that did not break.
func (m *model) judge() {
	for _, p := range m.players {
		state := fmt.Sprintf("player %d in mode %d, closed %q: sent %d of which %d arrived, was told %d of which %d arrived",
			p.name, p.mode, p.closed, p.sent, p.heard, p.told, p.got)
		if p.heard > p.sent || p.got > p.told {
			m.k.fault("%s", state)
		}
		switch {
		case p.closed == "" && p.mode != atEnd:
			// Whatever was done to its connections: who goes on has lost nothing.
			if p.heard != p.sent || p.got != p.told {
				m.k.fault("%s", state)
			}
		case p.disturbed || m.jumped:
		case p.closed == "":
			m.k.fault("%s", state)
		case p.closing && strings.HasPrefix(p.closed, "transport close"):
			if p.heard != p.sent {
				m.k.fault("%s", state)
			}
		default:
			if p.got != p.told || p.mode != atEnd {
				m.k.fault("%s", state)
			}
		}
	}
}

// play is a whole life.
func (m *model) play(steps int) {
	for range steps {
		m.act()
		if m.k.faults > 0 || m.k.t.Failed() {
			m.k.t.FailNow()
		}
	}
	m.end()
}

// end comes to rest, judges and leaves.
func (m *model) end() {
	m.heal()
	m.judge()
	m.done = true
	m.k.finish()
}

func TestModel(t *testing.T) {
	first, runs := uint64(1), *modelRuns
	if *modelSeed != 0 {
		first, runs = *modelSeed, 1
	}
	for i := range runs {
		seed := first + uint64(i)
		t.Run(fmt.Sprintf("model.seed=%d", seed), func(t *testing.T) {
			m := newModel(t, random{rand.New(rand.NewPCG(seed, 1))}, 6)
			m.play(*modelSteps)
		})
	}
}

// FuzzSession plays the life that its bytes say.
func FuzzSession(f *testing.F) {
	for seed := range uint64(20) {
		rng := newRandom(seed)
		b := make([]byte, 500)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4000 {
			b = b[:4000]
		}
		s := &script{bytes: b}
		m := newModel(t, s, 1+s.pick(3))
		for len(s.bytes) > 0 {
			m.act()
			if t.Failed() {
				return
			}
		}
		m.end()
	})
}
