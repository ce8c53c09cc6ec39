// The level of the log, which a reload changes.

package serve

import (
	"context"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// levelPart is the part that sets it.
type levelPart struct{ n *node.Node }

// Start implements [node.Part].
func (p *levelPart) Start(_ context.Context, n *node.Node) error {
	p.n = n
	return nil
}

// Prepare implements [node.Part].
func (p *levelPart) Prepare(c *config.Config) (func(), error) {
	return func() { p.n.Level.Set(levelOf(c.Log.Level)) }, nil
}

// Stop implements [node.Part].
func (p *levelPart) Stop(context.Context) error { return nil }
