// TLS: what listeners speak, and handshakes that fail.

package loop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// Listener is an address to serve on.
type Listener struct {
	// Address is host:port. Port 0 takes a free port.
	Address string
	// TLS is what the address speaks. The versions are 1.2 and 1.3. HTTP/1.1 is
	// agreed to by ALPN and HTTP/2 is not, whatever NextProtos say. Certificates
	// and settings may change by GetCertificate and GetConfigForClient, which run
	// off the event loops and may block; VerifyPeerCertificate and
	// VerifyConnection hold other handshakes up while they do. Clients'
	// certificates are in [Handshake.TLS] and in the TLS of every request that is
	// handed out. Default: nil, without TLS.
	TLS *tls.Config
}

// listeners are all listeners as the reactor wants them.
func (c *Config) listeners() (list []reactor.Listener, err error) {
	if c.TLS != nil && len(c.Listen) == 0 {
		return nil, errors.New("loop: TLS is for Listen, which is empty: set the TLS of each of Listeners")
	}
	all := make([]Listener, 0, len(c.Listen)+len(c.Listeners))
	for _, a := range c.Listen {
		all = append(all, Listener{Address: a, TLS: c.TLS})
	}
	all = append(all, c.Listeners...)
	configs := map[*tls.Config]*tls.Config{nil: nil}
	for _, l := range all {
		cfg, known := configs[l.TLS]
		if !known {
			// One copy for all that share it: they share session tickets too.
			if cfg, err = tlsconn.Config(l.TLS); err != nil {
				return nil, fmt.Errorf("loop: the TLS of %s %w", l.Address, err)
			}
			configs[l.TLS] = cfg
		}
		list = append(list, reactor.Listener{Addr: l.Address, TLS: cfg})
	}
	return list, nil
}

// OnTLSFailure implements [transport.Handler].
func (l *Loop) OnTLSFailure(remote net.Addr, err error) {
	var p *tlsconn.PanicError
	if errors.As(err, &p) {
		l.server.panics.Add(1)
		l.server.cfg.Logger.Error("panic in a callback of the TLS configuration", "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
	if l.server.cfg.OnError == nil {
		l.server.cfg.Logger.Debug("TLS handshake failed", "remote", remote, "error", err)
		return
	}
	l.server.report(nil, &TLSError{Remote: remote, Err: err})
}

// TLSError is a handshake of TLS that failed, as [Config.OnError] is told.
type TLSError struct {
	Remote net.Addr // the other end of the connection
	Err    error    // why
}

// Error tells the client's address and why. Any goroutine.
func (e *TLSError) Error() string {
	return fmt.Sprintf("loop: TLS handshake with %s: %v", e.Remote, e.Err)
}

// Unwrap returns why. Any goroutine.
func (e *TLSError) Unwrap() error { return e.Err }
