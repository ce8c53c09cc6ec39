// Origins: which pages may connect.

package auth

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// Origins are the rules about pages of other origins, which a running server
// replaces. It is a [node.Part].
type Origins struct{ rules atomic.Pointer[loop.CORS] }

// NewOrigins makes the rules of a configuration.
func NewOrigins(c *config.Config) (*Origins, error) {
	o := new(Origins)
	apply, err := o.Prepare(c)
	if err != nil {
		return nil, err
	}
	apply()
	return o, nil
}

// CORS is for the field of this name in [loop.Config].
func (o *Origins) CORS() *loop.CORS {
	return &loop.CORS{For: func(*http.Request) (*loop.CORS, error) { return o.rules.Load(), nil }}
}

// Start implements [node.Part].
func (o *Origins) Start(context.Context, *node.Node) error { return nil }

// Stop implements [node.Part].
func (o *Origins) Stop(context.Context) error { return nil }

// Prepare implements [node.Part].
func (o *Origins) Prepare(c *config.Config) (apply func(), err error) {
	rules, err := compileOrigins(c)
	if err != nil {
		return nil, err
	}
	return func() { o.rules.Store(rules) }, nil
}

// compileOrigins is nil if pages of the server's own host only may connect.
func compileOrigins(c *config.Config) (*loop.CORS, error) {
	if len(c.Auth.AllowedOrigins) == 0 {
		return nil, nil
	}
	e := &c.Engine.CORS
	rules := &loop.CORS{
		Credentials: e.Credentials, AllowedHeaders: e.Headers, MaxAge: time.Duration(e.MaxAge).Truncate(time.Second),
	}
	for _, text := range c.Auth.AllowedOrigins {
		switch {
		case text == "*":
			// Never with credentials: naming every origin that asks would let any page act
			// with the cookies of its visitors.
			return &loop.CORS{Origin: "*", AllowedHeaders: rules.AllowedHeaders, MaxAge: rules.MaxAge}, nil
		case !strings.Contains(text, "://") && text != "null":
			return nil, fmt.Errorf("auth.allowed_origins: %q is no origin: write it as browsers send it, such as https://example.com", text)
		case strings.Contains(text, "*"):
			parts := strings.Split(strings.ToLower(text), "*")
			for i, p := range parts {
				parts[i] = regexp.QuoteMeta(p)
			}
			rules.OriginPatterns = append(rules.OriginPatterns, regexp.MustCompile(strings.Join(parts, `[^/:@?#]+`)))
		default:
			rules.Origins = append(rules.Origins, strings.TrimSuffix(strings.ToLower(text), "/"))
		}
	}
	return rules, nil
}
