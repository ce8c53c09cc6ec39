// Requests outside the engine's path, for an ordinary http.Handler.

package loop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sioserver/sioserver/transport"
)

// OnRequest implements [transport.Handler].
func (l *Loop) OnRequest(ref transport.ExchangeRef, h *transport.Hello, body []byte) {
	if l.serveClientFile(ref, h) {
		return
	}
	handler := l.server.cfg.HTTP
	switch {
	case handler == nil:
		ref.Respond(http.StatusNotFound, nil, nil)
		return
	case l.server.closing.Load():
		ref.Respond(http.StatusServiceUnavailable, nil, nil)
		return
	}
	q := &httpRequest{server: l.server, handler: handler, ref: ref, head: clone(h.Head), body: clone(body)}
	if h.Remote != nil {
		q.remote = h.Remote.String()
	}
	l.server.requests.add()
	go q.serve()
}

// httpRequest is a request on its way to the handler.
type httpRequest struct {
	server     *Server
	handler    http.Handler
	ref        transport.ExchangeRef
	head, body []byte
	remote     string
}

// serve answers a request with what the handler writes. Whatever the handler
// does, there is an answer: those behind it on the connection wait for it.
func (q *httpRequest) serve() {
	defer q.server.requests.done()
	w := &httpResponse{header: http.Header{}}
	answered := false
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			q.server.logPanic("the HTTP handler", p)
		}
		if !answered {
			q.ref.Respond(http.StatusInternalServerError, nil, nil)
		}
	}()
	r, err := q.server.newHTTPRequest(q.head, q.remote)
	if err != nil {
		// The engine is stricter than package http, but not in every point.
		answered = true
		q.ref.Respond(http.StatusBadRequest, nil, nil)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(q.body))
	r.ContentLength = int64(len(q.body))
	q.handler.ServeHTTP(w, r)
	status, fields, body := w.finish()
	answered = true
	q.ref.Respond(status, fields, body)
}

// httpResponse gathers an answer. It is sent when the handler has returned.
type httpResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *httpResponse) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter]. As in package http, a status
// that does not exist is a fault of the handler. Interim answers are not sent.
func (w *httpResponse) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid status %d", status))
	}
	if w.status == 0 && status >= 200 {
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
