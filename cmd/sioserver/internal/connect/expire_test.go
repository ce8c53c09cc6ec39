// What follows when a token expires: by the configuration, or when the backend does not answer.

package connect_test

import (
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/loop"
)

// TestIgnored: who may stay stays, beside one that came later and has to go.
//
//effect:keys auth.on_expire.action
func TestIgnored(t *testing.T) {
	t.Parallel()
	stay, leave := withTokens(nodetest.Config()), withTokens(nodetest.Config())
	stay.Auth.OnExpire.Action = "ignore"
	// Tokens that have expired are good for an hour, and what follows comes at once.
	stay.Auth.JWT.Leeway, leave.Auth.JWT.Leeway = config.Duration(time.Hour), config.Duration(time.Hour)
	a := start(t, stay, loop.Config{})
	a.Connect("/", token(t, stay, -time.Minute, nil))
	s := <-a.in
	b := start(t, leave, loop.Config{})
	b.Connect("/", token(t, leave, -time.Minute, nil)).ExpectDisconnect()
	if !s.Connected() {
		t.Error("it was disconnected")
	}
}

// TestRefreshTimeout: a backend that does not answer in time has not refreshed
// anything, and the client is warned.
//
//effect:keys hooks.refresh.timeout
func TestRefreshTimeout(t *testing.T) {
	t.Parallel()
	c := withTokens(nodetest.Config())
	c.Auth.OnExpire.WarnBefore = config.Duration(time.Hour)
	c.Hooks.Defaults.Timeout = config.Duration(time.Hour)
	c.Hooks.Refresh = config.Hook{URL: nodetest.Silent(t), Timeout: config.Duration(20 * time.Millisecond)}
	f := start(t, c, loop.Config{})
	f.Connect("/", token(t, c, 10*time.Minute, nil)).Expect("$token:expiring")
}
