// Which pages of other origins may use the server.

package loop

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// CORS says which pages of other origins may use the server: its engine and its
// client files. Answers carry the fields that the reference's option of this
// name causes. Beyond that, handshakes from an origin that is not allowed are
// refused, over polling and over websocket; those from the server's own host
// are always allowed, and so are clients that send no Origin, which are no
// browsers.
//
// An origin is what browsers send: "https://example.com", with a port if it is
// not the scheme's. At least one of Origin, Origins, OriginPatterns, OriginFunc
// and Reflect says which ones are allowed; together they allow what any of them
// does.
type CORS struct {
	// Origin is one origin that is allowed, and named in every answer. "*" is
	// every origin.
	Origin string
	// Origins are allowed; answers name the one that asks. "null", which
	// sandboxed pages and files send, is allowed only if it is among them.
	Origins []string
	// OriginPatterns allow the origins that match as a whole:
	// `https://[a-z]+\.example\.com` does not allow "https://a.example.com.evil".
	OriginPatterns []*regexp.Regexp
	// OriginFunc is asked about origins. It runs off the event loops, once for
	// every request with an Origin; a panic is a no.
	OriginFunc func(origin string, r *http.Request) bool
	// For decides about each request with an Origin which rules hold for it, in
	// place of all other fields, which must not be set; nil is as Config.CORS nil.
	// It runs off the event loops. With an error, or rules that [New] would
	// refuse, the request is refused with code 3. What it returns must not change
	// any more.
	For func(r *http.Request) (*CORS, error)
	// Reflect allows every origin and names the one that asks. With Credentials
	// any page can act with the cookies of its visitors: use it for development.
	Reflect bool

	// Credentials lets browsers send cookies. It cannot go with Origin "*".
	Credentials bool
	// Methods is what preflight requests are told. Default: GET, HEAD, PUT,
	// PATCH, POST, DELETE.
	Methods []string
	// AllowedHeaders are the request headers that preflight requests are
	// allowed. Default: those they ask for.
	AllowedHeaders []string
	// ExposedHeaders are the response headers that pages may read.
	ExposedHeaders []string
	// MaxAge is how long browsers may remember the answer to a preflight request,
	// in whole seconds. Default: not said.
	MaxAge time.Duration
	// OptionsSuccessStatus is the status of that answer. Default: 204.
	OptionsSuccessStatus int
	// PreflightContinue leaves preflight requests to the engine, which refuses
	// them, and to [EngineMiddleware] before.
	PreflightContinue bool
}

// clone copies what the caller could change.
func (c *CORS) clone() *CORS {
	if c == nil {
		return nil
	}
	d := *c
	d.Origins, d.OriginPatterns = slices.Clone(c.Origins), slices.Clone(c.OriginPatterns)
	d.Methods, d.AllowedHeaders = slices.Clone(c.Methods), slices.Clone(c.AllowedHeaders)
	d.ExposedHeaders = slices.Clone(c.ExposedHeaders)
	return &d
}

