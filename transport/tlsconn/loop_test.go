// The loop of tests: a goroutine that owns connections of this package, between them and real clients.

package tlsconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// configs are the server's and the client's configuration.
var configs = sync.OnceValues(func() (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	server, err = Config(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		panic(err)
	}
	return server, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http1}}
})

// loop is one connection with the goroutine that runs it. What the client says
// is said back.
type loop struct {
	c     *Conn
	pool  *Handshakes
	wire  net.Conn // to the client
	cut   func([]byte) [][]byte
	calls chan func() // to be run on the loop
	ended chan error  // how it ended; io.EOF is an orderly end
}

// dial makes a connection and returns the client's side of it.
func dial(t testing.TB, pool *Handshakes, cut func([]byte) [][]byte) (net.Conn, *loop) {
	t.Helper()
	near, far := net.Pipe()
	_ = near.SetDeadline(time.Now().Add(patience))
	server, _ := configs()
	l := &loop{
		c: Server(server, far.RemoteAddr(), far.LocalAddr()), pool: pool, wire: far, cut: cut,
		calls: make(chan func(), 100), ended: make(chan error, 1),
	}
	if cut == nil {
		l.cut = func(p []byte) [][]byte { return [][]byte{p} }
	}
	stop := make(chan struct{})
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
		<-stop
	})
	go l.run(stop)
	return near, l
}

// run reads and runs calls until the connection ends.
func (l *loop) run(stop chan<- struct{}) {
	defer close(stop)
	reads := make(chan []byte)
	go func() {
		defer close(reads)
		for {
			p := make([]byte, 64<<10)
			n, err := l.wire.Read(p)
			if err != nil {
				return
			}
			reads <- p[:n]
		}
	}()
	var err error
	for err == nil {
		select {
		case p, ok := <-reads:
			if !ok {
				err = net.ErrClosed
				break
			}
			for _, piece := range l.cut(p) {
				if err == nil {
					err = l.feed(piece)
				}
			}
		case f := <-l.calls:
			if f == nil {
				err = l.progress()
			} else {
				f()
			}
		}
	}
	l.c.Abandon()
	l.send(l.c.Notify(nil))
	_ = l.wire.Close()
	for range reads {
	}
	l.ended <- err
}

// feed gives bytes to the connection. They are destroyed afterwards.
func (l *loop) feed(p []byte) error {
	p = append([]byte(nil), p...)
	defer clear(p)
	if !l.c.Handshaking() {
		l.c.Feed(p)
		return l.read()
	}
	ready, err := l.c.Offer(p)
	if ready {
		l.c.Start(l.pool, 1<<20, func() { l.calls <- nil })
	}
	return err
}

// progress acts on what a handshake tells.
func (l *loop) progress() error {
	if !l.c.Handshaking() {
		return nil
	}
	over, err := l.c.Progress()
	out, _ := l.c.Encrypt(nil, nil)
	l.send(out)
	if over && err == nil {
		err = l.read()
	}
	return err
}

// read says back what is there.
func (l *loop) read() error {
	p := make([]byte, 1000)
	var out []byte
	for {
		n, err := l.c.Decrypt(p)
		if n > 0 {
			var sealErr error
			if out, sealErr = l.c.Encrypt(out, p[:n]); sealErr != nil {
				return sealErr
			}
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, ErrWouldBlock):
			err = nil
		}
		if l.c.Pending() {
			out, _ = l.c.Encrypt(out, nil)
		}
		l.send(out)
		return err
	}
}

func (l *loop) send(p []byte) {
	if len(p) > 0 {
		_, _ = l.wire.Write(p)
	}
}

// within waits for a value of a channel.
func within[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not in time: %s", what)
		panic("unreachable")
	}
}

// on runs f on the loop and waits for it.
func (l *loop) on(t testing.TB, f func()) {
	t.Helper()
	done := make(chan struct{})
	l.calls <- func() { f(); close(done) }
	within(t, "a call on the loop", done)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// said demands that the client gets back what it says.
func said(t testing.TB, client net.Conn, p []byte) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := client.Write(p)
		failed <- err
	}()
	got := make([]byte, len(p))
	if _, err := io.ReadFull(client, got); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if string(got) != string(p) {
		t.Fatalf("%d bytes come back changed", len(p))
	}
}
