// Client: a backend is asked, and a client of ours waits for the answer.

// Package hooks asks backends over HTTP: signed requests whose answer somebody
// waits for. How many are under way, how many wait and for how long is bounded,
// and a backend that fails is left alone for a while. Nothing here may be called
// on an event loop.
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

// The hooks.
const (
	Connect = "connect"
	Join    = "join"
	Refresh = "refresh"
	Event   = "event"
	Channel = "laravel_echo" // about a channel of Laravel Echo, see Form
)

// Names are all hooks.
var Names = []string{Connect, Join, Refresh, Event, Channel}

var (
	// ErrDenied: the backend answered 401 or 403.
	ErrDenied = errors.New("hooks: the backend denies it")
	// ErrUnavailable: there is no answer that says anything: none in time, one
	// of failure, or nobody was asked. The error's text tells what.
	ErrUnavailable = errors.New("hooks: the backend is not available")
)

// maxReply is the size of an answer, in bytes.
const maxReply = 1 << 20

// Target is what is asked, and for how long.
type Target struct {
	Hook    string // one of Names
	URL     string
	Timeout time.Duration // 0 for that of hooks.defaults
}

// Header is what every request begins with. The client fills it in.
type Header struct {
	Hook string    `json:"hook"`
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Node Node      `json:"node"`
}

// Node names the server that asks.
type Node struct {
	ID   string `json:"id"`
	Boot string `json:"boot"`
}

func (h *Header) header() *Header { return h }

// Request is the body of a request: a struct with an embedded Header.
type Request interface{ header() *Header }

// Client asks backends. It is a [node.Part]; its other methods may be called
// from any goroutine but those of event loops.
type Client struct {
	settings atomic.Pointer[settings]
	node     Node
	http     *http.Client
	agent    string
	last     atomic.Uint64 // number of the last request

	mu    sync.Mutex
	hooks map[key]*hook
	count map[string]*counters
}

// key is what has a queue and a breaker of its own.
type key struct{ hook, url string }

// settings are what a configuration says.
type settings struct {
	config.HookDefaults
	keys signing.Keys
}

// New returns a client for a version of the command, which its requests name.
func New(version string) *Client {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}
	c := &Client{agent: "sioserver/" + version, hooks: map[key]*hook{}, count: map[string]*counters{}}
	c.http = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, name := range Names {
		c.count[name] = newCounters()
	}
	return c
}

// Start implements [node.Part].
func (c *Client) Start(_ context.Context, n *node.Node) error {
	c.node = Node{n.ID, n.Boot}
	apply, err := c.Prepare(n.Config())
	if err == nil {
		apply()
	}
	return err
}

// Prepare implements [node.Part].
func (c *Client) Prepare(cfg *config.Config) (apply func(), err error) {
	s := &settings{HookDefaults: cfg.Hooks.Defaults}
	if s.keys, err = signing.Parse("hooks.defaults.secret", s.Secret); err != nil {
		return nil, err
	}
	used := addresses(cfg)
	return func() {
		c.settings.Store(s)
		c.mu.Lock()
		defer c.mu.Unlock()
		for k := range c.hooks {
			if !slices.Contains(used, k.url) {
				delete(c.hooks, k)
			}
		}
	}, nil
}

// addresses are all that a configuration asks.
func addresses(cfg *config.Config) []string {
	list := []string{cfg.Hooks.Connect.URL, cfg.Hooks.Join.URL, cfg.Hooks.Refresh.URL, cfg.Hooks.Event.URL, cfg.LaravelEcho.AuthURL}
	for _, n := range cfg.Namespaces {
		for _, r := range n.Events {
			list = append(list, r.URL)
		}
	}
	return list
}

