// Header: what a header says, and which version it is in.

package proxyproto

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
)

// MaxHeader is how long a header of version 2 may be, in bytes, with all its
// extensions. One of version 1 has 107 at most (section 2.1).
const MaxHeader = 4096

// Header is what a proxy says about a connection.
type Header struct {
	// Local says that the connection is the proxy's own, or that it does not know
	// whose it is: who is connected is who sends.
	Local bool
	// Source and Destination are the ends of the connection that the proxy has
	// taken, zero if they are no addresses of IP.
	Source, Destination netip.AddrPort
	// TLS says that the client uses TLS, which the proxy ends (section 2.2.6).
	TLS bool
}

// Faults of a header. All of them end the connection.
var (
	// ErrMissing: what came is no header.
	ErrMissing = errors.New("proxyproto: the connection does not begin with a PROXY header")
	// ErrTooLong: a header is longer than it may be.
	ErrTooLong = errors.New("proxyproto: the PROXY header is too long")
	// ErrMalformed: a header is not as it must be. Errors say how.
	ErrMalformed = errors.New("proxyproto: the PROXY header is malformed")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Parse reads the header that p begins with, which has n bytes. With n of 0 and
// no error more must come. p is not kept. Any goroutine.
func Parse(p []byte) (h Header, n int, err error) {
	switch {
	case begins(p, signature):
		return parse2(p)
	case begins(p, prefix1):
		return parse1(p)
	}
	return h, 0, ErrMissing
}

// begins reports whether p begins with a text, as far as it goes.
func begins(p, text []byte) bool {
	n := min(len(p), len(text))
	return bytes.Equal(p[:n], text[:n])
}
