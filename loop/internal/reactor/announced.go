// Proxies in front: whose PROXY header is believed, and who the client is then.

package reactor

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/proxyproto"
)

// ProxyMode says whether connections begin with a PROXY header.
type ProxyMode uint8

// The values of ProxyMode.
const (
	ProxyOff      ProxyMode = iota
	ProxyOptional           // those of proxies that are believed may
	ProxyRequired           // all do, and come from such proxies
)

// Peer is the other end of a connection of which more is known than its address.
type Peer struct {
	net.Addr
	Trusted bool // it is a proxy that is believed, whatever its address
	TLS     bool // the proxy says that the client uses TLS
}

// believes reports whether a PROXY header from an address is believed.
func (l *Listener) believes(remote net.Addr) bool {
	if l.Trusted {
		return true
	}
	a, ok := remote.(*net.TCPAddr)
	if !ok {
		return false
	}
	from := a.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(l.Proxies, func(p netip.Prefix) bool { return p.Contains(from) })
}

// announce readies a listener for connections with PROXY headers.
func (r *Reactor) announce(l *Listener) {
	if l.Proxy == ProxyOff {
		return
	}
	l.announced = &transport.Announced{
		Required: l.Proxy == ProxyRequired, TLS: l.TLS,
		Said: func(c *transport.Conn, h *proxyproto.Header) {
			if !h.Local && h.Source.IsValid() {
				c.Wire = &adopted{polled(c.Wire), &Peer{Addr: net.TCPAddrFromAddrPort(h.Source), TLS: h.TLS}, nil}
			}
		},
		Failed: func(c *transport.Conn, err error) {
			if r.cfg.ProxyFailed != nil {
				r.cfg.ProxyFailed(c.Wire.RemoteAddr(), err)
			}
		},
	}
}

// tellUntrusted counts a connection that is closed because it is not one of a
// proxy that is believed.
func (r *Reactor) tellUntrusted(remote net.Addr) {
	n := r.untrusted.Add(1)
	if r.foreign.allows(time.Now()) {
		r.cfg.Logger.Warn("a connection is refused: the listener wants the PROXY protocol, and this is not the address of a trusted proxy", "remote", remote, "refused", n)
	}
}

// Untrusted is the number of connections that were closed because they did not
// come from a proxy that is believed.
func (r *Reactor) Untrusted() uint64 { return r.untrusted.Load() }

// Peer is the other end of the connection if more is known of it, else nil.
func (c *Left) Peer() *Peer {
	p, _ := c.remote.(*Peer)
	return p
}

// RemoteAddr implements [net.Conn]: whom the connection is from.
func (c *Left) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.Conn.RemoteAddr()
}

// remoteOf is whom a connection is from, if that is not its other end.
func remoteOf(w transport.Wire) net.Addr {
	if a, ok := w.(*adopted); ok {
		return a.remote
	}
	return nil
}
