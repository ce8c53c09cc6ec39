// The options of package loop that a configuration stands for.

package serve

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
)

// ownRooms are rooms of a socket that limits.max_rooms_per_socket does not
// count: that of its user. That of its id package loop does not count.
const ownRooms = 1

// loopConfig makes the options of a server. What needs files, Redis or the
// running node is added by the caller.
func loopConfig(c *config.Config, client fs.FS, pages http.Handler, speak *tls.Config, log *slog.Logger) (loop.Config, error) {
	l := loop.Config{
		TLS:            speak,
		Loops:          c.Server.Loops,
		IOUring:        map[string]loop.Switch{"on": loop.Enabled, "off": loop.Disabled}[c.Server.IOUring],
		MaxConnections: maxConnections(c),
		Path:           c.Server.Path,
		Transports:     c.Engine.Transports,

		PingInterval:      time.Duration(c.Engine.PingInterval),
		PingTimeout:       time.Duration(c.Engine.PingTimeout),
		UpgradeTimeout:    time.Duration(c.Engine.UpgradeTimeout),
		KeepAliveTimeout:  time.Duration(c.Engine.KeepAlive),
		ConnectTimeout:    time.Duration(c.Engine.ConnectTimeout),
		MaxHTTPBufferSize: int64(c.Engine.MaxPayload),
		AllowEIO3:         c.Engine.AllowEIO3,

		ServeClient:   onOff(c.Server.ServeClient),
		ClientFiles:   client,
		DropHandshake: true,
		ReleaseMemory: true,
		Handlers:      handlers(c),
		Logger:        log,
		SlowPolicy:    slowPolicies[c.SlowConsumers.Policy],
		Limits: loop.Limits{
			OutboundBytes:    int(c.SlowConsumers.QueueBytes),
			OutboundMessages: c.SlowConsumers.QueueMessages,
			OutboundSlow:     int(c.SlowConsumers.DetectBytes),
			OutboundStall:    time.Duration(c.SlowConsumers.StallTimeout),
			Namespaces:       c.Limits.MaxSocketsPerConnection,
			Rooms:            c.Limits.MaxRoomsPerSocket + ownRooms,
			Packet:           socketio.Limits{EventName: c.Limits.EventNameMax},
		},
	}
	if c.Dev {
		l.HTTP = pages
	}
	if z := c.Engine.Compression; z.Enabled {
		l.PerMessageDeflate = &loop.PerMessageDeflate{Threshold: int(z.Threshold)}
		if z.ContextTakeover {
			l.PerMessageDeflate.ServerNoContextTakeover, l.PerMessageDeflate.ClientNoContextTakeover = loop.Disabled, loop.Disabled
		}
	}
	if r := recovery(c); r != nil {
		l.ConnectionStateRecovery = r
	}
	for _, text := range c.Server.TrustedProxies {
		if text == config.UnixPeers {
			continue // see listeners
		}
		p, err := config.Prefix(text)
		if err != nil {
			return l, err
		}
		l.TrustedProxies = append(l.TrustedProxies, netip.PrefixFrom(p.Addr(), p.Bits()))
	}
	return l, listeners(&l, c)
}

// maxConnections is the limit with those to spare, 0 for what open files allow.
func maxConnections(c *config.Config) int {
	if c.Limits.MaxConnections == 0 {
		return 0
	}
	return c.Limits.MaxConnections + min(c.Limits.MaxConnections, node.SpareConnections)
}

// slowPolicies are the values of slow_consumers.policy.
var slowPolicies = map[string]loop.SlowPolicy{
	"disconnect": loop.SlowClose, "drop_newest": loop.SlowDropNewest, "drop_oldest": loop.SlowDropOldest, "conflate": loop.SlowConflate,
}

// handlers is how many goroutines run handlers at most. Hooks at the connect and at
// $join wait on them for a backend, which must not keep others from running.
func handlers(c *config.Config) int {
	n := 0 // the default
	list := []string{c.Hooks.Connect.URL, c.Hooks.Join.URL, c.Hooks.Refresh.URL, c.Hooks.Event.URL}
	if c.LaravelEcho.Enabled {
		list = append(list, c.LaravelEcho.AuthURL)
	}
	for _, url := range list {
		if url != "" {
			n += 256 + c.Hooks.Defaults.Concurrency
		}
	}
	return n
}

// recovery is how clients come back, nil if they cannot: on this server, or with
// streams of Redis on any. Other clusters have none.
func recovery(c *config.Config) *loop.RecoveryConfig {
	if c.Relay || len(c.Namespaces) == 0 || !c.Namespaces[0].Recovery.Enabled {
		return nil
	}
	shared := c.Recovery.Backend == "redis_streams"
	if c.Cluster.Backend != "none" && !shared {
		return nil
	}
	r := &loop.RecoveryConfig{
		MaxDisconnectionDuration: time.Duration(c.Namespaces[0].Recovery.MaxDisconnection),
		MaxBytes:                 max(int(c.Recovery.MaxBytes)/len(c.Namespaces), 1),
		SkipMiddlewares:          loop.Disabled, // who may come in is asked again: a token may have expired meanwhile
	}
	if shared {
		r.RestoreData = restoreState
	}
	return r
}

// restoreState makes a socket's state of what the cluster has kept of it.
func restoreState(data []byte) (any, error) {
	st := new(session.State)
	if err := json.Unmarshal(data, st); err != nil {
		return nil, err
	}
	return st, nil
}

// listeners are the addresses.
func listeners(l *loop.Config, c *config.Config) error {
	proxy := map[string]loop.ProxyProtocol{"optional": loop.ProxyOptional, "required": loop.ProxyRequired}[c.Server.ProxyProtocol]
	l.Listen = []string{}
	for _, text := range c.Server.Listen {
		address, mode, err := config.Listener(text)
		if err != nil {
			return fmt.Errorf("server.listen: %w", err)
		}
		// A socket that was passed was made by whoever passed it.
		reuse := onOff(c.Server.ReusePort && !strings.HasPrefix(address, "fd:"))
		trusted := strings.HasPrefix(address, "unix:") && slices.Contains(c.Server.TrustedProxies, config.UnixPeers)
		l.Listeners = append(l.Listeners, loop.Listener{Address: address, Mode: mode, ReusePort: reuse, ProxyProtocol: proxy, Trusted: trusted, TLS: l.TLS})
	}
	l.TLS = nil
	return nil
}

func onOff(on bool) loop.Switch {
	if on {
		return loop.Enabled
	}
	return loop.Disabled
}
