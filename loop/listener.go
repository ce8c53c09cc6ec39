// Listeners: where a server takes connections, and what is spoken there.

package loop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// Listener is somewhere to serve.
type Listener struct {
	// Address is one of
	//
	//	"host:port", ":port", "[::1]:port"   TCP; without a host of all addresses, IPv4 and IPv6. Port 0 takes a free port
	//	"unix:/run/name.sock", "unix:@name"  a unix socket, with a file or of the abstract kind
	//	"fd:name"                            what systemd has passed under the name (FileDescriptorName), several if several have it
	//	"fd:3"                               a descriptor that was passed to the process
	//
	// Of TCP each event loop accepts by itself. The others have one socket for all
	// loops, by which a connection costs somewhat more to accept and the same
	// afterwards.
	//
	// A unix socket takes connections from [New] on; they wait for the server to
	// run. Its file replaces one that nobody listens on any more, and is removed
	// when the server ends.
	Address string
	// Listener is a listening socket to serve on in place of Address: a
	// *net.TCPListener or *net.UnixListener. From [New] on it is the server's, which
	// closes it in the end. Default: nil, none.
	Listener net.Listener
	// ReusePort is for this listener what Config.ReusePort is for all: Enabled or
	// Disabled. Default: as Config.ReusePort is.
	ReusePort Switch
	// Mode are the permissions of a unix socket's file; who connects must be allowed
	// to write. Default: 0, what the umask leaves.
	Mode fs.FileMode
	// ProxyProtocol is whether connections begin with a header of the PROXY
	// protocol, version 1 or 2, by which a proxy says whose they are; it stands in
	// front of TLS. [Handshake.Address] and the RemoteAddr of requests are the
	// client's then. It is believed from Config.TrustedProxies, and from everybody
	// if Trusted is set. Default: [ProxyOff].
	ProxyProtocol ProxyProtocol
	// Trusted makes everybody who connects here a trusted proxy, as if its address
	// was one of Config.TrustedProxies: for unix sockets, where nobody has an
	// address, and for addresses that only proxies can reach. Default: false.
	Trusted bool
	// TLS is what the address speaks. The versions are 1.2 and 1.3. HTTP/1.1 is
	// agreed to by ALPN and HTTP/2 is not, whatever NextProtos say. Certificates
	// and settings may change by GetCertificate and GetConfigForClient, which run
	// off the event loops and may block; VerifyPeerCertificate and
	// VerifyConnection hold other handshakes up while they do. Clients'
	// certificates are in [Handshake.TLS] and in the TLS of every request that is
	// handed out. Default: nil, without TLS.
	TLS *tls.Config
	// Protocol is what the address speaks in place of HTTP and Socket.IO. Default:
	// nil, these.
	Protocol Protocol
}

// ProxyProtocol is whether connections begin with a PROXY header.
type ProxyProtocol int8

// The values of ProxyProtocol.
const (
	// ProxyOff: they do not.
	ProxyOff ProxyProtocol = iota
	// ProxyOptional: those of trusted proxies may.
	ProxyOptional
	// ProxyRequired: all do. Who is no trusted proxy, or sends no header, is refused.
	ProxyRequired
)

// ProxyError is a connection that was closed because of its PROXY header, as
// [Config.OnError] is told.
type ProxyError struct {
	Remote net.Addr // the other end, which is the proxy
	Err    error    // what is wrong with the header
}

// Error tells the proxy's address and what is wrong. Any goroutine.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("loop: connection of the proxy %s: %v", e.Remote, e.Err)
}

// Unwrap returns what is wrong. Any goroutine.
func (e *ProxyError) Unwrap() error { return e.Err }

// proxyFailed tells of a connection that was closed because of its PROXY header.
func (s *Server) proxyFailed(remote net.Addr, err error) { s.fail(nil, &ProxyError{remote, err}) }

// name is what errors call the listener.
func (l *Listener) name() string {
	if l.Listener != nil {
		return l.Listener.Addr().String()
	}
	return l.Address
}

// unix reports whether the listener is known to be a unix socket.
func (l *Listener) unix() bool {
	_, given := l.Listener.(*net.UnixListener)
	return given || strings.HasPrefix(l.Address, "unix:")
}

// check returns what is wrong with the listener, of a server with so many
// trusted proxies.
func (l *Listener) check(proxies int) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("loop: the listener %s "+format, append([]any{l.name()}, args...)...)
	}
	passed := l.Listener != nil || strings.HasPrefix(l.Address, "fd:")
	switch {
	case l.Listener != nil && l.Address != "":
		return fail("has an Address too, %q: leave one of them out", l.Address)
	case l.ReusePort < Default || l.ReusePort > Disabled:
		return fail("has ReusePort %d, it must be Default, Enabled or Disabled", l.ReusePort)
	case l.ReusePort == Enabled && passed:
		return fail("is given, and so is its socket: ReusePort must be set by whoever makes that")
	case l.ProxyProtocol < ProxyOff || l.ProxyProtocol > ProxyRequired:
		return fail("has ProxyProtocol %d, it must be ProxyOff, ProxyOptional or ProxyRequired", l.ProxyProtocol)
	case l.ProxyProtocol != ProxyOff && !l.Trusted && l.unix():
		return fail("has the PROXY protocol and nobody to believe, for on a unix socket nobody has an address: set Trusted")
	case l.ProxyProtocol != ProxyOff && !l.Trusted && proxies == 0:
		return fail("has the PROXY protocol and nobody to believe: set TrustedProxies, or Trusted if only proxies can reach it")
	case l.Mode != 0 && (l.Listener != nil || !l.unix()):
		return fail("is no unix socket that the server makes, and has a Mode: leave it out")
	case l.Mode&^fs.ModePerm != 0:
		return fail("has Mode %s, it may have permissions only", l.Mode)
	}
	return nil
}

// listeners are all listeners as the reactor wants them, for a server, which may
// be nil if they are only looked at.
func (c *Config) listeners(s *Server) (list []reactor.Listener, err error) {
	if c.TLS != nil && len(c.Listen) == 0 {
		return nil, errors.New("loop: TLS is for Listen, which is empty: set the TLS of each of Listeners")
	}
	all := make([]Listener, 0, len(c.Listen)+len(c.Listeners))
	for _, a := range c.Listen {
		all = append(all, Listener{Address: a, TLS: c.TLS})
	}
	all = append(all, c.Listeners...)
	configs := map[*tls.Config]*tls.Config{nil: nil}
	for i := range all {
		l := &all[i]
		if err := l.check(len(c.TrustedProxies)); err != nil {
			return nil, err
		}
		cfg, known := configs[l.TLS]
		if !known {
			// One copy for all that share it: they share session tickets too.
			if cfg, err = tlsconn.Config(l.TLS); err != nil {
				return nil, fmt.Errorf("loop: the TLS of %s %w", l.name(), err)
			}
			configs[l.TLS] = cfg
		}
		list = append(list, reactor.Listener{
			Addr: l.Address, Given: l.Listener, Shared: l.ReusePort.or(c.ReusePort), Mode: l.Mode, TLS: cfg,
			Proxy: reactor.ProxyMode(l.ProxyProtocol), Proxies: c.TrustedProxies, Trusted: l.Trusted,
			Raw: s.speak(l.Protocol),
		})
	}
	return list, nil
}
