// What must hold between values: who may come in, and what backends are asked.

package config

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// bcryptForm is a password's hash as bcrypt makes it.
var bcryptForm = regexp.MustCompile(`^\$2[abxy]\$[0-3][0-9]\$[./A-Za-z0-9]{53}$`)

func (c *check) auth() {
	a := c.loaded.Auth
	c.origins()
	if i := c.loaded.Control.Instrument; i.Enabled && !bcryptForm.MatchString(string(i.Password)) {
		c.wrong("control.instrument.password", "it must be a bcrypt hash, as htpasswd -nbB \"\" PASSWORD prints it behind the colon")
	}
	if a.UserHeader != "" && len(c.loaded.Server.TrustedProxies) == 0 {
		c.wrong("auth.user_header", "it is believed from server.trusted_proxies only: give the networks of the gateway")
	}
	if a.JWT.Enabled {
		c.jwt()
	} else if c.loaded.Given("auth.jwt") && (len(a.JWT.HMACSecret)+len(a.JWT.PublicKeys) > 0 || a.JWT.JWKS.URL != "") && !c.loaded.Given("auth.jwt.enabled") {
		c.wrong("auth.jwt.enabled", "there are keys for tokens, and tokens are off: set it to true")
	}
	if c.loaded.Dev {
		return
	}
	if a.Required && !c.method() && !c.allOpen() {
		message := "nobody could connect, because nothing says who may. Enable auth.jwt, set hooks.connect.url, or auth.user_header behind a gateway; auth.required: false lets everybody in, and --dev does on this machine alone"
		if len(c.loaded.Control.Keys) == 0 {
			message += ". There is no API key either (control.keys). \"sioserver init\" writes a configuration with both"
		}
		c.wrong("auth", "%s", message)
	}
	if !a.Required && !c.method() && !c.loaded.LaravelEcho.Enabled {
		c.warn("auth.required", "everybody may connect, and there is no way to be known")
	}
}

// method reports whether clients can show who they are.
func (c *check) method() bool {
	a := c.loaded.Auth
	return a.JWT.Enabled || a.UserHeader != "" || c.loaded.Hooks.Connect.URL != ""
}

// allOpen reports whether every namespace says itself that it is open.
func (c *check) allOpen() bool {
	return len(c.loaded.Namespaces) > 0 && !slices.ContainsFunc(c.loaded.Namespaces, func(n Namespace) bool { return n.Auth != "none" })
}

