// The parts that stand around a server.

package serve

import (
	"io/fs"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/drain"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/gate"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/ingest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/instrument"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/metrics"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/presence"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/rules"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/version"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/webhooks"
)

// parts are made anew for each node and started in this order. They are stopped
// the other way round. cluster tells of what joins the node to others, if something
// does.
func parts(c *config.Config, client fs.FS, cluster func() metrics.ClusterStats) (list []node.Part) {
	v := version.Get()
	g, d := gate.New(), drain.New()
	m := metrics.New(metrics.Options{Version: v.Version, Commit: v.Commit, Gate: g, Drain: d.Status})
	if cluster != nil {
		m.Register(metrics.Cluster(cluster))
	}
	o := control.Options{Version: v.Version, Health: g, Drain: d, Metrics: m.Handler()}
	if c.Relay {
		list = append(list, relayPart{})
	} else {
		list = append(list, doors(m, &o)...)
	}
	if i := c.Control.Instrument; i.Enabled {
		list = append(list, instrument.New(i))
	}
	var plane *control.Control
	in := ingest.New(RedisClient)
	g.Check("ingest", in.Ready)
	m.Register(in)
	list = append(list, g, d, m, in)
	if c.Control.AdminUI.Enabled {
		list = append(list, addAdmin(c, client, g, func() *control.Control { return plane }, &o))
	}
	// The control plane is the last, so that its middleware knows who a client is.
	plane = control.New(o)
	g.Check("drain", d.Ready)
	m.Register(plane.Collectors()...)
	return append(list, plane)
}

// doors are the parts that let clients in, handle their events, and tell of them.
// Webhooks begin before all others and end after them, so that they miss nothing.
func doors(m *metrics.Metrics, o *control.Options) []node.Part {
	v := version.Get().Version
	tokens, backend, users := auth.NewTokens(), hooks.New(v), connect.NewUsers()
	tell := webhooks.New(v, func(n *node.Node) webhooks.Counts {
		c := webhooks.Counts{Users: users.Count(), Draining: n.Server.Draining()}
		for _, ns := range n.Config().Namespaces {
			c.Sockets += n.Server.Of(ns.Name).ConnectedSockets()
		}
		return c
	})
	entry, tracker := connect.New(tokens, backend, users), presence.New(users)
	events := rules.New(tokens, backend, entry, users, tracker)
	m.Register(metrics.Hooks(backend.Stats), metrics.Webhooks(tell.Stats), metrics.Rules(events.Stats))
	o.Webhooks, o.Revoked = tell, tokens.Revoked()
	return []node.Part{tell, tokens, backend, entry, tracker, events}
}
