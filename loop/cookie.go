// The cookie with the id of the session, for proxies that route by it.

package loop

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Cookie is set by the answer to a polling handshake, its value the id of the
// session. Proxies can route by it; the server never reads it. The zero Cookie
// is the reference's cookie "io".
type Cookie struct {
	// Name is the cookie's name. Default: "io".
	Name string
	// Path is the path it is sent for. Default: "/".
	Path string
	// NoPath leaves the path out: the cookie is sent for the engine's path.
	NoPath bool
	// Domain is the domain it is sent to. Default: the host that set it, only.
	Domain string
	// MaxAge is how long it is kept, in whole seconds, and Expires until when.
	// Default: until the browser is closed.
	MaxAge  time.Duration
	Expires time.Time
	// HTTPOnly keeps it from scripts. Default: enabled.
	HTTPOnly Switch
	// Secure lets it be sent over TLS only.
	Secure bool
	// SameSite says whether requests from other sites carry it. Default:
	// [http.SameSiteLaxMode]. Requests from other sites need
	// [http.SameSiteNoneMode] and Secure.
	SameSite http.SameSite
	// Partitioned keeps it apart for each site that embeds this one. It needs
	// Secure.
	Partitioned bool
}

// http is the cookie with a value.
func (k *Cookie) http(value string) *http.Cookie {
	c := &http.Cookie{
		Name: k.Name, Value: value, Path: k.Path, Domain: k.Domain, Expires: k.Expires, MaxAge: int(k.MaxAge / time.Second),
		HttpOnly: k.HTTPOnly.or(true), Secure: k.Secure, SameSite: k.SameSite, Partitioned: k.Partitioned,
	}
	setDefault(&c.Name, "io")
	setDefault(&c.Path, "/")
	setDefault(&c.SameSite, http.SameSiteLaxMode)
	if k.NoPath {
		c.Path = ""
	}
	return c
}

// split are the cookie's name, and its attributes as they go on the wire.
func (k *Cookie) split() (name, attributes string) {
	c := k.http("v")
	_, attributes, _ = strings.Cut(c.String(), "=v")
	return c.Name, attributes
}

// validate returns all that is wrong with the cookie.
func (k *Cookie) validate() (errs []error) {
	if k == nil {
		return nil
	}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("loop: Cookie."+format, args...))
		}
	}
	check(k.Path == "" || !k.NoPath, "NoPath cannot go with Path %q", k.Path)
	check(k.MaxAge >= 0, "MaxAge is %s, it must not be negative", k.MaxAge)
	check(k.HTTPOnly >= Default && k.HTTPOnly <= Disabled, "HTTPOnly is %d, it must be Default, Enabled or Disabled", k.HTTPOnly)
	check(k.SameSite != http.SameSiteNoneMode || k.Secure, "SameSite none needs Secure, browsers refuse it otherwise")
	if err := k.http("v").Valid(); err != nil {
		errs = append(errs, fmt.Errorf("loop: Cookie: %w", err))
	}
	return errs
}
