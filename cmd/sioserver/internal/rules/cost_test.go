//go:build !race

package rules

import (
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/presence"
	"github.com/sioserver/sioserver/loop"
)

// onLoop calls measure on a loop with an event of the arguments, for the rules.
func onLoop(t testing.TB, rules []config.EventRule, event string, args []any, measure func(handle func())) {
	c := nodetest.Config()
	c.Namespaces[0].Events = rules
	c.Limits.EventsPerSecond, c.Limits.BytesPerSecond = 1e9, 1e12
	tokens, h, users := auth.NewTokens(), hooks.New("test"), connect.NewUsers()
	gate, tracker := connect.New(tokens, h, users), presence.New(users)
	e := New(tokens, h, gate, users, tracker)
	n := nodetest.Start(t, c, loop.Config{}, tokens, h, gate, tracker, e)
	done := make(chan struct{})
	first := true
	n.Node.Server.On(event, func(s *loop.Socket, x *loop.Event) {
		if first {
			first = false
			measure(func() { e.namespaces["/"].event(s, x) })
			close(done)
		}
	}, loop.Inline())
	client := n.Connect("/", nil)
	n.Settle()
	client.Emit(event, args...)
	<-done
}

// relays are the rules whose cost matters.
var relays = []struct {
	name   string
	rule   config.EventRule
	args   []any
	allocs float64
}{
	{"echo", config.EventRule{To: "{sid}", IncludeSender: true}, []any{1, map[string]any{"a": []any{true, "text"}}}, 0},
	{"ack", config.EventRule{Action: "ack", Ack: []any{1}}, nil, 0},
	{"deny", config.EventRule{Action: "deny"}, nil, 0},
	// The relay of --dev has as many for a room.
	{"room", config.EventRule{To: "{data.room}"}, []any{map[string]any{"x": 1, "room": "chat:7"}}, 4},
}

func TestRelayAllocates(t *testing.T) {
	for _, x := range relays {
		r := x.rule
		if r.Match = []string{"e"}; r.Action == "" {
			r.Action = "relay"
		}
		onLoop(t, []config.EventRule{{Match: []string{"a", "b.*"}, Action: "deny"}, r}, "e", x.args, func(handle func()) {
			handle()
			if n := testing.AllocsPerRun(100, handle); n > x.allocs {
				t.Errorf("%s: %v allocations, %v are allowed", x.name, n, x.allocs)
			}
		})
	}
}

// BenchmarkRules: what the rules cost for each event, without the way in and
// out.
func BenchmarkRules(b *testing.B) {
	for _, x := range relays {
		if x.name == "echo" {
			continue // its output would pile up
		}
		b.Run(x.name, func(b *testing.B) {
			r := x.rule
			if r.Match = []string{"e"}; r.Action == "" {
				r.Action = "relay"
			}
			b.ReportAllocs()
			onLoop(b, []config.EventRule{{Match: []string{"a", "b.*"}, Action: "deny"}, r}, "e", x.args, func(handle func()) {
				for b.Loop() {
					handle()
				}
			})
		})
	}
}