// originForm is an origin as browsers send it, with * for a part of the host's
// name or for the port.
var originForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[a-z0-9*.\-\[\]:]+(:[0-9]+|:\*)?$`)

func (c *check) origins() {
	for i, o := range c.loaded.Auth.AllowedOrigins {
		if o != "*" && o != "null" && !originForm.MatchString(o) {
			c.wrong(fmt.Sprintf("auth.allowed_origins[%d]", i), "%q must be an origin as browsers send it, as in https://app.example or https://*.app.example:8443, in small letters and without a path; \"*\" is every origin", o)
		}
		if o == "*" && c.loaded.Engine.CORS.Credentials && c.loaded.Given("engine.cors.credentials") {
			c.warn("engine.cors.credentials", "browsers send no cookies to a server that allows every origin: name the origins in auth.allowed_origins if they must")
		}
	}
}

func (c *check) jwt() {
	j := c.loaded.Auth.JWT
	var hmac, public bool
	for _, a := range j.Algorithms {
		if strings.HasPrefix(a, "HS") {
			hmac = true
		} else {
			public = true
		}
	}
	publicKeys := len(j.PublicKeys) > 0 || j.JWKS.URL != ""
	switch {
	case !hmac && !public:
		c.wrong("auth.jwt.algorithms", "there must be one at least")
	case len(j.HMACSecret) == 0 && !publicKeys:
		c.wrong("auth.jwt", "tokens need a key: hmac_secret, public_keys or jwks.url. \"sioserver secret new --kind jwt\" makes a secret")
	case hmac && len(j.HMACSecret) == 0:
		c.wrong("auth.jwt.algorithms", "it has an algorithm with a secret (HS...), and there is no hmac_secret: take it out, since a public key must never verify those")
	case !hmac && len(j.HMACSecret) > 0:
		c.wrong("auth.jwt.hmac_secret", "no algorithm in auth.jwt.algorithms uses it: HS256, HS384, HS512 do")
	case public && !publicKeys:
		c.wrong("auth.jwt.algorithms", "it has an algorithm with public keys, and there are none: give public_keys or jwks.url")
	case !public && publicKeys:
		c.wrong("auth.jwt.algorithms", "there are public keys, and no algorithm uses them: add RS256, ES256 or what they are for")
	}
	for i, s := range j.HMACSecret {
		path := fmt.Sprintf("auth.jwt.hmac_secret[%d]", i)
		switch {
		case strings.Contains(string(s), "-----BEGIN"):
			c.wrong(path, "this is a key in PEM form, not a secret: put a public one into public_keys, with its algorithm")
		case len(s) < 32:
			c.wrong(path, "it has %d bytes, it must have 32 at least. \"sioserver secret new --kind jwt\" makes one", len(s))
		}
	}
	for i, k := range j.PublicKeys {
		path := fmt.Sprintf("auth.jwt.public_keys[%d]", i)
		if block, _ := pem.Decode([]byte(k.PEM)); block == nil {
			c.wrong(path+".pem", "it must be a key in PEM form, beginning with -----BEGIN PUBLIC KEY-----")
		} else if strings.Contains(block.Type, "PRIVATE") {
			c.wrong(path+".pem", "this is a private key, which has no place on a server that only verifies: give the public one")
		}
		if !slices.Contains(j.Algorithms, k.Algorithm) {
			c.wrong(path+".algorithm", "%s is not in auth.jwt.algorithms", k.Algorithm)
		}
	}
	for i, f := range j.From {
		where, name, _ := strings.Cut(f, ".")
		if !slices.Contains([]string{"auth", "header", "query"}, where) || name == "" {
			c.wrong(fmt.Sprintf("auth.jwt.from[%d]", i), "%q must be auth.NAME, header.NAME or query.NAME", f)
		}
	}
	c.web("auth.jwt.jwks.url", j.JWKS.URL)
	if j.JWKS.MaxStale < j.JWKS.Refresh {
		c.wrong("auth.jwt.jwks.max_stale", "%s must not be less than auth.jwt.jwks.refresh, %s", j.JWKS.MaxStale, j.JWKS.Refresh)
	}
}

func (c *check) hooks() {
	h := c.loaded.Hooks
	used := false
	for _, v := range []struct{ path, url string }{
		{"hooks.connect.url", h.Connect.URL}, {"hooks.join.url", h.Join.URL}, {"hooks.refresh.url", h.Refresh.URL}, {"hooks.event.url", h.Event.URL},
	} {
		c.web(v.path, v.url)
		used = used || v.url != ""
	}
	c.signing("hooks.defaults.secret", h.Defaults.Secret)
	if used && len(h.Defaults.Secret) == 0 {
		c.warn("hooks.defaults.secret", "there is none: the backend cannot tell our requests from those of others. \"sioserver secret new --kind webhook\" makes one")
	}
}

// signing looks at secrets that sign requests.
func (c *check) signing(path string, list Secrets) {
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		body, ok := strings.CutPrefix(string(s), "whsec_")
		b, err := base64.StdEncoding.DecodeString(body)
		switch {
		case !ok || err != nil:
			c.wrong(at, "it must be whsec_ and base64, as \"sioserver secret new --kind webhook\" makes it")
		case len(b) < 24 || len(b) > 64:
			c.wrong(at, "it holds %d bytes, it must hold 24 to 64", len(b))
		}
	}
}
