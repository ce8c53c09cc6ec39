// TLS: the certificate, which a reload reads again, and so does a change of its file.

package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// certificateLook is how often the certificate's file is looked at.
const certificateLook = 10 * time.Second

// certificate is the part that knows the certificate in force.
type certificate struct {
	log  *slog.Logger
	now  atomic.Pointer[tls.Certificate]
	from atomic.Pointer[config.TLS]
}

// newCertificate reads it.
func newCertificate(c config.TLS, log *slog.Logger) (*certificate, error) {
	t := &certificate{log: log}
	pair, err := readPair(c)
	if err != nil {
		return nil, err
	}
	t.now.Store(pair)
	t.from.Store(&c)
	return t, nil
}

func readPair(c config.TLS) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("server.tls: certificate %s with key %s: %w", c.Cert, c.Key, err)
	}
	return &pair, nil
}

// config is what the server speaks.
func (t *certificate) config() (*tls.Config, error) {
	c := t.from.Load()
	cfg := &tls.Config{
		MinVersion:     map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[c.MinVersion],
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.now.Load(), nil },
	}
	if c.ClientCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("server.tls.client_ca: %w", err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("server.tls.client_ca: %s has no certificate in PEM form", c.ClientCA)
	}
	return cfg, nil
}

// Start implements [node.Part]: from now on the file is looked at.
func (t *certificate) Start(ctx context.Context, _ *node.Node) error {
	go t.watch(ctx)
	return nil
}

// Prepare implements [node.Part].
func (t *certificate) Prepare(c *config.Config) (func(), error) {
	pair, err := readPair(c.Server.TLS)
	if err != nil {
		return nil, err
	}
	return func() {
		t.from.Store(&c.Server.TLS)
		t.use(pair)
	}, nil
}

// Stop implements [node.Part].
func (t *certificate) Stop(context.Context) error { return nil }

// use puts a certificate to use for handshakes from now on.
func (t *certificate) use(pair *tls.Certificate) {
	t.now.Store(pair)
	t.log.Info("the certificate was read again", "subject", pair.Leaf.Subject.String(), "until", pair.Leaf.NotAfter)
}

// watch reads the certificate again when its file has changed. Files that
// orchestrators replace are links, which is why their times are looked at.
func (t *certificate) watch(ctx context.Context) {
	tick := time.NewTicker(certificateLook)
	defer tick.Stop()
	for seen := t.changed(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := t.changed()
		if now == seen {
			continue
		}
		seen = now
		pair, err := readPair(*t.from.Load())
		if err != nil {
			t.log.Error("the certificate stays the one it was", "error", err)
			continue
		}
		t.use(pair)
	}
}

// changed is when the files have changed.
func (t *certificate) changed() (times [2]time.Time) {
	c := t.from.Load()
	for i, name := range []string{c.Cert, c.Key} {
		if info, err := os.Stat(name); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}
