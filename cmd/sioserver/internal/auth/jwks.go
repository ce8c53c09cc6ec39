// keySet: public keys from an address, fetched seldom and kept long.

package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

const (
	// unknownEvery is how often a key id that nobody knows may cause a fetch.
	unknownEvery = 10 * time.Second
	// failedEvery is how often a fetch that failed is tried again by those who
	// want keys.
	failedEvery = time.Second
	// maxSet is the size of a set, in bytes.
	maxSet = 1 << 20
)

// keySet is the set of keys at one address. There is one fetch at a time, which
// all who need it wait for; keys that are there are used meanwhile, and for
// max_stale when they cannot be fetched.
type keySet struct {
	cfg    config.JWKS
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	mu struct {
		sync.Mutex
		keys    []remoteKey
		fetched time.Time // when keys came
		tried   time.Time // the last try's begin
		unknown time.Time // the last fetch because of an unknown id
		flight  *flight   // the fetch under way
		fetches uint64
		failed  uint64
	}
}

type remoteKey struct {
	id, algorithm string // algorithm "" for every one that the key fits
	key           any
}

// flight is a fetch that is under way.
type flight struct {
	done chan struct{}
	err  error // after done
}

func newKeySet(c config.JWKS, log *slog.Logger, now func() time.Time) *keySet {
	return &keySet{cfg: c, client: &http.Client{Timeout: time.Duration(c.Timeout)}, log: log, now: now}
}

// run fetches the set at its interval, until ctx ends.
func (k *keySet) run(ctx context.Context) {
	for {
		k.mu.Lock()
		f := k.fetch()
		k.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(time.Duration(k.cfg.Refresh)):
		case <-ctx.Done():
			return
		}
	}
}

// find is the keys for an algorithm and a key id, "" for any. It waits for a
// fetch if that may bring one.
func (k *keySet) find(ctx context.Context, algorithm, id string) ([]any, error) {
	k.mu.Lock()
	now := k.now()
	usable := !k.mu.fetched.IsZero() && now.Sub(k.mu.fetched) <= time.Duration(k.cfg.MaxStale)
	if usable {
		if list := k.match(algorithm, id); len(list) > 0 {
			k.mu.Unlock()
			return list, nil
		}
		if k.mu.flight == nil && now.Sub(k.mu.unknown) < unknownEvery {
			k.mu.Unlock()
			return nil, nil
		}
		k.mu.unknown = now
	} else if k.mu.flight == nil && now.Sub(k.mu.tried) < failedEvery {
		k.mu.Unlock()
		return nil, fmt.Errorf("%w: %s was tried less than %s ago", ErrUnavailable, k.cfg.URL, failedEvery)
	}
	f := k.fetch()
	k.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if list := k.match(algorithm, id); len(list) > 0 && (f.err == nil || usable) {
		return list, nil
	}
	if f.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, f.err)
	}
	return nil, nil
}

// match picks keys. mu is held.
func (k *keySet) match(algorithm, id string) (list []any) {
	for _, r := range k.mu.keys {
		if (id == "" || r.id == id) && (r.algorithm == "" || r.algorithm == algorithm) && fits(algorithm, r.key) {
			list = append(list, r.key)
		}
	}
	return list
}

// fetch is the fetch under way, begun now if there is none. mu is held.
func (k *keySet) fetch() *flight {
	if k.mu.flight != nil {
		return k.mu.flight
	}
	f := &flight{done: make(chan struct{})}
	k.mu.flight, k.mu.tried = f, k.now()
	k.mu.fetches++
	go func() {
		keys, err := k.get()
		k.mu.Lock()
		if f.err = err; err == nil {
			k.mu.keys, k.mu.fetched = keys, k.now()
		} else {
			k.mu.failed++
		}
		k.mu.flight = nil
		k.mu.Unlock()
		if err != nil {
			k.log.Warn("the key set cannot be fetched; keys that are there are used on", "url", k.cfg.URL, "max_stale", time.Duration(k.cfg.MaxStale), "error", err)
		}
		close(f.done)
	}()
	return f
}

// get asks the address. Keys of it that cannot be used are left out.
func (k *keySet) get() ([]remoteKey, error) {
	res, err := k.client.Get(k.cfg.URL)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", k.cfg.URL, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSet {
		return nil, fmt.Errorf("%s has more than %d bytes", k.cfg.URL, maxSet)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("%s is no key set: %w", k.cfg.URL, err)
	}
	var list []remoteKey
	for _, raw := range set.Keys {
		key, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			k.log.Debug("a key of the set cannot be used", "url", k.cfg.URL, "error", err)
			continue
		}
		if m := key.Marshal(); m.USE == "" || m.USE == jwkset.UseSig {
			list = append(list, remoteKey{m.KID, string(m.ALG), key.Key()})
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no key that can be used", k.cfg.URL)
	}
	return list, nil
}
