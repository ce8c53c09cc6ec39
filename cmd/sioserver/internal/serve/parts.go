// The parts that stand around a server.

package serve

import (
	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/instrument"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/version"
)

// parts are made anew for each node and started in this order. They are stopped
// the other way round.
func parts(c *config.Config) (list []node.Part) {
	if c.Relay {
		list = append(list, relayPart{})
	} else {
		list = append(list, doors()...)
	}
	if i := c.Control.Instrument; i.Enabled {
		list = append(list, instrument.New(i))
	}
	return list
}

// doors are the parts that let clients in.
func doors() []node.Part {
	tokens, backend, users := auth.NewTokens(), hooks.New(version.Get().Version), connect.NewUsers()
	return []node.Part{tokens, backend, connect.New(tokens, backend, users)}
}
