// What a configuration of crypto/tls must be like for these connections.

package tlsconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
)

// The protocols of ALPN: the one that is spoken, and the one that is never
// agreed to.
const (
	http1 = "http/1.1"
	http2 = "h2"
)

// Config returns a copy of a configuration for connections of this package. It
// offers HTTP/1.1 by ALPN and not HTTP/2, and lets GetCertificate and
// GetConfigForClient block without a part of a processor. Any goroutine.
func Config(cfg *tls.Config) (*tls.Config, error) {
	if err := check(cfg); err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	cfg.NextProtos = protocols(cfg.NextProtos)
	if get := cfg.GetCertificate; get != nil {
		cfg.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			defer away(h.Conn)()
			return get(h)
		}
	}
	if get := cfg.GetConfigForClient; get != nil {
		cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			defer away(h.Conn)()
			own, err := get(h)
			if own != nil && slices.Contains(own.NextProtos, http2) {
				own = own.Clone()
				own.NextProtos = protocols(own.NextProtos)
			}
			return own, err
		}
	}
	return cfg, nil
}

// check tells what is wrong with a configuration.
func check(cfg *tls.Config) error {
	if len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return errors.New("has no certificate: set Certificates or GetCertificate")
	}
	for _, v := range []uint16{cfg.MinVersion, cfg.MaxVersion} {
		if v != 0 && v < tls.VersionTLS12 {
			return fmt.Errorf("allows %s, which is not safe: the versions are 1.2 and 1.3", tls.VersionName(v))
		}
	}
	return nil
}

// protocols are the ones of a list that can be agreed to.
func protocols(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(p string) bool { return p == http2 })
	if !slices.Contains(list, http1) {
		list = append(list, http1)
	}
	return list
}

// away gives back a handshake's part of a processor while a callback runs that
// may block.
func away(nc net.Conn) (back func()) {
	if c, ok := nc.(*Conn); ok && c.hs != nil {
		c.hs.pool.rest()
		return c.hs.pool.compute
	}
	return func() {}
}
