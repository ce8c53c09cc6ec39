// Backends that do not answer: how long each hook waits.

package rules_test

import (
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// TestTimeouts: each hook has a time of its own, beside that of all, which is far
// longer than this test.
//
//effect:keys hooks.connect.timeout hooks.join.timeout hooks.event.timeout namespaces[].events[].ack_timeout
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const short = config.Duration(20 * time.Millisecond)
	url := nodetest.Silent(t)
	c := nodetest.Config()
	c.Hooks.Defaults.Timeout = config.Duration(time.Hour)
	c.Hooks.Join, c.Hooks.Event = config.Hook{URL: url, Timeout: short}, config.Hook{URL: url, Timeout: short}
	c.Namespaces[0].Rooms = []config.RoomRule{{Match: "*", Join: "hook", Publish: "hook"}}
	c.Namespaces[0].Events = []config.EventRule{{Match: []string{"order"}, Action: "hook", Order: "none", AckTimeout: short}}
	f := start(t, c)
	a := f.as(t, "1", nil)
	told(t, "an event", a.EmitWithAck("order"), fails("unavailable", "backend timeout"))
	told(t, "$join", a.EmitWithAck("$join", room("r")), refused("unavailable", "backend timeout"))
	told(t, "$publish", a.EmitWithAck("$publish", map[string]any{"room": "r", "event": "e"}), refused("unavailable", "backend timeout"))
	f.Reload(t, func(c *config.Config) {
		c.Hooks.Connect = config.ConnectHook{URL: url, Timeout: short, When: "always", OnFailure: "deny"}
	})
	if _, err := f.Dial(looptest.Options{}); err == nil || err.(*loop.Error).Message != "unavailable" {
		t.Errorf("a connect: %v", err)
	}
}
