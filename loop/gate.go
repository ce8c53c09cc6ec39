// What users may say about requests of the engine before it acts on them: middleware, AllowRequest, header events.

package loop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/transport"
)

// EngineMiddleware looks at an HTTP request of the engine before the engine
// does: handshakes, polling requests and upgrades, also those that will be
// refused. Fields that it sets in w's header are added to the answer, whatever
// that is. If it writes a status or a body, that is the answer. If it returns an
// error or panics, the client is told "Bad request" and no more. What it puts
// into the context of *r is there for those behind it, for
// [Config.AllowRequest], and of a handshake for [Handshake.Context].
//
// The body of r is empty, because the engine has not read it; r's context ends
// when Limits.GateTime is over. Content-Type, Cache-Control and the fields of
// the connection and of websocket are the engine's and cannot be changed. Like
// handlers it runs off the event loops and may block.
type EngineMiddleware func(w http.ResponseWriter, r *http.Request) error

// HTTPMiddleware makes an EngineMiddleware of a middleware for [http.Handler].
// The request goes on if m calls its next handler; what m writes after that is
// dropped, because the answer is not known then. Any goroutine.
func HTTPMiddleware(m func(next http.Handler) http.Handler) EngineMiddleware {
	return func(w http.ResponseWriter, r *http.Request) error {
		passed := false
		g := &gatedWriter{ResponseWriter: w}
		m(http.HandlerFunc(func(_ http.ResponseWriter, next *http.Request) {
			passed, g.deaf = true, true
			*r = *next
		})).ServeHTTP(g, r)
		if !passed {
			w.WriteHeader(http.StatusOK) // unless it has written another
		}
		return nil
	}
}

