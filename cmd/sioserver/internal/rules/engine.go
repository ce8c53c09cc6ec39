// Engine: the part of a node that handles clients' events.

package rules

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/presence"
	"github.com/sioserver/sioserver/loop"
)

// The limits that events meet, as names in [Stats.Limits].
const (
	limitEvents = iota
	limitBytes
	limitRuleRate
	limitRuleBytes
	limitLane
	limitPending
	limitMembers
	limitCount
)

var limitNames = [limitCount]string{"events_per_second", "bytes_per_second", "rule_rate", "rule_max_bytes", "socket_pending_events", "max_pending", "echo_max_members"}

// Engine handles the events of clients by the rules of their namespaces. It is a
// [node.Part]; its other methods may be called from any goroutine.
type Engine struct {
	tokens   *auth.Tokens
	hooks    *hooks.Client
	gate     *connect.Gate
	users    *connect.Users
	presence *presence.Tracker
	node     *node.Node
	log      *slog.Logger
	began    time.Time // of the clock of the buckets
	loops    int
	limits   [limitCount]*counter
	unruled  *counter // events without a rule
	lanes    lanes
	ids      atomic.Uint64 // of what $publish sends

	mu         sync.Mutex
	labels     map[string]*counter // of metrics.event_labels since the start
	namespaces map[string]*namespace
}

// namespace is what handles the events of one namespace.
type namespace struct {
	engine *Engine
	ns     *loop.Namespace
	table  atomic.Pointer[table]
}

// New returns an engine.
func New(tokens *auth.Tokens, h *hooks.Client, gate *connect.Gate, users *connect.Users, p *presence.Tracker) *Engine {
	return &Engine{tokens: tokens, hooks: h, gate: gate, users: users, presence: p, began: time.Now(), namespaces: map[string]*namespace{}, labels: map[string]*counter{}}
}

// Start implements [node.Part].
func (e *Engine) Start(_ context.Context, n *node.Node) error {
	e.node, e.log, e.loops = n, n.Log, len(n.Server.Loops())
	for i := range e.limits {
		e.limits[i] = newCounter(e.loops)
	}
	e.unruled = newCounter(e.loops)
	apply, err := e.Prepare(n.Config())
	if err == nil {
		apply()
	}
	return err
}

// Prepare implements [node.Part].
func (e *Engine) Prepare(c *config.Config) (apply func(), err error) {
	tables := map[string]*table{}
	for i := range c.Namespaces {
		ns := &c.Namespaces[i]
		t, err := compile(c, ns, e.loopCount())
		if err != nil {
			return nil, err
		}
		tables[ns.Name] = t
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.lanes.most.Store(int64(c.Hooks.Defaults.MaxPending))
		named := e.named(c.Metrics.EventLabels)
		for name, t := range tables {
			t.named = named
			n := e.namespaces[name]
			if n == nil {
				n = &namespace{engine: e, ns: e.node.Server.Of(name)}
				n.table.Store(t)
				e.namespaces[name] = n
				n.register(t.echo != nil)
				continue
			}
			n.table.Store(t)
		}
	}, nil
}

// named are the counters of the events whose names are labels, nil if there are
// none. Those that were there before go on. mu is held.
func (e *Engine) named(labels []string) map[string]*counter {
	if len(labels) == 0 {
		return nil
	}
	named := map[string]*counter{}
	for _, name := range append([]string{otherEvents}, labels...) {
		c := e.labels[name]
		if c == nil {
			c = newCounter(e.loops)
			e.labels[name] = c
		}
		named[name] = c
	}
	return named
}

// loopCount is for configurations that are checked without a server.
func (e *Engine) loopCount() int {
	if e.loops == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return e.loops
}

// register registers the handlers of a namespace. echo is for that of Laravel
// Echo.
func (n *namespace) register(echo bool) {
	n.ns.OnAny(n.event, loop.Inline())
	names := commandNames
	if echo {
		names = append(slices.Clone(names), echoSubscribe)
	}
	for _, name := range names {
		// The handler above does the work. That this one is not inline brings the
		// event off the loop, in order with the socket's others.
		n.ns.On(name, func(*loop.Socket, *loop.Event) {})
	}
}

// Check reports what is wrong with the rules of a configuration.
func Check(c *config.Config) error {
	_, err := new(Engine).Prepare(c)
	return err
}

// Stop implements [node.Part]: hooks that are under way are waited for.
func (e *Engine) Stop(ctx context.Context) error { return e.lanes.wait(ctx) }

// Stats are the counters of the rules.
type Stats struct {
	Rules  []RuleStats
	Limits map[string]uint64 // events refused, by limit
	None   uint64            // events without a rule
	// Named are the events whose names are in metrics.event_labels, now or before,
	// and the others as "other"; nil if there never were any.
	Named map[string]uint64
}

// RuleStats are the counters of a rule since it was read.
type RuleStats struct {
	Namespace, Rule string // the rule's first name
	Events, Refused uint64
}

// Stats are the counters so far.
func (e *Engine) Stats() Stats {
	s := Stats{Limits: map[string]uint64{}, None: e.unruled.total()}
	for i, c := range e.limits {
		s.Limits[limitNames[i]] = c.total()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, n := range e.namespaces {
		for _, r := range n.table.Load().rules {
			s.Rules = append(s.Rules, RuleStats{name, r.label, r.events.total(), r.refused.total()})
		}
	}
	for name, c := range e.labels {
		if s.Named == nil {
			s.Named = map[string]uint64{}
		}
		s.Named[name] = c.total()
	}
	return s
}
