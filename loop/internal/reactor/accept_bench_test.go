// What it costs to accept, by gnet on each loop and by one goroutine for all.

package reactor

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/transport"
)

// BenchmarkAccept opens a connection, is answered and closes, and tells the
// processor time of both sides. The difference between the first two is what
// handing over costs.
func BenchmarkAccept(b *testing.B) {
	for _, kind := range []string{"own", "given", "unix"} {
		b.Run(kind, func(b *testing.B) {
			l := Listener{Addr: "127.0.0.1:0"}
			switch kind {
			case "given":
				ln, err := net.Listen("tcp", l.Addr)
				if err != nil {
					b.Fatal(err)
				}
				l = Listener{Given: ln}
			case "unix":
				l.Addr = "unix:" + b.TempDir() + "/s"
			}
			o := transport.Defaults()
			engines := transport.NewGroup(1, &o, func() int64 { return 0 })
			r, err := New(Config{Listeners: []Listener{l}, Logger: slog.New(slog.DiscardHandler)}, engines, func() int64 { return 0 })
			if err != nil {
				b.Fatal(err)
			}
			engines[0].Attach(&handler{engines[0], nil}, r.Network(0))
			ended := make(chan error, 1)
			go func() { ended <- r.Run() }()
			<-r.Booted()
			network, addr := "tcp", r.Addrs()[0]
			if kind == "unix" {
				network, addr = "unix", addr[len("unix:"):]
			}
			before := processorTime(b)
			for b.Loop() {
				c, err := net.Dial(network, addr)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e3, "cpu-us/op")
			r.Stop()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// processorTime is the time that the process has used, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	return ru.Utime.Nano() + ru.Stime.Nano()
}