// gatedWriter is a writer that can become deaf.
type gatedWriter struct {
	http.ResponseWriter
	deaf bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *gatedWriter) WriteHeader(status int) {
	if !w.deaf {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements [http.ResponseWriter].
func (w *gatedWriter) Write(p []byte) (int, error) {
	if w.deaf {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// HeaderHandler is told of a request that is about to be accepted. What it sets
// in h is added to the answer, unless that becomes an error; the fields that
// [EngineMiddleware] cannot change it cannot change either. It runs off the
// event loops.
type HeaderHandler func(h http.Header, r *http.Request)

// engineHooks are the callbacks of the engine's life cycle; a set is immutable.
type engineHooks struct {
	middleware []EngineMiddleware
	initial    []HeaderHandler
	headers    []HeaderHandler
	refusals   []func(ConnectionError)
	connection []hook[func(Conn)]
}

// UseEngine adds a middleware for the requests of the engine, which runs after
// those added before. From then on each of these requests takes a turn on
// another goroutine, which polling clients feel most.
func (s *Server) UseEngine(m EngineMiddleware) {
	s.changeEngineHooks(func(h *engineHooks) { h.middleware = append(slices.Clip(h.middleware), m) })
}

// OnInitialHeaders adds a handler that is told of the first answer of each
// session: to its polling handshake, or the 101 of one that begins with
// websocket.
func (s *Server) OnInitialHeaders(f HeaderHandler) {
	s.changeEngineHooks(func(h *engineHooks) { h.initial = append(slices.Clip(h.initial), f) })
}

// OnHeaders adds a handler that is told of every answer to a polling request and
// of every 101. It makes each of these requests take a turn on another
// goroutine.
func (s *Server) OnHeaders(f HeaderHandler) {
	s.changeEngineHooks(func(h *engineHooks) { h.headers = append(slices.Clip(h.headers), f) })
}

// changeEngineHooks replaces the set of hooks by a changed copy.
func (s *Server) changeEngineHooks(change func(*engineHooks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.engineHooks.Load()
	change(&next)
	s.engineHooks.Store(&next)
	s.setGates()
}

// setGates makes those requests wait that somebody wants to see.
func (s *Server) setGates() {
	h := s.engineHooks.Load()
	var g transport.Gates
	if s.cfg.AllowRequest != nil || s.cfg.GenerateID != nil || len(h.initial) > 0 {
		g |= transport.GateHandshakes
	}
	if len(h.middleware)+len(h.headers) > 0 {
		g |= transport.GateRequests
	}
	if s.cfg.CORS.asks() {
		g |= transport.GateOrigins
	}
	if len(h.refusals) > 0 {
		g |= transport.TellRefusals
	}
	if s.admission.Load() != nil || s.draining.Load() {
		g |= transport.AskAdmission
	}
	for _, e := range s.engines {
		e.SetGates(g)
	}
}

// OnGate implements [transport.Handler].
func (l upcalls) OnGate(ref transport.GateRef, q *transport.Question) {
	g := &gated{
		server: l.server, ref: ref, head: clone(q.Head),
		refused: q.Refused != nil, handshake: q.Handshake, preflight: q.Preflight, foreign: q.Foreign,
		peer: peerOf(&q.Hello),
	}
	l.server.workers.do(l.server, g.run)
}

// gated is a request that waits for what users say about it.
type gated struct {
	server    *Server
	ref       transport.GateRef
	head      []byte
	peer      peer
	refused   bool // by the engine, whatever is said here
	handshake bool
	preflight bool
	foreign   bool

	verdict transport.Verdict
	stage   string // whose turn it is, for the log
}

// run asks everybody and tells the engine. Whatever happens to those that are
// asked, there is a verdict: the request waits for it.
func (g *gated) run() {
	base := g.peer.ctx
	if base == nil {
		base = context.Background()
	}
	ctx, cancel := context.WithTimeout(base, g.server.cfg.Limits.GateTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			g.server.logPanic(g.stage, p)
		}
		g.ref.Resume(g.verdict)
	}()
	// Until somebody says otherwise, for whoever panics.
	g.verdict.Refusal = transport.ErrMiddleware
	r, err := g.server.newHTTPRequest(g.head, g.peer)
	if err != nil {
		return
	}
	r.Body = http.NoBody
	r = r.WithContext(ctx)
	switch {
	case !g.askOrigin(r):
	case g.preflight:
		g.verdict.Refusal = nil
	default:
		g.ask(r)
	}
	if r.Context() != ctx {
		g.verdict.Value = context.WithoutCancel(r.Context())
	}
}

// ask is run for one request that parsed.
func (g *gated) ask(r *http.Request) {
	s, hooks := g.server, g.server.engineHooks.Load()
	w := &httpResponse{header: http.Header{}}
	g.stage = "engine middleware"
	for _, m := range hooks.middleware {
		err := m(w, r)
		g.verdict.Fields = headerLines(w.header)
		if err != nil {
			g.verdict.Refusal = because(transport.ErrMiddleware, err)
			s.fail(nil, fmt.Errorf("loop: engine middleware: %w", err))
			return
		}
		if w.status != 0 {
			g.verdict.Refusal = nil
			g.verdict.Status, g.verdict.Fields, g.verdict.Body = w.finish()
			return
		}
	}
	g.verdict.Refusal = nil
	if g.refused || g.foreign && !g.verdict.Origin {
		return
	}
	if g.handshake && s.cfg.AllowRequest != nil {
		g.stage, g.verdict.Refusal = "AllowRequest", transport.ErrForbidden
		if err := s.cfg.AllowRequest(r); err != nil {
			g.verdict.Refusal = forbidden(err)
			return
		}
	}
	if g.handshake && s.cfg.GenerateID != nil && !g.generateID(r) {
		return
	}
	g.stage, g.verdict.Refusal = "a header handler", transport.ErrMiddleware
	granted := http.Header{}
	if g.handshake {
		for _, f := range hooks.initial {
			f(granted, r)
		}
	}
	for _, f := range hooks.headers {
		f(granted, r)
	}
	g.verdict.Granted, g.verdict.Refusal = headerLines(granted), nil
}

// generateID asks for the id of the session, and reports whether there is one.
func (g *gated) generateID(r *http.Request) bool {
	g.stage, g.verdict.Refusal = "GenerateID", transport.ErrIDGeneration
	sid, err := g.server.cfg.GenerateID(r)
	if err == nil {
		err = checkSessionID(sid)
	}
	if err != nil {
		g.verdict.Refusal = because(transport.ErrIDGeneration, err)
		g.server.fail(nil, fmt.Errorf("loop: GenerateID: %w", err))
		return false
	}
	g.verdict.SID = sid
	return true
}

// sessionIDLength is how long the id of a session may be, in bytes.
const sessionIDLength = 128

// checkSessionID tells what is wrong with the id of a session. What it may hold
// stands for itself in JSON, in a query and in a cookie.
func checkSessionID(sid string) error {
	if len(sid) == 0 || len(sid) > sessionIDLength {
		return fmt.Errorf("the id of a session has %d bytes, it must have 1 to %d", len(sid), sessionIDLength)
	}
	for _, b := range []byte(sid) {
		plain := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-._~:@=", b) >= 0
		if !plain {
			return fmt.Errorf("the id of a session has the byte %q, it must be of letters, digits and - . _ ~ : @ =", b)
		}
	}
	return nil
}

// forbidden is the refusal for an error of AllowRequest.
func forbidden(err error) *transport.HandshakeError {
	refusal := because(transport.ErrForbidden, err)
	var told *Error
	switch {
	case errors.As(err, &told):
		refusal.Message = told.Message
	case err.Error() != "":
		refusal.Message = err.Error()
	}
	return refusal
}

// because is a refusal with the error behind it.
func because(refusal *transport.HandshakeError, err error) *transport.HandshakeError {
	e := *refusal
	e.Err = err
	return &e
}

// askOrigin asks about the origin of a request that has one, and reports whether
// the request goes on.
func (g *gated) askOrigin(r *http.Request) bool {
	s, c := g.server, g.server.cfg.CORS
	if !c.asks() || len(r.Header["Origin"]) != 1 {
		return true
	}
	if c.For == nil {
		g.verdict.Origin = s.asksOrigin(c, r)
		return true
	}
	rules, granted, err := s.rulesFor(r)
	g.verdict.Ruled, g.verdict.CORS, g.verdict.Origin = true, rules, granted
	if err != nil {
		g.verdict.Refusal = because(transport.ErrMiddleware, err)
		s.fail(nil, fmt.Errorf("loop: CORS.For: %w", err))
		return false
	}
	g.foreign = g.foreign && (rules == nil || !rules.Allows([]byte(r.Header.Get("Origin"))))
	g.preflight = r.Method == http.MethodOptions && rules != nil && !rules.Continue
	return true
}

// newHTTPRequest makes a request of package net/http from a head that the
// engine has read.
func (s *Server) newHTTPRequest(head []byte, from peer) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), len(head)))
	if err != nil {
		return nil, err
	}
	r.TransferEncoding = nil
	r.RemoteAddr, _ = s.trusted.client(from, r.Header)
	r.TLS = from.tls
	return r, nil
}

