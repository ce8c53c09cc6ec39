// TLS: handshakes that fail.

package loop

import (
	"errors"
	"fmt"
	"net"

	"github.com/sioserver/sioserver/transport/tlsconn"
)

// OnTLSFailure implements [transport.Handler].
func (l upcalls) OnTLSFailure(remote net.Addr, err error) {
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
