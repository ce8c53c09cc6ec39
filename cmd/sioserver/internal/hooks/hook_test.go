package hooks

import (
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

//effect:keys hooks.defaults.breaker.failures hooks.defaults.breaker.window hooks.defaults.breaker.open_for
func TestBreaker(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	h := &hook{now: func() time.Time { return now }}
	s := &settings{HookDefaults: config.HookDefaults{Concurrency: 10, Breaker: config.Breaker{
		Failures: 3, Window: config.Duration(10 * time.Second), OpenFor: config.Duration(5 * time.Second),
	}}}
	ask := func(failed bool) bool {
		t.Helper()
		if result, err := h.enter(t.Context(), s); err != nil {
			if result != "breaker" {
				t.Errorf("refused as %s", result)
			}
			return false
		}
		h.leave()
		h.outcome(s, failed)
		return true
	}
	expect := func(what string, asked, want bool) {
		t.Helper()
		if asked != want {
			t.Errorf("%s: asked %v", what, asked)
		}
	}
	expect("first", ask(true), true)
	expect("second", ask(true), true)
	expect("a success begins anew", ask(false), true)
	expect("first again", ask(true), true)
	expect("second again", ask(true), true)
	now = now.Add(11 * time.Second)
	expect("third, but out of the window", ask(true), true)
	expect("second in the window", ask(true), true)
	expect("third in the window", ask(true), true)
	expect("open", ask(false), false)
	now = now.Add(4999 * time.Millisecond)
	expect("still open", ask(false), false)
	now = now.Add(time.Millisecond)
	if _, err := h.enter(t.Context(), s); err != nil {
		t.Fatal("nobody may try:", err)
	}
	expect("one tries, not two", ask(false), false)
	h.leave()
	h.outcome(s, true)
	expect("it is not well", ask(false), false)
	now = now.Add(5 * time.Second)
	expect("another try", ask(false), true)
	expect("well again", ask(true), true)
	if _, _, open := h.state(); open {
		t.Error("open after a success")
	}
	s.Breaker.Failures = 0
	for range 100 {
		expect("without a breaker", ask(true), true)
	}
}