// ownFields are the fields of answers that are the engine's.
var ownFields = []string{
	"Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Keep-Alive", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// headerLines are the lines of fields that users add to an answer. Line breaks
// in values become spaces.
func headerLines(h http.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	own := map[string]bool{}
	for name := range h {
		canonical := http.CanonicalHeaderKey(name)
		own[name] = slices.Contains(ownFields, canonical) || strings.HasPrefix(canonical, "Sec-Websocket-")
	}
	var b bytes.Buffer
	_ = h.WriteSubset(&b, own) // to memory
	return b.Bytes()
}

// validateRequests returns what is wrong with the options of this file and
// those around it.
func (c *Config) validateRequests() []error {
	errs := append(c.CORS.validate(), c.Cookie.validate()...)
	for _, s := range []struct {
		name string
		at   Switch
	}{{"AddTrailingSlash", c.AddTrailingSlash}, {"ServeClient", c.ServeClient}} {
		if s.at < Default || s.at > Disabled {
			errs = append(errs, fmt.Errorf("loop: %s is %d, it must be Default, Enabled or Disabled", s.name, s.at))
		}
	}
	switch c.InitialPacket.(type) {
	case nil, string, []byte:
	default:
		errs = append(errs, fmt.Errorf("loop: InitialPacket is a %T, it must be a string, a []byte or nil", c.InitialPacket))
	}
	for _, p := range c.TrustedProxies {
		if !p.IsValid() {
			errs = append(errs, errors.New("loop: TrustedProxies has an invalid prefix"))
		}
	}
	return errs
}

// requestOptions are these options as the engines want them.
func (c *Config) requestOptions(o *transport.Options) {
	o.BarePath = !c.AddTrailingSlash.or(true)
	o.Named = c.GenerateID != nil
	o.CORS = c.CORS.transport()
	o.Gated = c.Limits.GatedRequests
	o.GateTimeout = c.Limits.GateTime.Milliseconds()
	switch p := c.InitialPacket.(type) {
	case string:
		o.Initial = &transport.Initial{Data: []byte(p)}
	case []byte:
		o.Initial = &transport.Initial{Data: slices.Clone(p), Binary: true}
	}
	if c.Cookie != nil {
		name, attributes := c.Cookie.split()
		o.Cookie = &transport.Cookie{Name: name, Attributes: attributes}
	}
}
