// Which pages may use the server in development mode.

package serve

import (
	"regexp"

	"github.com/sioserver/sioserver/loop"
)

// devOrigins are pages of this machine, as development servers serve them. The
// rules are fixed, so that no request has to wait for an answer about them.
var devOrigins = &loop.CORS{
	OriginPatterns: []*regexp.Regexp{regexp.MustCompile(`https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?`)},
	Credentials:    true,
}