// Stop implements [node.Part].
func (c *Client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// message is a request on its way.
type message struct {
	id     string
	body   []byte
	kind   string      // of the body
	header http.Header // more of its head
	sign   bool
}

// Ask sends a request and decodes the answer into reply. empty is true for an
// answer without a body. The error wraps ErrDenied or ErrUnavailable. It waits
// for a place, and then for the answer, for the target's timeout together.
func (c *Client) Ask(ctx context.Context, t Target, r Request, reply any) (empty bool, err error) {
	head := r.header()
	head.Hook, head.Node, head.Time, head.ID = t.Hook, c.node, time.Now().UTC().Truncate(time.Millisecond), c.id()
	body, err := json.Marshal(r)
	if err != nil {
		c.count[t.Hook].add("error", 0)
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return c.send(ctx, t, &message{id: head.ID, body: body, kind: "application/json", sign: true}, reply)
}

// Form is Ask for a backend that knows nothing of hooks: a form is posted, with
// more fields in its head and unsigned. The error of an answer that is a failure
// or denies is a [*StatusError] too.
func (c *Client) Form(ctx context.Context, t Target, header http.Header, form url.Values, reply any) (empty bool, err error) {
	return c.send(ctx, t, &message{id: c.id(), body: []byte(form.Encode()), kind: "application/x-www-form-urlencoded", header: header}, reply)
}

// id names a request.
func (c *Client) id() string {
	return "req_" + c.node.Boot + "." + strconv.FormatUint(c.last.Add(1), 10)
}

// send waits for a place and tries until there is an answer or no try is left.
func (c *Client) send(ctx context.Context, t Target, m *message, reply any) (empty bool, err error) {
	began := time.Now()
	s := c.settings.Load()
	timeout := t.Timeout
	if timeout <= 0 {
		timeout = time.Duration(s.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h, count := c.hook(t)
	result := "ok"
	defer func() { count.add(result, time.Since(began)) }()
	if result, err = h.enter(ctx, s); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer h.leave()
	for left := s.Retries; ; left-- {
		var again bool
		empty, result, again, err = c.once(ctx, t, s, m, reply)
		if !again || left <= 0 || ctx.Err() != nil {
			break
		}
	}
	h.outcome(s, err != nil && !errors.Is(err, ErrDenied))
	return empty, err
}

// StatusError is an answer whose status is none of success. It wraps ErrDenied or
// ErrUnavailable.
type StatusError struct {
	Code int // of HTTP
	url  string
	kind error
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%v: %s answered %d %s", e.kind, e.url, e.Code, http.StatusText(e.Code))
}

// Unwrap is ErrDenied or ErrUnavailable.
func (e *StatusError) Unwrap() error { return e.kind }

// once asks one time. again says that another try may help.
func (c *Client) once(ctx context.Context, t Target, s *settings, m *message, reply any) (empty bool, result string, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(m.body))
	if err != nil {
		return false, "error", false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	maps.Copy(req.Header, m.header)
	req.Header.Set("Content-Type", m.kind)
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("X-Request-Id", m.id)
	if m.sign {
		s.keys.Sign(req.Header, m.id, time.Now(), m.body)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return false, "timeout", false, fmt.Errorf("%w: backend timeout: %w", ErrUnavailable, err)
		}
		return false, "error", true, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return false, "timeout", false, fmt.Errorf("%w: backend timeout: %w", ErrUnavailable, err)
	case err != nil:
		return false, "error", true, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		_ = json.Unmarshal(text, reply) // it may say why, and need not
		return false, "denied", false, &StatusError{res.StatusCode, t.URL, ErrDenied}
	case res.StatusCode/100 != 2:
		again = res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusGatewayTimeout
		return false, "status", again, &StatusError{res.StatusCode, t.URL, ErrUnavailable}
	case len(text) > maxReply:
		return false, "invalid", false, fmt.Errorf("%w: %s answered with more than %d bytes", ErrUnavailable, t.URL, maxReply)
	case len(bytes.TrimSpace(text)) == 0:
		return true, "ok", false, nil
	}
	if err := json.Unmarshal(text, reply); err != nil {
		return false, "invalid", false, fmt.Errorf("%w: the answer of %s is not what it should be: %w", ErrUnavailable, t.URL, err)
	}
	return false, "ok", false, nil
}

// hook is what belongs to a target, and where its requests are counted.
func (c *Client) hook(t Target) (*hook, *counters) {
	k := key{t.Hook, t.URL}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hooks[k]
	if h == nil {
		h = &hook{now: time.Now}
		c.hooks[k] = h
	}
	return h, c.count[t.Hook]
}
