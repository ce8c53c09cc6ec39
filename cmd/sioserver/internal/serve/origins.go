// Which pages may use the server: rules that a reload can change.

package serve

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// origins is the part that knows the rules in force.
type origins struct{ now atomic.Pointer[loop.CORS] }

// cors is what the server asks.
func (o *origins) cors() *loop.CORS {
	return &loop.CORS{For: func(*http.Request) (*loop.CORS, error) { return o.now.Load(), nil }}
}

// Start implements [node.Part].
func (o *origins) Start(_ context.Context, n *node.Node) error {
	o.now.Store(corsOf(n.Config()))
	return nil
}

// Prepare implements [node.Part].
func (o *origins) Prepare(c *config.Config) (func(), error) {
	rules := corsOf(c)
	return func() { o.now.Store(rules) }, nil
}

// Stop implements [node.Part].
func (o *origins) Stop(context.Context) error { return nil }

// devOrigins are pages of this machine, as development servers serve them.
var devOrigins = regexp.MustCompile(`https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?`)

// corsOf are the rules of a configuration, nil for pages of the server's own
// host alone.
func corsOf(c *config.Config) *loop.CORS {
	e := c.Engine.CORS
	r := &loop.CORS{Credentials: e.Credentials, AllowedHeaders: e.Headers, MaxAge: time.Duration(e.MaxAge)}
	for _, o := range c.Auth.AllowedOrigins {
		switch {
		case o == "*":
			// Browsers send no cookies to a server that names no origin.
			return &loop.CORS{Origin: "*", AllowedHeaders: e.Headers, MaxAge: r.MaxAge}
		case strings.Contains(o, "*"):
			r.OriginPatterns = append(r.OriginPatterns, originPattern(o))
		default:
			r.Origins = append(r.Origins, o)
		}
	}
	switch {
	case len(r.Origins)+len(r.OriginPatterns) > 0:
		return r
	case c.Dev:
		r.OriginPatterns = []*regexp.Regexp{devOrigins}
		return r
	}
	return nil
}

// originPattern is an origin with * for a part of its host or its port.
func originPattern(o string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(o), `\*`, `[a-z0-9-]+(\.[a-z0-9-]+)*`))
}
