// Cross-origin resource sharing: which pages may talk to the engine, and how they are told.

package transport

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/sioserver/sioserver/transport/http1"
)

// CORS says which pages of other origins may use the engine. It is read-only
// once an engine exists, and its strings hold no control characters.
//
// The fields of the answers are those of the npm package cors, which the
// reference uses. Beyond that a handshake from an origin that is not allowed is
// refused, over polling and over websocket, which browsers do not protect.
type CORS struct {
	Any      bool             // every origin, told as "*"
	Reflect  bool             // every origin, told by its name
	Origin   string           // the one that is allowed, which everybody is told
	Origins  []string         // some that are allowed, told by their names
	Patterns []*regexp.Regexp // and those that match
	Ask      bool             // others are for [Verdict.Origin] to allow

	Credentials    bool
	Methods        string // default "GET,HEAD,PUT,PATCH,POST,DELETE"
	AllowedHeaders string // default: those the browser asks for
	ExposedHeaders string
	MaxAge         int64 // seconds, negative for none
	Status         int   // of the answer to a preflight request, default 204
	Continue       bool  // preflight requests are left to the engine, which refuses them
}

const corsMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// corsEcho is the longest list of header names that is given back to a browser,
// in bytes.
const corsEcho = 1024

// Allows reports whether the rules allow pages of an origin to use the engine.
// Any goroutine.
func (c *CORS) Allows(origin []byte) bool {
	if c.Any || c.Reflect || c.Origin != "" && c.Origin == string(origin) {
		return true
	}
	for _, o := range c.Origins {
		if o == string(origin) {
			return true
		}
	}
	for _, p := range c.Patterns {
		if p.Match(origin) {
			return true
		}
	}
	return false
}

// Preflight reports whether a request asks for permission only. Any goroutine.
func (c *CORS) Preflight(r *http1.Request) bool { return string(r.Method) == "OPTIONS" }

// PreflightStatus is the status of the answer to a preflight request. Any
// goroutine.
func (c *CORS) PreflightStatus() int {
	if c.Status != 0 {
		return c.Status
	}
	return 204
}

// AppendFields appends the field lines of the answer to a request, which may be
// a preflight request. granted tells that the origin is allowed whatever the
// rules say. Any goroutine.
func (c *CORS) AppendFields(dst []byte, r *http1.Request, granted bool) []byte {
	vary := "Origin"
	switch {
	case c.Any:
		dst, vary = append(dst, "Access-Control-Allow-Origin: *\r\n"...), ""
	case c.Origin != "":
		// Everybody is told; a browser of another origin sees that it is not
		// meant.
		dst = appendField(dst, "Access-Control-Allow-Origin", c.Origin)
	case r.OriginLines == 1 && legalOrigin(r.Origin) && (granted || c.Allows(r.Origin)):
		dst = appendField(dst, "Access-Control-Allow-Origin", r.Origin)
	}
	if c.Credentials {
		dst = append(dst, "Access-Control-Allow-Credentials: true\r\n"...)
	}
	if c.Preflight(r) {
		dst, vary = c.appendPreflight(dst, r, vary)
	}
	if vary != "" {
		dst = appendField(dst, "Vary", vary)
	}
	if c.ExposedHeaders != "" {
		dst = appendField(dst, "Access-Control-Expose-Headers", c.ExposedHeaders)
	}
	return dst
}

// appendPreflight appends the fields that only preflight requests are told, and
// returns what the answer varies with.
func (c *CORS) appendPreflight(dst []byte, r *http1.Request, vary string) ([]byte, string) {
	methods := c.Methods
	if methods == "" {
		methods = corsMethods
	}
	dst = appendField(dst, "Access-Control-Allow-Methods", methods)
	if c.AllowedHeaders != "" {
		dst = appendField(dst, "Access-Control-Allow-Headers", c.AllowedHeaders)
	} else {
		const asked = "Access-Control-Request-Headers"
		if names := r.Get(asked); len(names) > 0 && len(names) <= corsEcho {
			dst = appendField(dst, "Access-Control-Allow-Headers", names)
		}
		if vary != "" {
			vary += ", "
		}
		vary += asked
	}
	if c.MaxAge >= 0 {
		dst = append(dst, "Access-Control-Max-Age: "...)
		dst = append(strconv.AppendInt(dst, c.MaxAge, 10), "\r\n"...)
	}
	return dst, vary
}

// appendField appends a field whose value holds no line break.
func appendField[V string | []byte](dst []byte, name string, value V) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// sameHost reports whether an origin is the host that was asked.
func sameHost(r *http1.Request) bool {
	_, host, ok := bytes.Cut(r.Origin, []byte("://"))
	return ok && bytes.EqualFold(host, r.Host)
}

// legalOrigin refuses control characters, as the reference does.
func legalOrigin(origin []byte) bool {
	for _, b := range origin {
		if b != '\t' && b < ' ' || b == 0x7f {
			return false
		}
	}
	return true
}

// originAllowed lets clients that are no browsers through, pages of the same
// host, and those that CORS allows. Browsers send Origin with websocket
// handshakes to any host and no other rule protects those.
func (e *Engine) originAllowed(r *http1.Request) bool {
	cors := e.cors()
	return r.Origin == nil || sameHost(r) || cors != nil && (cors.Allows(r.Origin) || e.verdict != nil && e.verdict.Origin)
}

// cors are the rules for the request at hand.
func (e *Engine) cors() *CORS {
	if v := e.verdict; v != nil && v.Ruled {
		return v.CORS
	}
	return e.opts.CORS
}
