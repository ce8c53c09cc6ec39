// The certificate of the command: served, and changed by a signal.

package main

import (
	"context"
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

func TestCertificateOnSignal(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	args := []string{"--dev", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("without the files: %v", err)
	}
	writeCertificate(t, cert, key, "first")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, log := &output{lines: make(chan string, 100)}, &output{lines: make(chan string, 100)}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, out, log) }()
	next := func(o *output, text string) string {
		t.Helper()
		for {
			select {
			case line := <-o.lines:
				if strings.Contains(line, text) {
					return line
				}
			case err := <-ended:
				t.Fatal(err)
			case <-time.After(20 * time.Second):
				t.Fatalf("no line with %q", text)
			}
		}
	}
	url := strings.TrimSpace(next(out, "https://127.0.0.1:"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	named := func(want string) {
		t.Helper()
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.TLS.PeerCertificates[0].Subject.CommonName; got != want || res.StatusCode != 200 {
			t.Errorf("status %d, certificate of %s, want %s", res.StatusCode, got, want)
		}
	}
	named("first")
	hangUp := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	writeCertificate(t, cert, key, "second")
	hangUp()
	next(log, "CN=second")
	named("second")
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangUp()
	next(log, "the certificate stays the one it was")
	named("second")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
