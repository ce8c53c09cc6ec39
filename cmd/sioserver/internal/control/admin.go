// Administration: reload, drain, log level, webhooks.

package control

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

var errMissing = fail(codeNotAvailable, "this server has none")

func (x *call) reload() (any, error) {
	r := x.node.ReadAgain()
	if !r.OK {
		return nil, &apiError{Code: codeInvalidField, Field: "config", Message: "nothing was changed: " + r.Rejected.Error()}
	}
	x.node.Log.Info("the configuration was read again for the API", "key", x.key.name, "id", x.id)
	return r, nil
}

// drainRequest is the body of POST /admin/drain. Without a field it is what is
// configured.
type drainRequest struct {
	Over string `json:"over,omitempty"` // as in 30s
	Rate string `json:"rate,omitempty"` // as in 500/s
}

func (x *call) drain() (any, error) {
	if x.opts.Drain == nil {
		return nil, errMissing
	}
	var r drainRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	var over time.Duration
	if r.Over != "" {
		var err error
		if over, err = time.ParseDuration(r.Over); err != nil || over <= 0 {
			return nil, invalid("over", "it is %q, it must be a time such as 30s", r.Over)
		}
	}
	rate := 0.0
	if r.Rate != "" {
		var err error
		if rate, err = strconv.ParseFloat(strings.TrimSuffix(r.Rate, "/s"), 64); err != nil || !(rate > 0) {
			return nil, invalid("rate", "it is %q, it must be a rate such as 500/s", r.Rate)
		}
	}
	if !x.opts.Drain.Begin(over, rate) {
		return nil, fail(codeConflict, "the server is draining already")
	}
	x.node.Log.Warn("a drain was asked for by the API", "key", x.key.name, "id", x.id)
	return x.opts.Drain.Status(), nil
}

func (x *call) undrain() (any, error) {
	if x.opts.Drain == nil {
		return nil, errMissing
	}
	if !x.opts.Drain.Cancel() {
		return nil, fail(codeConflict, "there is no drain, or it is too late")
	}
	return x.opts.Drain.Status(), nil
}

func (x *call) drainStatus() (any, error) {
	if x.opts.Drain == nil {
		return nil, errMissing
	}
	return x.opts.Drain.Status(), nil
}

// levelRequest is the body of POST /admin/log-level.
type levelRequest struct {
	Level string `json:"level"`
	For   string `json:"for,omitempty"` // then it is again what it was
}

// levelResult is the level of the log.
type levelResult struct {
	Level  string `json:"level"`
	Before string `json:"before"`
}

// levels brings the log back to its level.
type levels struct {
	mu    sync.Mutex
	timer *time.Timer
	was   slog.Level
}

func (x *call) logLevel() (any, error) {
	v := x.node.Level
	var r levelRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(r.Level)); err != nil {
		return nil, invalid("level", "it is %q, it must be debug, info, warn or error", r.Level)
	}
	var d time.Duration
	if r.For != "" {
		var err error
		if d, err = time.ParseDuration(r.For); err != nil || d <= 0 || d > 24*time.Hour {
			return nil, invalid("for", "it is %q, it must be a time such as 10m, a day at most", r.For)
		}
	}
	l := &x.levels
	l.mu.Lock()
	defer l.mu.Unlock()
	before := v.Level()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	} else {
		l.was = before
	}
	v.Set(level)
	if d > 0 {
		l.timer = time.AfterFunc(d, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			v.Set(l.was)
			l.timer = nil
		})
	}
	x.node.Log.Warn("the log level is changed by the API", "level", level, "for", d, "key", x.key.name)
	return levelResult{strings.ToLower(level.String()), strings.ToLower(before.String())}, nil
}

func (x *call) webhooks() (any, error) {
	if x.opts.Webhooks == nil {
		return listed[any]{Items: []any{}}, nil
	}
	return x.opts.Webhooks.Status(), nil
}

func (x *call) retryWebhook() (any, error) {
	name := x.r.PathValue("name")
	if x.opts.Webhooks == nil || !x.opts.Webhooks.Retry(name) {
		return nil, fail(codeNotFound, "there is no webhook %q", name)
	}
	return map[string]string{"webhook": name}, nil
}
