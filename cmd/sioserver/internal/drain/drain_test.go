// A node that takes leave of its clients, and comes back.

package drain

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// patience is how long is waited for what must come.
const patience = 20 * time.Second

func serving(t *testing.T, c config.Drain) (*Drainer, *node.Node, *looptest.Server) {
	t.Helper()
	s, err := loop.New(loop.Config{NoListen: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d := New()
	n := node.New("n1", "b1", &config.Config{Drain: c, Namespaces: []config.Namespace{{Name: "/"}}}, s, slog.New(slog.DiscardHandler))
	if err := n.Start(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d, n, looptest.Run(t, s)
}

// reached waits for a state.
func reached(t *testing.T, d *Drainer, state string) control.DrainStatus {
	t.Helper()
	return until(t, d, state, func(s control.DrainStatus) bool { return s.State == state })
}

// paced waits until clients go, and at which rate is known.
func paced(t *testing.T, d *Drainer) control.DrainStatus {
	t.Helper()
	reached(t, d, Closing)
	return until(t, d, "at a rate", func(s control.DrainStatus) bool { return s.Rate != 0 })
}

func until(t *testing.T, d *Drainer, what string, ok func(control.DrainStatus) bool) control.DrainStatus {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		if s := d.Status(); ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the drain is %+v, not %s", d.Status(), what)
		}
	}
}

const day = config.Duration(24 * time.Hour)

// TestBegin: not ready at once, clients are told and go, and the process is asked
// to end.
func TestBegin(t *testing.T) {
	d, n, s := serving(t, config.Drain{Timeout: day, Notify: true})
	told := make(chan string, 10)
	n.Bus.Subscribe(func(e *lifecycle.Event) { told <- e.Type })
	a, b := s.Connect("/", nil), s.Connect("/", nil)
	if ok, _ := d.Ready(); !ok {
		t.Error("not ready while it serves")
	}
	if !d.Begin(time.Millisecond, 0) || d.Begin(0, 0) {
		t.Error("a drain begins once")
	}
	if ok, state := d.Ready(); ok || state == Serving {
		t.Error("ready while it drains")
	}
	for _, c := range []*looptest.Socket{a, b} {
		e := c.Expect(drainingEvent)
		if in := e.Args.At(0).(map[string]any)["in_ms"]; in != 1.0 {
			t.Errorf("in_ms is %v", in)
		}
	}
	if kind := <-told; kind != lifecycle.NodeDraining {
		t.Error(kind)
	}
	select {
	case <-n.Quitting():
	case <-time.After(patience):
		t.Fatal("the process is not asked to end")
	}
	if x := d.Status(); x.State != Drained || x.Total != 2 || x.Remaining != 0 || n.Server.ClientsCount() != 0 {
		t.Errorf("%+v", x)
	}
	if d.Cancel() {
		t.Error("a drain that is over was cancelled")
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Errorf("the drain of a signal that comes late: %v", err)
	}
}

// TestCancel: in both states, the node is back in service.
//
//effect:keys drain.pre_stop drain.over
func TestCancel(t *testing.T) {
	d, n, s := serving(t, config.Drain{PreStop: day, Timeout: day})
	if d.Cancel() {
		t.Error("nothing was cancelled")
	}
	for range 3 {
		s.Connect("/", nil)
	}
	d.Begin(0, 0)
	if x := reached(t, d, PreStop); x.Remaining != 3 || x.Since.IsZero() {
		t.Errorf("%+v", x)
	}
	if !d.Cancel() || d.Status().State != Serving {
		t.Errorf("%+v", d.Status())
	}
	s.Connect("/", nil)
	next := *n.Config()
	next.Drain.PreStop = 0
	if err := n.Reload(&next); err != nil {
		t.Fatal(err)
	}
	d.Begin(24*time.Hour, 0)
	x := paced(t, d)
	if x.ETA == 0 || x.Total != 4 {
		t.Errorf("%+v", x)
	}
	if !d.Cancel() {
		t.Errorf("%+v", d.Status())
	}
	s.Connect("/", nil)
	select {
	case <-n.Quitting():
		t.Error("a cancelled drain asks the process to end")
	default:
	}
	// As a signal asks for it, which waits.
	next.Drain.Over = 0
	if err := n.Reload(&next); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.Drain(ctx); err != nil || n.Server.ClientsCount() != 0 {
		t.Errorf("%v, %d clients", err, n.Server.ClientsCount())
	}
}

// TestTimeout: what does not end in its time is over.
//
//effect:keys drain.timeout
func TestTimeout(t *testing.T) {
	d, _, s := serving(t, config.Drain{Over: day, Timeout: config.Duration(time.Millisecond)})
	s.Connect("/", nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.Drain(ctx); err != nil {
		t.Errorf("the end goes on: %v", err)
	}
	if x := d.Status(); x.State != Drained {
		t.Errorf("%+v", x)
	}
	// A signal cuts it short.
	d, _, s = serving(t, config.Drain{PreStop: day, Timeout: day})
	s.Connect("/", nil)
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := d.Drain(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// TestQuiet: clients that are not to be told go without a word.
//
//effect:keys drain.notify
func TestQuiet(t *testing.T) {
	d, _, s := serving(t, config.Drain{Timeout: day})
	a := s.Connect("/", nil)
	d.Begin(time.Millisecond, 0)
	a.ExpectDisconnect()
	if x := reached(t, d, Drained); x.Remaining != 0 {
		t.Errorf("%+v", x)
	}
	a.ExpectNothing()
}

// TestMaxRate: a rate holds however short the time is in which all could go.
//
//effect:keys drain.max_rate
func TestMaxRate(t *testing.T) {
	d, n, s := serving(t, config.Drain{Over: config.Duration(time.Millisecond), MaxRate: 1e-6, Timeout: day})
	for range 3 {
		s.Connect("/", nil)
	}
	d.Begin(0, 0)
	x := paced(t, d)
	if x.Rate != 1e-6 || n.Server.ClientsCount() < 2 {
		t.Errorf("%+v, %d clients", x, n.Server.ClientsCount())
	}
	d.Cancel()
}
