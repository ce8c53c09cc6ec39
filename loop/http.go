// Requests outside the engine's path, handed to package net/http with their connections.

package loop

import (
	"net/http"

	"github.com/sioserver/sioserver/transport"
)

// OnForeign implements [transport.Handler].
func (l upcalls) OnForeign(h *transport.Hello) bool {
	s := l.server
	return s.files[string(h.Request.Path)] == nil && s.routed() && !s.closing.Load() && !s.web.full()
}

// OnRequest implements [transport.Handler].
func (l upcalls) OnRequest(ref transport.ExchangeRef, h *transport.Hello, _ []byte) {
	switch {
	case l.serveClientFile(ref, h):
	case l.server.routed():
		ref.Respond(http.StatusServiceUnavailable, nil, nil)
	default:
		ref.Respond(http.StatusNotFound, nil, nil)
	}
}

// HandleHTTP registers a handler for requests outside Config.Path, by a pattern
// of [http.ServeMux], which says what patterns conflict and panics at those.
// Requests that no pattern matches go to Config.HTTP.
//
// The handler is an ordinary one: its request's context ends when the client
// goes, bodies come as they are read, answers go out as they are flushed, and it
// may take the connection over by [http.Hijacker]. It runs off the event loops:
// the connection leaves them with its request, is served by package net/http,
// and comes back when it asks for the engine again.
func (s *Server) HandleHTTP(pattern string, h http.Handler) {
	s.web.mux.Handle(pattern, h)
	s.web.patterns.Store(true)
}

// routed reports whether there is anybody for requests outside the path.
func (s *Server) routed() bool { return s.cfg.HTTP != nil || s.web.patterns.Load() }

// serveRoute answers a request that is not the engine's.
func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request) {
	fallback := s.cfg.HTTP
	if s.web.patterns.Load() {
		if _, pattern := s.web.mux.Handler(r); pattern != "" || fallback == nil {
			s.web.mux.ServeHTTP(w, r)
			return
		}
	}
	if fallback == nil {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	fallback.ServeHTTP(w, r)
}

// isEngine reports whether a request is for the loops: the engine's, or for a
// file of the client.
func (s *Server) isEngine(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path == s.cfg.Path || s.cfg.AddTrailingSlash == Disabled && path+"/" == s.cfg.Path || s.files[path] != nil
}
