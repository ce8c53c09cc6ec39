// Probes: whether what a configuration refers to can be reached.

package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/doctor"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/serve"
)

// probeTime is how long one may take.
const probeTime = 5 * time.Second

// probed is what came of one.
type probed struct {
	Name    string `json:"name"` // the key that refers to it
	Address string `json:"address"`
	Error   string `json:"error,omitempty"`
}

func (p probed) level() doctor.Level {
	if p.Error != "" {
		return doctor.Fail
	}
	return doctor.Pass
}

// probe tries all that a configuration refers to: certificates, Redis, key sets,
// the backends of hooks and webhooks, spool directories. Backends are connected
// to and not asked.
func probe(ctx context.Context, c *config.Config) (list []probed) {
	try := func(name, address string, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		p := probed{Name: name, Address: address}
		if err := f(ctx); err != nil {
			p.Error = err.Error()
		}
		list = append(list, p)
	}
	if t := c.Server.TLS; t.Enabled {
		try("server.tls.cert", t.Cert, func(context.Context) error { return probeCertificate(t.Cert, t.Key, time.Now()) })
	}
	if c.Cluster.Backend != "none" {
		try("cluster.url", c.Cluster.URL.String(), func(ctx context.Context) error { return probeRedis(ctx, string(c.Cluster.URL)) })
	}
	if c.Ingest.Redis.Enabled {
		try("ingest.redis.url", c.Ingest.Redis.URL.String(), func(ctx context.Context) error { return probeRedis(ctx, string(c.Ingest.Redis.URL)) })
	}
	if u := c.Auth.JWT.JWKS.URL; c.Auth.JWT.Enabled && u != "" {
		try("auth.jwt.jwks.url", u, func(ctx context.Context) error { return probeKeySet(ctx, u) })
	}
	h := c.Hooks
	for _, v := range []struct{ name, url string }{
		{"hooks.connect.url", h.Connect.URL}, {"hooks.join.url", h.Join.URL}, {"hooks.refresh.url", h.Refresh.URL}, {"hooks.event.url", h.Event.URL},
	} {
		if v.url != "" {
			try(v.name, v.url, func(ctx context.Context) error { return probeBackend(ctx, v.url) })
		}
	}
	if e := c.LaravelEcho; e.Enabled {
		try("laravel_echo.auth_url", e.AuthURL, func(ctx context.Context) error { return probeBackend(ctx, e.AuthURL) })
	}
	for i, w := range c.Webhooks {
		try(fmt.Sprintf("webhooks[%d].url", i), w.URL, func(ctx context.Context) error { return probeBackend(ctx, w.URL) })
		if dir := w.Queue.SpoolDir; dir != "" {
			try(fmt.Sprintf("webhooks[%d].queue.spool_dir", i), dir, func(context.Context) error { return probeDirectory(dir) })
		}
	}
	return list
}

// probeCertificate reads a certificate and looks at its time.
func probeCertificate(cert, key string, now time.Time) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	switch {
	case err != nil:
		return err
	case now.After(pair.Leaf.NotAfter):
		return fmt.Errorf("it has expired on %s", pair.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return fmt.Errorf("it is not valid before %s", pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// probeRedis asks a Redis whether it is there.
func probeRedis(ctx context.Context, address string) error {
	client, err := serve.RedisClient(address)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx).Err()
}

// probeKeySet fetches a set of keys.
func probeKeySet(ctx context.Context, address string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&set)
	switch {
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers %s", res.Status)
	case err != nil:
		return fmt.Errorf("it is no set of keys: %w", err)
	case len(set.Keys) == 0:
		return errors.New("the set has no keys")
	}
	return nil
}

// probeBackend connects to a backend.
func probeBackend(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := net.JoinHostPort(u.Hostname(), port)
	var c net.Conn
	if u.Scheme == "https" {
		c, err = (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	} else {
		c, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// probeDirectory writes a file into a directory and removes it.
func probeDirectory(dir string) error {
	f, err := os.CreateTemp(dir, ".sioserver-probe-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
