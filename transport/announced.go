// Connections that a proxy announces: the PROXY header in front of everything else.

package transport

import (
	"crypto/tls"
	"errors"

	"github.com/sioserver/sioserver/transport/proxyproto"
)

// Announced says what becomes of connections that begin with a PROXY header. It
// is shared and read-only. Its functions are called on the loop.
type Announced struct {
	Required bool        // else a connection may begin without
	TLS      *tls.Config // what comes behind, as for [Engine.Secure]; nil without TLS

	// Said is called with what a header says, before anything that follows is
	// read.
	Said func(c *Conn, h *proxyproto.Header)
	// Failed is called for a connection that is closed because of its header, or
	// because that does not come ([ErrProxyTimeout]).
	Failed func(c *Conn, err error)
}

// Await makes the connection one whose PROXY header is to come. It is called
// between Open and the first Feed. Loop only.
func (e *Engine) Await(c *Conn, a *Announced) {
	c.state = connAnnounced
	e.hold(c).announced = a
}

// feedAnnounced takes bytes of a connection whose header is to come, and reads
// what is behind it.
func (e *Engine) feedAnnounced(c *Conn, p []byte) {
	in := c.in
	if held := in.data.B; len(held) > 0 {
		in.data.B = append(held, p...)
		p = in.data.B
	}
	h, n, err := proxyproto.Parse(p)
	a := in.announced
	switch {
	case errors.Is(err, proxyproto.ErrMissing) && !a.Required:
	case err != nil:
		e.refuseAnnounced(c, err)
		return
	case n == 0:
		if len(in.data.B) == 0 {
			in.data.B = append(in.data.B, p...)
		}
		return
	default:
		a.Said(c, &h)
	}
	// What follows lies in the buffer, which the connection may need for itself.
	data := in.data
	in.data = nil
	e.dropInbound(c)
	c.state = connHTTP
	if a.TLS != nil {
		e.Secure(c, a.TLS)
	} else {
		e.restartTimer(c, e.opts.HeaderTimeout)
		e.openRaw(c)
	}
	switch rest := p[n:]; {
	case len(rest) == 0:
	case c.tls != nil:
		e.feedTLS(c, rest)
	default:
		e.consume(c, rest)
	}
	e.buffers.put(data)
}

// refuseAnnounced ends a connection because of its header. Nobody is there to be
// told: what is in front of the server is set up wrongly.
func (e *Engine) refuseAnnounced(c *Conn, err error) {
	e.stats.ProxyFailures++
	c.in.announced.Failed(c, err)
	e.net.Close(c)
}

// announcedTimeout ends a connection whose header does not come.
func (e *Engine) announcedTimeout(c *Conn) {
	e.stats.Limits[LimitProxyTime]++
	e.refuseAnnounced(c, ErrProxyTimeout)
}
