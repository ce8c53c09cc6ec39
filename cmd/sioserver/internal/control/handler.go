// Requests: from the table of endpoints to answers.

package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// endpoint is a method and a path of the API.
type endpoint struct {
	method, path string // below /api/v1
	scope        string
	summary      string
	query        []param
	request      any // what the body is, as a value of its type; nil for none
	result       any // likewise
	run          func(c *call) (any, error)
}

// param is a parameter of a query.
type param struct{ name, summary string }

// call is one request.
type call struct {
	*Control
	ctx context.Context
	w   http.ResponseWriter
	r   *http.Request
	id  string
	key *key
}

// written is the result of an endpoint that has written its answer itself.
var written = new(struct{})

// maxRequestID is how long an X-Request-Id of a caller may be.
const maxRequestID = 128

// handler is all that is served.
func (c *Control) handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range c.endpoints() {
		mux.Handle(e.method+" /api/v1"+e.path, c.serve(e))
	}
	paths := map[string]bool{}
	for _, e := range c.endpoints() {
		if !paths[e.path] {
			paths[e.path] = true
			mux.Handle("/api/v1"+e.path, c.only(e.path))
		}
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, requestID(r), fail(codeNotFound, "there is no %s: see /api/v1/docs", r.URL.Path))
	})
	c.health(mux)
	if c.opts.Metrics != nil && c.node.Config().Metrics.Enabled {
		mux.Handle("GET /metrics", c.opts.Metrics)
	}
	if c.node.Config().Control.Pprof {
		c.debug(mux)
	}
	for pattern, h := range c.opts.Pages {
		mux.Handle(pattern, h)
	}
	if c.opts.Wrap != nil {
		return c.opts.Wrap(mux)
	}
	return mux
}

// only answers methods that a path does not have.
func (c *Control) only(path string) http.Handler {
	var allowed []string
	for _, e := range c.endpoints() {
		if e.path == path {
			allowed = append(allowed, e.method)
		}
	}
	list := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", list)
		c.refuse(w, requestID(r), fail(codeMethod, "%s has %s", r.URL.Path, list))
	})
}

// serve runs an endpoint.
func (c *Control) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		x := &call{Control: c, ctx: r.Context(), w: w, r: r, id: requestID(r)}
		w.Header().Set("X-Request-Id", x.id)
		status := http.StatusOK
		defer func() { c.counts.request(e.path, status, time.Since(begun)) }()
		if e.scope != scopeNone {
			var err error
			if x.key, err = c.authorize(r, e.scope); err != nil {
				status = c.refuse(w, x.id, err)
				return
			}
		}
		result, err := e.run(x)
		switch {
		case err != nil:
			status = c.refuse(w, x.id, err)
		case result != written:
			answer(w, status, map[string]any{"ok": true, "result": result})
		}
	})
}

// requestID is the id of a request: the caller's if that is a decent one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > maxRequestID || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return newID("req_")
	}
	return id
}

// refuse tells an error, and returns its status.
func (c *Control) refuse(w http.ResponseWriter, id string, err error) int {
	e := toldAs(err)
	status := statuses[e.Code]
	h := w.Header()
	h.Set("X-Request-Id", id)
	if e.Code == codeUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="sioserver"`)
	}
	if e.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retry.Seconds()))))
	}
	if e.Code == codeInternal {
		c.node.Log.Error("a request of the API failed", "id", id, "error", err)
	}
	answer(w, status, map[string]any{"ok": false, "error": e})
	return status
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"ok":false,"error":{"code":"internal","message":"the answer cannot be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a caller that has gone
}

// decode reads the body into v. Without a body v stays as it is.
func (x *call) decode(v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, x.body.Load()))
	if err != nil {
		return bodyError(err)
	}
	if len(body) == 0 {
		return nil
	}
	return decode(body, v)
}

// bodyError is what is told of a body that cannot be read.
func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fail(codeTooLarge, "the body has more than the %d bytes of limits.api_body", large.Limit)
	}
	return fail(codeInvalidJSON, "the body cannot be read: %s", err)
}

// debug serves profiles to keys with the scope admin.
func (c *Control) debug(mux *http.ServeMux) {
	for name, h := range map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		mux.HandleFunc("/debug/pprof/"+name, func(w http.ResponseWriter, r *http.Request) {
			if _, err := c.authorize(r, scopeAdmin); err != nil {
				c.refuse(w, requestID(r), err)
				return
			}
			h(w, r)
		})
	}
}

// register is what is to be done before the server runs.
func (c *Control) register(n *node.Node) { c.tails.attach(n) }
