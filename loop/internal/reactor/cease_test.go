// Ceasing: what the reactor listens on, and who else does.

package reactor

import (
	"net"
	"strings"
	"testing"
)

// TestSocketsOfLoops: gnet's sockets are found, one for each loop and address.
// If this fails with another version of gnet, see socketsOf.
func TestSocketsOfLoops(t *testing.T) {
	f := newFixture(t, 3, Config{Listeners: shared("127.0.0.1:0", "[::1]:0")}).start()
	sockets, err := f.listening()
	if err != nil || len(sockets) != 6 {
		t.Fatalf("%d sockets, %v", len(sockets), err)
	}
	seen := map[int]bool{}
	for _, s := range sockets {
		sa, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+s.port)
		if err != nil || sa.Port == 0 || !s.shared || seen[s.fd] {
			t.Errorf("%+v, %v", s, err)
		}
		seen[s.fd] = true
	}
}

// TestAccompanied: another process, or reactor, that listens on the port is
// noticed, and that it has gone.
func TestAccompanied(t *testing.T) {
	f := newFixture(t, 2, Config{Listeners: shared("127.0.0.1:0")}).start()
	sockets, err := f.listening()
	if err != nil {
		t.Fatal(err)
	}
	if accompanied(sockets) {
		t.Error("it is alone")
	}
	other := newFixture(t, 2, Config{Listeners: shared(f.Addrs()[0])}).start()
	if !accompanied(sockets) {
		t.Error("the other one is not noticed")
	}
	if err := other.Cease(t.Context()); err != nil {
		t.Fatal(err)
	}
	if accompanied(sockets) {
		t.Error("the other one has ceased")
	}
	if _, ok := listeners("x"); ok {
		t.Error("a port that is none has a number of listeners")
	}
}

// TestListed: a table of the kernel.
func TestListed(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:0BB8 0100007F:A3F2 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
`
	for port, want := range map[uint64]int{3000: 2, 22: 1, 80: 0} {
		if n := listed(strings.NewReader(table), port); n != want {
			t.Errorf("%d listen on %d, want %d", n, port, want)
		}
	}
}
