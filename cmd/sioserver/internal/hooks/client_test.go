package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	oracle "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

const long = config.Duration(time.Minute)

// newClient is a client with these defaults; what is not set is taken as in the
// schema or does not matter.
func newClient(t *testing.T, d config.HookDefaults) *Client {
	t.Helper()
	if d.Timeout == 0 {
		d.Timeout = long
	}
	if d.Concurrency == 0 {
		d.Concurrency = 256
	}
	c := New("test")
	cfg := &config.Config{Hooks: config.Hooks{Defaults: d}}
	if err := c.Start(t.Context(), node.New("n1", "boot", cfg, nil, slog.New(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop(context.Background()) })
	return c
}

func backend(t *testing.T, f http.HandlerFunc) string {
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

type question struct {
	Header
	A int `json:"a"`
}

type answer struct {
	B int `json:"b"`
}

//effect:keys hooks.defaults.secret
func TestAsk(t *testing.T) {
	secret := signing.NewSecret()
	c := newClient(t, config.HookDefaults{Secret: config.Secrets{config.Secret(secret)}})
	verify, err := oracle.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify.Verify(body, r.Header); err != nil {
			t.Error(err)
		}
		var q struct {
			Hook, ID string
			A        int
			Node     Node
		}
		if err := json.Unmarshal(body, &q); err != nil {
			t.Error(err)
		}
		if q.Hook != Event || q.A != 7 || q.Node != (Node{"n1", "boot"}) || q.ID == "" || q.ID != r.Header.Get("X-Request-Id") {
			t.Errorf("%+v", q)
		}
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "sioserver/test" {
			t.Error(r.Method, r.Header)
		}
		_, _ = io.WriteString(w, `{"b":8,"more":true}`)
	})
	var a answer
	if empty, err := c.Ask(t.Context(), Target{Hook: Event, URL: url}, &question{A: 7}, &a); err != nil || empty || a.B != 8 {
		t.Error(a, empty, err)
	}
}

func TestAnswers(t *testing.T) {
	c := newClient(t, config.HookDefaults{})
	for name, test := range map[string]struct {
		status int
		body   string
		empty  bool
		err    error
		result string
	}{
		"ok":             {200, `{"b":1}`, false, nil, "ok"},
		"created":        {201, `{"b":1}`, false, nil, "ok"},
		"no content":     {204, "", true, nil, "ok"},
		"empty":          {200, "\n", true, nil, "ok"},
		"unauthorized":   {401, `{"b":1}`, false, ErrDenied, "denied"},
		"forbidden":      {403, "no", false, ErrDenied, "denied"},
		"not found":      {404, "", false, ErrUnavailable, "status"},
		"error":          {500, "", false, ErrUnavailable, "status"},
		"moved":          {302, "", false, ErrUnavailable, "status"},
		"not JSON":       {200, "<b>Warning</b>", false, ErrUnavailable, "invalid"},
		"of other types": {200, `{"b":"x"}`, false, ErrUnavailable, "invalid"},
		"too long":       {200, `"` + strings.Repeat("x", maxReply) + `"`, false, ErrUnavailable, "invalid"},
	} {
		url := backend(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		before := c.Stats()[3].Requests[test.result]
		var a answer
		empty, err := c.Ask(t.Context(), Target{Hook: Event, URL: url}, new(question), &a)
		if !errors.Is(err, test.err) || empty != test.empty {
			t.Errorf("%s: %v %v", name, empty, err)
		}
		if got := c.Stats()[3].Requests[test.result]; got != before+1 {
			t.Errorf("%s: not counted as %s", name, test.result)
		}
	}
	if s := c.Stats()[3]; s.Hook != Event || s.InFlight != 0 || sum(s.Durations) != 12 || s.Seconds <= 0 {
		t.Errorf("%+v", s)
	}
}

func sum(list []uint64) (n uint64) {
	for _, x := range list {
		n += x
	}
	return n
}

//effect:keys hooks.defaults.timeout
func TestTimeout(t *testing.T) {
	c := newClient(t, config.HookDefaults{Timeout: config.Duration(50 * time.Millisecond)})
	gone := make(chan struct{})
	url := backend(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // its end is noticed by who reads
		<-r.Context().Done()
		close(gone)
	})
	_, err := c.Ask(t.Context(), Target{Hook: Join, URL: url}, new(question), new(answer))
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	<-gone // the backend is told that nobody waits
	if n := c.Stats()[1].Requests["timeout"]; n != 1 {
		t.Errorf("%d timeouts", n)
	}
}

