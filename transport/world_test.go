// The layer above as tests play it: a handler that writes down what it is told, acts, and checks the contract.

package transport

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// world is what the handlers of all engines share.
type world struct {
	log     []string
	numbers map[*Session]int // of the sessions that are open
	opened  int
	closed  int
	quiet   bool            // nothing is written down
	armed   map[*Engine]int // timers of the handler

	onOpen    func(s *Session, r *Hello)
	onMessage func(s *Session, data []byte, binary bool)
	onUpgrade func(s *Session)
	onDrain   func(s *Session)
	onClose   func(s *Session, reason CloseReason, err error)
	onForeign func(r *Hello) bool
	onRequest func(ref ExchangeRef, r *Hello, body []byte)
	onTimer   func(owner uint32)
	onGate    func(ref GateRef, q *Question)
}

func (w *world) init() { w.numbers, w.armed = map[*Session]int{}, map[*Engine]int{} }

// recorder is the handler of one engine.
type recorder struct {
	k *kernel
	e *Engine
}

// note writes down what was told about a session, which must be one of this engine's open ones.
func (r *recorder) note(s *Session, format string, args ...any) {
	n, ok := r.k.numbers[s]
	if !ok || s.Engine() != r.e {
		r.k.t.Errorf("told about a session that is not open here: "+format, args...)
	}
	if !r.k.quiet {
		r.k.log = append(r.k.log, fmt.Sprintf("%d %s", n, fmt.Sprintf(format, args...)))
	}
}

func (r *recorder) OnOpen(s *Session, h *Hello) {
	if _, ok := r.k.numbers[s]; ok {
		r.k.t.Error("a session is opened twice")
	}
	if len(h.Head) == 0 || string(h.Request.Path) != r.k.opts.Path || h.Remote == nil || h.Local == nil {
		r.k.t.Errorf("incomplete hello %+v", h)
	}
	r.k.opened++
	r.k.numbers[s] = r.k.opened
	r.note(s, "open")
	if f := r.k.onOpen; f != nil {
		f(s, h)
	}
}

func (r *recorder) OnMessage(s *Session, data []byte, binary bool) {
	if binary {
		r.note(s, "binary %x", data)
	} else {
		r.note(s, "message %s", data)
	}
	if f := r.k.onMessage; f != nil {
		f(s, data, binary)
	}
	for i := range data {
		data[i] = '#' // the handler may overwrite it
	}
}

func (r *recorder) OnUpgrade(s *Session) {
	r.note(s, "upgrade")
	if !s.WebSocket() {
		r.k.t.Error("upgraded to what?")
	}
	if f := r.k.onUpgrade; f != nil {
		f(s)
	}
}

func (r *recorder) OnUpgrading(s *Session, on bool) {
	if on {
		r.k.upgrading++
	} else {
		r.k.upgrading--
	}
}

func (r *recorder) OnDrain(s *Session) {
	r.note(s, "drain")
	if f := r.k.onDrain; f != nil {
		f(s)
	}
}

func (r *recorder) OnSlow(s *Session) { r.note(s, "slow") }

func (r *recorder) OnClose(s *Session, reason CloseReason, err error) {
	text := reason.String()
	if err != nil {
		text += ": " + err.Error()
	}
	r.note(s, "close %s", text)
	delete(r.k.numbers, s)
	r.k.closed++
	if s.Send([]byte("late")) || s.SendBinary(nil) || s.SendShared(NewShared(nil, nil)) || s.Writable() {
		r.k.t.Error("a closed session still sends")
	}
	if f := r.k.onClose; f != nil {
		f(s, reason, err)
	}
}

func (r *recorder) OnForeign(h *Hello) bool { return r.k.onForeign != nil && r.k.onForeign(h) }

func (r *recorder) OnRequest(ref ExchangeRef, h *Hello, body []byte) {
	r.k.log = append(r.k.log, fmt.Sprintf("request %s %s %s", h.Request.Method, h.Request.Target, clip(body)))
	if f := r.k.onRequest; f != nil {
		f(ref, h, body)
		return
	}
	ref.Respond(404, nil, []byte("not here"))
}

// OnGate lets requests through unless the test decides.
func (r *recorder) OnGate(ref GateRef, q *Question) {
	if len(q.Head) == 0 || q.Remote == nil || q.Local == nil {
		r.k.t.Errorf("incomplete question %+v", q)
	}
	r.k.log = append(r.k.log, "gate "+questionText(q))
	if f := r.k.onGate; f != nil {
		f(ref, q)
		return
	}
	ref.Resume(Verdict{})
}

func (r *recorder) OnRefuse(h *Hello, err *HandshakeError) {
	if len(h.Head) == 0 || h.Remote == nil || h.Local == nil {
		r.k.t.Errorf("incomplete hello %+v", h)
	}
	r.k.log = append(r.k.log, fmt.Sprintf("refused %s %d %s %s%s", h.Request.Method, err.Code, err.Message, err.Name, err.Previous))
}

func (r *recorder) OnTLSFailure(_ net.Addr, err error) {
	r.k.log = append(r.k.log, "tls "+err.Error())
}

func (r *recorder) OnTimer(owner uint32) {
	r.k.log = append(r.k.log, fmt.Sprintf("timer %d", owner))
	if f := r.k.onTimer; f != nil {
		f(owner)
	}
}

// clip shortens long data for the log.
func clip(b []byte) string {
	if len(b) > 100 {
		return fmt.Sprintf("%s... %d bytes", b[:30], len(b))
	}
	return string(b)
}

// session returns the open session with a number.
func (k *kernel) session(number int) *Session {
	k.t.Helper()
	for s, n := range k.numbers {
		if n == number {
			return s
		}
	}
	k.t.Fatalf("session %d is not open", number)
	return nil
}

// do runs f as a loop would run a task, with the work that follows from it.
func (k *kernel) do(s *Session, f func()) {
	k.t.Helper()
	s.Engine().Post(taskFunc(func(*Engine) { f() }))
	k.run()
}

type taskFunc func(*Engine)

func (f taskFunc) Run(e *Engine) { f(e) }

// told demands that exactly this has been told upwards since the last call.
func (k *kernel) told(want ...string) {
	k.t.Helper()
	if !slices.Equal(k.log, want) {
		k.t.Errorf("told%s\nwant%s", list(k.log), list(want))
	}
	k.log = nil
}

// list shows a log, shortened.
func list(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		if i == 20 {
			fmt.Fprintf(&b, "\n\tand %d more", len(lines)-i)
			break
		}
		b.WriteString("\n\t" + clip([]byte(line)))
	}
	return b.String()
}

// echo sends each message back.
func echo(s *Session, data []byte, binary bool) {
	if binary {
		s.SendBinary(data)
	} else {
		s.Send(data)
	}
}
