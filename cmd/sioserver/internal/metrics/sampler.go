// What would take too long while somebody waits for metrics.

package metrics

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// samplePeriod is the time between two looks.
const samplePeriod = 10 * time.Second

// namespaceSample is what was seen of a namespace.
type namespaceSample struct{ sockets, rooms, users, memberships int }

// sample is what was seen at the last look.
type sample struct {
	namespaces map[string]namespaceSample
	queues     loop.Queues
	nodes      int
	expiry     float64 // of the certificate, Unix time; 0 without
}

// sampler looks from time to time.
type sampler struct {
	mu   sync.Mutex
	last sample
}

// run looks until ctx is done.
func (s *sampler) run(ctx context.Context, m *Metrics) {
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	select {
	case <-m.node.Server.Listening():
	case <-ctx.Done():
		return
	}
	for {
		s.look(ctx, m)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look takes a sample.
func (s *sampler) look(ctx context.Context, m *Metrics) {
	next := sample{namespaces: map[string]namespaceSample{}}
	for _, name := range m.node.Config().NamespaceNames() {
		n := m.node.Server.Of(name)
		x := namespaceSample{sockets: n.ConnectedSockets(), memberships: n.Memberships()}
		x.rooms, x.users = session.CountRooms(n.Rooms())
		next.namespaces[name] = x
	}
	limited, cancel := context.WithTimeout(ctx, scrapeTime)
	defer cancel()
	next.queues, _ = m.node.Server.Queues(limited, 1) // what was found until then
	next.nodes, _ = m.node.Server.Root().ServerCount(limited)
	next.expiry = expiry(m.node.Config().Server.TLS.Cert)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = next
}

func (s *sampler) get() sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// expiry is until when a certificate is valid, 0 if there is none.
func expiry(file string) float64 {
	if file == "" {
		return 0
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return 0
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return 0
	}
	return float64(c.NotAfter.Unix())
}
