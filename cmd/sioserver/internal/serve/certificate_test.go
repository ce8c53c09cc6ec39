// The certificate: served, and changed by a signal.

package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// writeCertificate writes a certificate of its own authority, and its key.
func writeCertificate(t *testing.T, cert, key, name string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

//effect:keys server.tls.enabled server.tls.cert server.tls.key
func TestCertificateOnSignal(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	r := config.Request{Dev: true, Flags: settings("server.listen", "127.0.0.1:0", "server.tls.enabled", "true", "server.tls.cert", cert, "server.tls.key", key)}
	loaded, err := config.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Options{Loaded: loaded, Stdout: io.Discard, Stderr: io.Discard}); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("without the files: %v", err)
	}
	writeCertificate(t, cert, key, "first")
	s := run(t, r)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	named := func(want string) {
		t.Helper()
		res, err := client.Get(s.URL + "socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.TLS.PeerCertificates[0].Subject.CommonName; got != want || res.StatusCode != 200 {
			t.Errorf("status %d, certificate of %s, want %s", res.StatusCode, got, want)
		}
	}
	named("first")
	writeCertificate(t, cert, key, "second")
	signalSelf(t, syscall.SIGHUP)
	s.log.next(t, "CN=second")
	named("second")
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	signalSelf(t, syscall.SIGHUP)
	s.log.next(t, "the configuration stays the one it was")
	named("second")
	s.stop()
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}