// TestBounds: so many are under way, so many wait, and more fail at once.
//
//effect:keys hooks.defaults.concurrency hooks.defaults.max_pending
func TestBounds(t *testing.T) {
	const running, waiting, more = 3, 5, 4
	c := newClient(t, config.HookDefaults{Concurrency: running, MaxPending: waiting})
	var now, most atomic.Int32
	arrived, release := make(chan struct{}, running+waiting), make(chan struct{})
	url := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		arrived <- struct{}{}
		<-release
		now.Add(-1)
		_, _ = io.WriteString(w, `{}`)
	})
	target := Target{Hook: Event, URL: url}
	var wg sync.WaitGroup
	for range running + waiting {
		wg.Go(func() {
			if _, err := c.Ask(t.Context(), target, new(question), new(answer)); err != nil {
				t.Error(err)
			}
		})
	}
	for range running {
		<-arrived
	}
	for c.Stats()[3].Pending < waiting {
		runtime.Gosched()
	}
	for range more {
		if _, err := c.Ask(t.Context(), target, new(question), new(answer)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errOverflow) {
			t.Error(err)
		}
	}
	close(release)
	wg.Wait()
	if most.Load() != running {
		t.Errorf("%d at once, %d are allowed", most.Load(), running)
	}
	if s := c.Stats()[3]; s.InFlight != 0 || s.Pending != 0 || s.Requests["overflow"] != more || s.Requests["ok"] != running+waiting {
		t.Errorf("%+v", s)
	}
}

//effect:keys hooks.defaults.retries
func TestRetries(t *testing.T) {
	c := newClient(t, config.HookDefaults{Retries: 2})
	var n atomic.Int32
	url := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%3 != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"b":3}`)
	})
	var a answer
	if _, err := c.Ask(t.Context(), Target{Hook: Event, URL: url}, new(question), &a); err != nil || a.B != 3 || n.Load() != 3 {
		t.Error(a, n.Load(), err)
	}
	var failures atomic.Int32
	url = backend(t, func(w http.ResponseWriter, _ *http.Request) {
		failures.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	if _, err := c.Ask(t.Context(), Target{Hook: Event, URL: url}, new(question), &a); !errors.Is(err, ErrUnavailable) || failures.Load() != 3 {
		t.Error(failures.Load(), err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, err := c.Ask(t.Context(), Target{Hook: Event, URL: closed.URL}, new(question), &a); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestReload(t *testing.T) {
	c := newClient(t, config.HookDefaults{})
	url := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	if _, err := c.Ask(t.Context(), Target{Hook: Event, URL: url}, new(question), new(answer)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prepare(&config.Config{Hooks: config.Hooks{Defaults: config.HookDefaults{Secret: config.Secrets{"x"}}}}); err == nil {
		t.Error("a secret of another form was accepted")
	}
	kept := &config.Config{Namespaces: []config.Namespace{{Events: []config.EventRule{{URL: url}}}}}
	for _, step := range []struct {
		cfg  *config.Config
		left int
	}{{kept, 1}, {&config.Config{}, 0}} {
		apply, err := c.Prepare(step.cfg)
		if err != nil {
			t.Fatal(err)
		}
		apply()
		if len(c.hooks) != step.left {
			t.Errorf("%d hooks are kept, not %d", len(c.hooks), step.left)
		}
	}
}

// TestForm: a form for a backend that knows nothing of hooks, with its status.
func TestForm(t *testing.T) {
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("a") != "1 &" || r.Header.Get("X-More") != "y" || r.Header.Get("Webhook-Signature") != "" || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("%v %v", r.PostForm, r.Header)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "true")
	}))
	t.Cleanup(s.Close)
	cfg := &config.Config{}
	cfg.Hooks.Defaults = config.HookDefaults{Timeout: config.Duration(time.Minute), Concurrency: 1, MaxPending: 1, Secret: config.Secrets{config.Secret(signing.NewSecret())}}
	c := New("test")
	apply, err := c.Prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	apply()
	var reply bool
	ask := func() error {
		_, err := c.Form(t.Context(), Target{Hook: Channel, URL: s.URL}, http.Header{"X-More": {"y"}}, url.Values{"a": {"1 &"}}, &reply)
		return err
	}
	if err := ask(); err != nil || !reply {
		t.Errorf("%v %v", reply, err)
	}
	for code, kind := range map[int]error{401: ErrDenied, 403: ErrDenied, 419: ErrUnavailable, 500: ErrUnavailable} {
		status = code
		var told *StatusError
		if err := ask(); !errors.Is(err, kind) || !errors.As(err, &told) || told.Code != code || !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%d: %v", code, err)
		}
	}
	if n := c.count[Channel].stats().Requests; n["ok"] != 1 || n["denied"] != 2 || n["status"] != 2 {
		t.Errorf("%v", n)
	}
}