// validate returns all that is wrong with the rules.
func (c *CORS) validate() (errs []error) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("loop: CORS."+format, args...))
		}
	}
	if c == nil {
		return nil
	}
	if c.For != nil {
		d := *c
		d.For = nil
		check(reflect.ValueOf(d).IsZero(), "For decides about everything: set no other field beside it")
		return errs
	}
	if c.Origin == "" && len(c.Origins)+len(c.OriginPatterns) == 0 && c.OriginFunc == nil && !c.Reflect {
		errs = append(errs, errors.New(`loop: CORS allows no origin: set Origin ("*" for all of them), Origins, OriginPatterns or OriginFunc, or leave CORS nil`))
	}
	check(c.Origin != "*" || !c.Credentials,
		`Credentials cannot go with Origin "*", browsers refuse it: name the origins that may use cookies in Origin or Origins`)
	origins := c.Origins
	if c.Origin != "" && c.Origin != "*" {
		origins = append([]string{c.Origin}, origins...)
	}
	for _, o := range origins {
		check(o != "*", `Origins has "*": use Origin for all of them`)
		scheme, host, ok := strings.Cut(o, "://")
		plain := ok && scheme != "" && host != "" && o == strings.ToLower(o) && !strings.ContainsAny(host, "/?#*@") && visible(o)
		check(o == "null" || o == "*" || plain, `Origins and Origin want an origin as browsers send it, such as "https://example.com", not %q`, o)
	}
	for _, p := range c.OriginPatterns {
		check(p != nil, "OriginPatterns has a nil")
	}
	for _, list := range [][]string{c.Methods, c.AllowedHeaders, c.ExposedHeaders} {
		for _, name := range list {
			check(name != "" && visible(name) && !strings.Contains(name, ","), "Methods, AllowedHeaders and ExposedHeaders want names, not %q", name)
		}
	}
	check(c.MaxAge >= 0, "MaxAge is %s, it must not be negative", c.MaxAge)
	check(c.OptionsSuccessStatus == 0 || c.OptionsSuccessStatus >= 200 && c.OptionsSuccessStatus < 300,
		"OptionsSuccessStatus is %d, it must be from 200 to 299", c.OptionsSuccessStatus)
	return errs
}

// visible reports whether a text is of visible ASCII characters.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// transport are the rules as the engines want them.
func (c *CORS) transport() *transport.CORS {
	if c == nil {
		return nil
	}
	if c.For != nil {
		// Nothing, until it has been asked.
		return &transport.CORS{Ask: true, Continue: true, MaxAge: -1}
	}
	t := &transport.CORS{
		Any: c.Origin == "*", Reflect: c.Reflect, Origins: c.Origins, Ask: c.OriginFunc != nil,
		Credentials: c.Credentials, Methods: strings.Join(c.Methods, ","), AllowedHeaders: strings.Join(c.AllowedHeaders, ","),
		ExposedHeaders: strings.Join(c.ExposedHeaders, ","), MaxAge: -1,
		Status: c.OptionsSuccessStatus, Continue: c.PreflightContinue,
	}
	if !t.Any {
		t.Origin = c.Origin
	}
	if len(c.Origins)+len(c.OriginPatterns) > 0 || c.Reflect || c.OriginFunc != nil {
		// One of several is named only when it asks.
		if t.Origin != "" {
			t.Origins, t.Origin = append([]string{t.Origin}, t.Origins...), ""
		}
	}
	for _, p := range c.OriginPatterns {
		t.Patterns = append(t.Patterns, regexp.MustCompile("^(?:"+p.String()+")$")) // it compiled before
	}
	if c.MaxAge > 0 {
		t.MaxAge = int64(c.MaxAge / time.Second)
	}
	return t
}

// asks reports whether functions of the user's have a say.
func (c *CORS) asks() bool { return c != nil && (c.OriginFunc != nil || c.For != nil) }

// rulesFor asks For which rules hold for a request, and then OriginFunc. rules
// are nil if there are none.
func (s *Server) rulesFor(r *http.Request) (rules *transport.CORS, granted bool, err error) {
	c, err := s.corsFor(r)
	if err != nil || c == nil {
		return nil, false, err
	}
	if c.For != nil {
		return nil, false, errors.New("loop: CORS.For returned rules that have For")
	}
	if err := errors.Join(c.validate()...); err != nil {
		return nil, false, err
	}
	return c.transport(), c.OriginFunc != nil && s.asksOrigin(c, r), nil
}

// corsFor asks For.
func (s *Server) corsFor(r *http.Request) (c *CORS, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.logPanic("CORS.For", p)
			err = fmt.Errorf("loop: panic in CORS.For: %v", p)
		}
	}()
	return s.cfg.CORS.For(r)
}

// asksOrigin asks OriginFunc.
func (s *Server) asksOrigin(c *CORS, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.logPanic("CORS.OriginFunc", p)
		}
	}()
	return c.OriginFunc(r.Header.Get("Origin"), r)
}
