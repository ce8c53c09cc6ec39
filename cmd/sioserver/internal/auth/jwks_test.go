package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// keyServer is an address with a key set.
type keyServer struct {
	*httptest.Server
	fetches atomic.Int32
	down    atomic.Bool
	wait    chan struct{} // a fetch waits for it, unless nil

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
}

func newKeyServer(t *testing.T) *keyServer {
	s := &keyServer{keys: map[string]*ecdsa.PrivateKey{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		if s.wait != nil {
			<-s.wait
		}
		if s.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		list := []any{map[string]string{"kty": "??"}} // one that nobody can use
		for id, key := range s.keys {
			jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: id}})
			if err != nil {
				panic(err)
			}
			list = append(list, jwk.Marshal())
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": list})
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) add(t *testing.T, id string) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[id] = key
	return key
}

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Now().UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func remoteVerifier(t *testing.T, s *keyServer, now func() time.Time) *Verifier {
	t.Helper()
	c := defaults("ES256")
	c.JWKS = config.JWKS{URL: s.URL, Refresh: config.Duration(time.Hour), Timeout: config.Duration(10 * time.Second), MaxStale: config.Duration(24 * time.Hour)}
	v, err := newVerifier(&c, newKeySet(c.JWKS, quiet, now), now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

//effect:keys auth.jwt.jwks.url auth.jwt.jwks.refresh auth.jwt.jwks.max_stale
func TestKeySet(t *testing.T) {
	s, clock := newKeyServer(t), newClock()
	a := s.add(t, "a")
	v := remoteVerifier(t, s, clock.now)
	claims := jwt.MapClaims{"sub": "42", "exp": clock.now().Add(1000 * time.Hour).Unix()}
	check := func(what string, key *ecdsa.PrivateKey, kid string, want error, fetches int32) {
		t.Helper()
		if _, err := v.Verify(t.Context(), signed(t, "ES256", key, kid, claims)); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		if n := s.fetches.Load(); n != fetches {
			t.Errorf("%s: %d fetches, not %d", what, n, fetches)
		}
	}
	check("cold", a, "a", nil, 1)
	check("warm", a, "a", nil, 1)
	check("without an id", a, "", nil, 1)
	b := s.add(t, "b")
	check("a new key", b, "b", nil, 2)
	check("an unknown key, at once", b, "c", ErrInvalid, 2)
	check("another unknown key", b, "d", ErrInvalid, 2)
	clock.advance(unknownEvery)
	check("an unknown key, later", b, "c", ErrInvalid, 3)
	s.down.Store(true)
	clock.advance(23 * time.Hour)
	check("a stale key", a, "a", nil, 3)
	check("an unknown key while the server is down", b, "e", ErrUnavailable, 4)
	clock.advance(2 * time.Hour)
	check("a key that is too stale", a, "a", ErrUnavailable, 5)
	check("the same, at once", a, "a", ErrUnavailable, 5)
	clock.advance(failedEvery)
	s.down.Store(false)
	check("the server is back", a, "a", nil, 6)
}

// TestOneFetch: many who want keys wait for one fetch.
func TestOneFetch(t *testing.T) {
	s := newKeyServer(t)
	s.wait = make(chan struct{})
	a := s.add(t, "a")
	v := remoteVerifier(t, s, time.Now)
	token := signed(t, "ES256", a, "a", jwt.MapClaims{"sub": "42", "exp": soon()})
	var wg sync.WaitGroup
	var began sync.WaitGroup
	began.Add(50)
	for range 50 {
		wg.Go(func() {
			began.Done()
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	began.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, token); !errors.Is(err, ErrUnavailable) {
		t.Errorf("one who does not wait: %v", err)
	}
	close(s.wait)
	wg.Wait()
	if n := s.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// TestFetchTimeout: a server of keys that does not answer holds up nobody for
// longer than it may.
//
//effect:keys auth.jwt.jwks.timeout
func TestFetchTimeout(t *testing.T) {
	t.Parallel()
	s := newKeyServer(t)
	s.wait = make(chan struct{})
	defer close(s.wait)
	a := s.add(t, "a")
	c := defaults("ES256")
	c.JWKS = config.JWKS{URL: s.URL, Refresh: config.Duration(time.Hour), Timeout: config.Duration(20 * time.Millisecond), MaxStale: config.Duration(24 * time.Hour)}
	v, err := newVerifier(&c, newKeySet(c.JWKS, quiet, time.Now), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), signed(t, "ES256", a, "a", jwt.MapClaims{"sub": "42", "exp": soon()})); !errors.Is(err, ErrUnavailable) {
		t.Errorf("the keys have come: %v", err)
	}
}
