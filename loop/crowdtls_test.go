// What a silent client with TLS costs, next to a server of package net/http.

package loop_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/loop"
)

// crowdTLS is the number of clients.
const crowdTLS = 4000

// serveGoroutines is a server as one would write it with package net/http: a
// goroutine for each websocket.
func serveGoroutines() (addr string, clients func() int, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var joined atomic.Int64
	up := gorilla.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: new(sync.Pool)}
	srv := &http.Server{TLSConfig: serving(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if c.WriteMessage(gorilla.TextMessage, []byte(`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)) != nil {
			return
		}
		for {
			_, p, err := c.ReadMessage()
			if err != nil {
				return
			}
			if string(p) == "40" {
				joined.Add(1)
				_ = c.WriteMessage(gorilla.TextMessage, []byte(`40{"sid":"y"}`))
			}
		}
	})}
	go func() { _ = srv.ServeTLS(ln, "", "") }()
	return ln.Addr().String(), func() int { return int(joined.Load()) }, nil
}

// BenchmarkCrowdTLS: websocket clients that have joined and are silent, on a
// server in a process of its own.
func BenchmarkCrowdTLS(b *testing.B) {
	for _, keeps := range []string{"tls", "goroutines"} {
		b.Run(keeps, func(b *testing.B) {
			var few, all crowdState
			var cpu float64
			for b.Loop() {
				few, all, cpu = measureCrowdTLS(b, keeps)
			}
			n := float64(all.Sockets - few.Sockets)
			b.ReportMetric(float64(all.RSS-few.RSS)/n, "rss-B/client")
			b.ReportMetric(float64(all.Objects-few.Objects)/n, "objects/client")
			b.ReportMetric(1e6*cpu/n, "cpu-us/connect")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func measureCrowdTLS(b *testing.B, keeps string) (few, all crowdState, cpu float64) {
	cmd, in, state := startCrowd(b, keeps)
	var list []*sio
	defer func() { dropAll(list) }()
	join := func(addr string, n int) {
		more := make([]*sio, n)
		if err := parallel(8, func(w int) error {
			for i := w; i < n; i += 8 {
				c, _, err := connectTLS(addr, &tls.Config{InsecureSkipVerify: true})
				if err != nil {
					return fmt.Errorf("client %d: %w", i, err)
				}
				more[i] = c
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		list = append(list, more...)
	}
	addr := state().Addr
	join(addr, 1000)
	few = state()
	join(addr, crowdTLS-1000)
	all = state()
	if few.Sockets != 1000 || all.Sockets != crowdTLS {
		b.Fatalf("%d and %d sockets, want 1000 and %d", few.Sockets, all.Sockets, crowdTLS)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return few, all, all.CPU - few.Told
}

// processTime is the processor time that this process has used, in seconds.
func processTime() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// crowdConfig is the configuration of a server of this package.
func crowdConfig(keeps string) loop.Config {
	cfg := loop.Config{Listen: []string{"127.0.0.1:0"}, Loops: 1, DropHandshake: keeps != "kept"}
	if keeps == "tls" {
		cfg.TLS = serving()
	}
	return cfg
}
