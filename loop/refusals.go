// Refused requests, told to those who want to hear of them.

package loop

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/transport"
)

// ConnectionError is a request that the engine has refused.
type ConnectionError struct {
	Code    int    // of Engine.IO
	Message string // what the client was told
	// Context says more, under the names that the reference uses. For code 3 its
	// "name" tells the cause; "error" is what a middleware or AllowRequest
	// returned.
	Context map[string]any
	// Request is the request, without its body.
	Request *http.Request
}

// OnConnectionError adds a function that is told of every request that the
// engine refuses with a code. It runs off the event loops, one call after the
// other. If it is slower than clients are refused, what it misses is counted
// (LimitHits "connection_errors").
func (s *Server) OnConnectionError(f func(ConnectionError)) {
	s.changeEngineHooks(func(h *engineHooks) { h.refusals = append(slices.Clip(h.refusals), f) })
}

// refusalQueue is how many refusals may wait to be told.
const refusalQueue = 1000

// refusals wait to be told.
type refusals struct {
	missed atomic.Uint64
	mu     struct {
		sync.Mutex
		queue   []refused
		telling bool
	}
}

// refused is a refusal as the loop saw it.
type refused struct {
	head []byte
	peer peer
	err  *transport.HandshakeError
}

// OnRefuse implements [transport.Handler].
func (l upcalls) OnRefuse(h *transport.Hello, err *transport.HandshakeError) {
	s, q := l.server, &l.server.refusals
	r := refused{head: clone(h.Head), peer: peerOf(h), err: err}
	q.mu.Lock()
	full, begin := len(q.mu.queue) >= refusalQueue, !q.mu.telling
	if !full {
		q.mu.queue = append(q.mu.queue, r)
		q.mu.telling = true
	}
	q.mu.Unlock()
	switch {
	case full:
		q.missed.Add(1)
	case begin:
		s.workers.do(s, s.tellRefusals)
	}
}

// tellRefusals tells what waits, a part of it before others get their turn.
func (s *Server) tellRefusals() {
	q := &s.refusals
	q.mu.Lock()
	n := min(turn, len(q.mu.queue))
	part := slices.Clone(q.mu.queue[:n])
	q.mu.queue = slices.Delete(q.mu.queue, 0, n)
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		more := len(q.mu.queue) > 0
		if !more {
			q.mu.telling, q.mu.queue = false, nil
		}
		q.mu.Unlock()
		if more {
			s.workers.do(s, s.tellRefusals)
		}
	}()
	for i := range part {
		s.tellRefusal(&part[i])
	}
}

// tellRefusal tells everybody of one refusal.
func (s *Server) tellRefusal(r *refused) {
	request, err := s.newHTTPRequest(r.head, r.peer)
	if err != nil {
		return
	}
	request.Body = http.NoBody
	message := r.err.Message
	if r.err.Code == transport.ErrForbidden.Code {
		message = transport.ErrForbidden.Message // what AllowRequest said is in the context
	}
	e := ConnectionError{Code: r.err.Code, Message: message, Context: contextOf(r.err, request), Request: request}
	for _, f := range s.engineHooks.Load().refusals {
		func() {
			defer func() {
				if p := recover(); p != nil {
					s.logPanic("a connection error handler", p)
				}
			}()
			f(e)
		}()
	}
}

// contextOf is what the reference tells besides the code.
func contextOf(err *transport.HandshakeError, r *http.Request) map[string]any {
	query := r.URL.Query()
	c := map[string]any{}
	switch err.Code {
	case transport.ErrTransportUnknown.Code:
		c["transport"] = query.Get("transport")
	case transport.ErrSessionUnknown.Code:
		c["sid"] = query.Get("sid")
	case transport.ErrBadHandshakeMethod.Code:
		c["method"] = r.Method
	case transport.ErrBadRequest.Code:
		c["name"] = err.Name
		switch err.Name {
		case transport.ErrInvalidOrigin.Name:
			c["origin"] = r.Header.Get("Origin")
		case "TRANSPORT_MISMATCH":
			c["transport"], c["previousTransport"] = query.Get("transport"), err.Previous
		case "PROTOCOL_MISMATCH":
			c["protocol"], c["previousProtocol"] = number(query.Get("EIO")), number(err.Previous)
		}
	case transport.ErrForbidden.Code:
		c["message"] = err.Message
	case transport.ErrUnsupportedProtocol.Code:
		c["protocol"] = number(query.Get("EIO"))
	}
	if err.Err != nil {
		c["error"] = err.Err
	}
	return c
}

// number is a revision as a number, or the text if it is none.
func number(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return text
}
