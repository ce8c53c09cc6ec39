// Certificates in files that can be replaced while clients are connected.

package loop

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// CertificateFile is a certificate in files that can be replaced while clients
// are connected. Its methods may be called from any goroutine.
//
//	cert, err := loop.NewCertificateFile("cert.pem", "key.pem")
//	...
//	cfg.TLS = &tls.Config{GetCertificate: cert.GetCertificate}
type CertificateFile struct {
	cert, key string
	now       atomic.Pointer[tls.Certificate]
}

// NewCertificateFile reads a certificate, with those that lead from it to one
// that clients know behind it, and its key. Both files are PEM.
func NewCertificateFile(cert, key string) (*CertificateFile, error) {
	c := &CertificateFile{cert: cert, key: key}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. Handshakes from now on use what they hold;
// connections that are open go on. If they cannot be used, the certificate stays
// the one it was.
func (c *CertificateFile) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("loop: certificate %s with key %s: %w", c.cert, c.key, err)
	}
	c.now.Store(&pair)
	return nil
}

// Certificate is the certificate in use. It must not be changed.
func (c *CertificateFile) Certificate() *tls.Certificate { return c.now.Load() }

// GetCertificate is for the field of this name in [tls.Config].
func (c *CertificateFile) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.now.Load(), nil
}
