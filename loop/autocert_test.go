// TLS with package autocert, without an authority that issues certificates: they are in its cache.

package loop_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/sioserver/sioserver/loop"
)

// cached puts a certificate for a name where autocert looks for it, and returns
// who trusts it.
func cached(t *testing.T, cache autocert.Cache, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(80 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := cache.Put(context.Background(), name, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	return pool
}

// TestAutocert: the manager's configuration serves as it is; names that are not
// allowed get no certificate, and nobody asks for one.
func TestAutocert(t *testing.T) {
	var asked atomic.Int32
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	defer authority.Close()
	cache := autocert.DirCache(t.TempDir())
	trusted := cached(t, cache, "chat.example.com")
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: cache, HostPolicy: autocert.HostWhitelist("chat.example.com"),
		Client: &acme.Client{DirectoryURL: authority.URL},
	}
	s := serve(t, loop.Config{Listeners: []loop.Listener{{Address: "127.0.0.1:0", TLS: manager.TLSConfig()}}}, onSync)
	for range 3 {
		c, err := dialTLS(s.Addrs()[1], &tls.Config{RootCAs: trusted, ServerName: "chat.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		w, err := openWebSocket(c, "")
		if err != nil {
			t.Fatal(err)
		}
		client := &sio{w}
		if _, err := client.join("/", ""); err != nil {
			t.Fatal(err)
		}
		client.sync(t)
		client.drop()
	}
	if _, err := dialTLS(s.Addrs()[1], &tls.Config{RootCAs: trusted, ServerName: "other.example.com"}); err == nil {
		t.Error("a name that is not allowed is served")
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the authority was asked %d times", n)
	}
}
