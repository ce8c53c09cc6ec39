// Admission: the last word on a handshake, given on the event loop.

package loop

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// Admission is a handshake that everybody else would let in.
type Admission struct {
	// Addr is the address of the client, as [Handshake.Address] tells it; the zero
	// Addr if it has none.
	Addr netip.Addr
}

// Refusal is the answer to a handshake that is not admitted.
type Refusal struct {
	Status     int           // of HTTP. Default: 503
	RetryAfter time.Duration // told in seconds, rounded up; 0 is not told
	Code       string        // for programs, such as "overloaded"
	Message    string        // for people
}

// AdmissionFunc decides whether a client may open a session. It may return a
// function that is called once when the session it lets in has ended, which costs
// memory for that client. Both run on event loops and must not block. A panic
// lets the client in.
type AdmissionFunc func(a Admission) (release func(), refusal *Refusal)

// SetAdmission makes f decide about handshakes from now on, after all other
// checks; nil lets everybody in. Official clients that are refused come again by
// themselves. It costs less than [Config.AllowRequest], which is asked off the
// loops. Clients of [Server.Bind] are not asked about. Any goroutine.
func (s *Server) SetAdmission(f AdmissionFunc) {
	if f == nil {
		s.admission.Store(nil)
	} else {
		s.admission.Store(&f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setGates()
}

// drainRefusal is told to those who come while the server drains.
var drainRefusal = &Refusal{RetryAfter: time.Second, Code: "draining", Message: "the server is draining: connect to another one"}

// Admit implements [transport.Admitter].
func (l upcalls) Admit(h *transport.Hello) *transport.Refusal {
	s := l.server
	if s.draining.Load() {
		s.notAdmitted.Add(1)
		return drainRefusal.answer()
	}
	f := s.admission.Load()
	if f == nil {
		return nil
	}
	release, refusal := l.decide(*f, h)
	if refusal != nil {
		s.notAdmitted.Add(1)
		return refusal.answer()
	}
	l.release = release
	return nil
}

// decide asks about a handshake.
func (l *Loop) decide(f AdmissionFunc, h *transport.Hello) (release func(), refusal *Refusal) {
	defer func() {
		if p := recover(); p != nil {
			l.server.logPanic("an admission function", p)
			release, refusal = nil, nil
		}
	}()
	return f(Admission{Addr: l.server.clientAddr(h)})
}

// clientAddr is who a handshake comes from.
func (s *Server) clientAddr(h *transport.Hello) netip.Addr {
	if len(s.trusted) == 0 {
		if a, ok := h.Remote.(*net.TCPAddr); ok {
			return a.AddrPort().Addr().Unmap()
		}
	}
	text, _ := s.trusted.client(peerOf(h), proxyFields(h.Request))
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Unadmit implements [transport.Admitter].
func (l upcalls) Unadmit() {
	if f := l.release; f != nil {
		l.release = nil
		l.released(f)
	}
}

// released tells that a session that was admitted has ended.
func (l *Loop) released(f func()) {
	defer func() {
		if p := recover(); p != nil {
			l.server.logPanic("a release of an admission", p)
		}
	}()
	f()
}

// answer is the refusal as the engine gives it.
func (r *Refusal) answer() *transport.Refusal {
	a := &transport.Refusal{Status: r.Status, ContentType: "application/json"}
	setDefault(&a.Status, 503)
	if r.RetryAfter > 0 {
		a.Fields = "Retry-After: " + strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds()))) + "\r\n"
	}
	a.Body = fmt.Sprintf(`{"code":%q,"message":%s}`, r.Code, quote([]byte(r.Message)))
	return a
}
