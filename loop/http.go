// Requests outside the engine's path, for an ordinary http.Handler.

package loop

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/sioserver/sioserver/transport"
)

// OnRequest implements [transport.Handler].
func (l *Loop) OnRequest(ref transport.ExchangeRef, h *transport.Hello, body []byte) {
	handler := l.server.cfg.HTTP
	if handler == nil {
		ref.Respond(http.StatusNotFound, nil, nil)
		return
	}
	q := &httpRequest{server: l.server, handler: handler, ref: ref, head: clone(h.Head), body: clone(body)}
	if h.Remote != nil {
		q.remote = h.Remote.String()
	}
	l.server.serve(q)
}

// httpRequest is a request on its way to the handler.
type httpRequest struct {
	server     *Server
	handler    http.Handler
	ref        transport.ExchangeRef
	head, body []byte
	remote     string
}

// serve calls the handler off the loop.
func (s *Server) serve(q *httpRequest) { go q.serve() }

// serve answers a request with what the handler writes.
func (q *httpRequest) serve() {
	w := &httpResponse{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			q.server.panics.Add(1)
			q.server.cfg.Logger.Error("panic in the HTTP handler", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			q.ref.Respond(http.StatusInternalServerError, nil, nil)
		}
	}()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(q.head)))
	if err != nil {
		// The engine is stricter than package http, but not in every point.
		q.ref.Respond(http.StatusBadRequest, nil, nil)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(q.body))
	r.ContentLength = int64(len(q.body))
	r.TransferEncoding = nil
	r.RemoteAddr = q.remote
	q.handler.ServeHTTP(w, r)
	q.ref.Respond(w.finish())
}

// httpResponse gathers an answer. It is sent when the handler has returned.
type httpResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *httpResponse) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *httpResponse) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *httpResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// finish returns the answer in pieces.
func (w *httpResponse) finish() (status int, fields, body []byte) {
	w.WriteHeader(http.StatusOK)
	if w.header.Get("Content-Type") == "" && w.body.Len() > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	// These are the server's to say.
	for _, name := range []string{"Content-Length", "Connection", "Date", "Transfer-Encoding"} {
		w.header.Del(name)
	}
	var b strings.Builder
	if w.header.Write(&b) != nil {
		return http.StatusInternalServerError, nil, nil
	}
	return w.status, []byte(b.String()), w.body.Bytes()
}
