// Certificates for tests, made when they run.

package loop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// overTLS makes all tests of this package run over TLS: their servers speak it
// and their clients too.
var overTLS = os.Getenv("SIO_TEST_TLS") != ""

// authority is a CA that everybody in the tests trusts.
var authority = sync.OnceValue(func() *issuer {
	return issue(nil, "test authority")
})

// issuer is a certificate with its key.
type issuer struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

// issue makes a certificate for a name: one signed by ca, or an authority.
func issue(ca *issuer, name string) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if ca == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &issuer{cert, der, key}
}

// certificate makes one for a server or a client.
func certificate(name string) tls.Certificate {
	i := issue(authority(), name)
	return tls.Certificate{Certificate: [][]byte{i.der}, PrivateKey: i.key, Leaf: i.cert}
}

// write writes the certificate and its key as files.
func (i *issuer) write(t testing.TB, cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: i.der}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// trusting is a client's configuration that trusts the authority.
func trusting() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(authority().cert)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// serving is a server's configuration.
var serving = sync.OnceValue(func() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate("localhost")}}
})

// TestReloadUnderClients: a certificate is changed under live clients; none of
// them notices, and new ones see the new one.
func TestReloadUnderClients(t *testing.T) {
	const clients = 1000
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	issue(authority(), "first").write(t, cert, key)
	file, err := loop.NewCertificateFile(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, loop.Config{TLS: &tls.Config{GetCertificate: file.GetCertificate}}, onSync)
	join := func(n int, name string) []*sio {
		t.Helper()
		list := make([]*sio, n)
		const workers = 8
		if err := parallel(workers, func(w int) error {
			for i := w; i < n; i += workers {
				c, conn, err := connectTLS(s.addr(), trusting())
				if err != nil {
					return err
				}
				list[i] = c
				if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
					return fmt.Errorf("the certificate is that of %s, want %s", got, name)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dropAll(list) })
		return list
	}
	old := join(clients, "first")
	issue(authority(), "second").write(t, cert, key)
	if err := file.Reload(); err != nil {
		t.Fatal(err)
	}
	fresh := join(20, "second")
	if err := s.Emit("m"); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(old, fresh...) {
		c.expect(t, `2["m"]`)
	}
	if st := s.stats(t); st.Disconnects != 0 || st.Sockets != clients+20 {
		t.Errorf("%d disconnects, %d sockets", st.Disconnects, st.Sockets)
	}
}

func TestCertificateFile(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := loop.NewCertificateFile(cert, key); err == nil {
		t.Fatal("no files are a certificate")
	}
	first, second := issue(authority(), "first"), issue(authority(), "second")
	first.write(t, cert, key)
	c, err := loop.NewCertificateFile(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	named := func(want string) {
		t.Helper()
		got, err := c.GetCertificate(nil)
		if err != nil || got.Leaf.Subject.CommonName != want || c.Certificate() != got {
			t.Errorf("certificate of %v, %v, want that of %s", got.Leaf.Subject, err, want)
		}
	}
	named("first")
	second.write(t, cert, filepath.Join(dir, "other.pem"))
	if err := c.Reload(); err == nil {
		t.Error("a certificate with another's key is loaded")
	}
	named("first")
	second.write(t, cert, key)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	named("second")
}
