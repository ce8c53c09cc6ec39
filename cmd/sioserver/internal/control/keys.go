// Keys of the API: who may do what, from where, and how often.

package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// The scopes of keys.
const (
	scopeNone   = "" // for everybody
	scopeEmit   = "emit"
	scopeRead   = "read"
	scopeManage = "manage"
	scopeAdmin  = "admin"
)

// key is a key that can be used.
type key struct {
	name       string
	hash       [sha256.Size]byte
	scopes     []string
	namespaces []string // empty for all
	cidrs      []netip.Prefix
	limit      *rate.Limiter // nil for none
	perSecond  config.Rate
}

// keyring is the keys of a configuration.
type keyring struct{ keys []*key }

// newKeyring reads keys. One whose rate has not changed keeps what it has used of
// it.
func newKeyring(list []config.Key, before *keyring) (*keyring, error) {
	ring := &keyring{}
	for i, c := range list {
		k := &key{name: c.Name, scopes: c.Scopes, namespaces: c.Namespaces, perSecond: c.Rate}
		at := fmt.Sprintf("control.keys[%d] (%s)", i, c.Name)
		switch {
		case c.Key != "" && c.SHA256 != "":
			return nil, fmt.Errorf("%s has key and sha256: give one of them", at)
		case c.Key != "":
			k.hash = sha256.Sum256([]byte(c.Key))
		default:
			h, err := hex.DecodeString(c.SHA256)
			if err != nil || len(h) != sha256.Size {
				return nil, fmt.Errorf("%s: sha256 is not 64 hexadecimal digits: make them with `printf %%s KEY | sha256sum`", at)
			}
			k.hash = [sha256.Size]byte(h)
		}
		for _, text := range c.CIDRs {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("%s: cidrs: %w", at, err)
			}
			k.cidrs = append(k.cidrs, p.Masked())
		}
		if c.Rate > 0 {
			k.limit = rate.NewLimiter(rate.Limit(c.Rate), max(1, int(2*c.Rate)))
			if old := before.named(k.name); old != nil && old.perSecond == c.Rate {
				k.limit = old.limit
			}
		}
		ring.keys = append(ring.keys, k)
	}
	return ring, nil
}

// named is the key of this name, nil if there is none.
func (r *keyring) named(name string) *key {
	if r == nil {
		return nil
	}
	for _, k := range r.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

// find returns the key with this text, nil if there is none. How long it takes
// does not depend on which one it is.
func (r *keyring) find(text string) (found *key) {
	hash := sha256.Sum256([]byte(text))
	for _, k := range r.keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			found = k
		}
	}
	return found
}

// may reports whether the key has a scope. The scope admin has all others.
func (k *key) may(scope string) bool {
	return slices.Contains(k.scopes, scope) || slices.Contains(k.scopes, scopeAdmin)
}

// reaches reports whether the key may touch a namespace.
func (k *key) reaches(namespace string) bool {
	return len(k.namespaces) == 0 || slices.Contains(k.namespaces, namespace)
}

// authorize finds the key of a request and checks that it may do this now.
func (c *Control) authorize(r *http.Request, scope string) (*key, error) {
	text := r.Header.Get("X-API-Key")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(token)
	}
	if text == "" {
		return nil, fail(codeUnauthorized, "send a key of control.keys as \"Authorization: Bearer KEY\"")
	}
	k := c.keys.Load().find(text)
	switch {
	case k == nil:
		return nil, fail(codeUnauthorized, "this key is not in control.keys")
	case !k.from(r.RemoteAddr):
		return nil, fail(codeForbidden, "the key %q may not be used from %s: see its cidrs", k.name, r.RemoteAddr)
	case !k.may(scope):
		return nil, fail(codeForbidden, "the key %q has not the scope %q", k.name, scope)
	}
	return k, k.spend(1)
}

// Identify tells whose key a text is and what it may do, if it may be used from
// where the request comes from.
func (c *Control) Identify(text string, r *http.Request) (name string, scopes []string, ok bool) {
	k := c.keys.Load().find(text)
	if k == nil || !k.from(r.RemoteAddr) {
		return "", nil, false
	}
	return k.name, slices.Clone(k.scopes), true
}

// spend takes n requests off the key's rate.
func (k *key) spend(n int) error {
	if k.limit == nil {
		return nil
	}
	if now := time.Now(); !k.limit.AllowN(now, n) {
		e := fail(codeRateLimited, "the key %q has a rate of %g/s", k.name, float64(k.perSecond))
		e.retry = time.Duration(float64(time.Second) / float64(k.perSecond))
		return e
	}
	return nil
}

// from reports whether the key may be used from an address.
func (k *key) from(remote string) bool {
	if len(k.cidrs) == 0 {
		return true
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(k.cidrs, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}
