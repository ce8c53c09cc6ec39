// What a silent client costs that polls.

package loop_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkCrowdPolling is BenchmarkCrowd for clients that poll: with a poll
// open, with an idle connection besides, and with no connection at all, as
// between two polls. The server drops handshakes.
func BenchmarkCrowdPolling(b *testing.B) {
	for _, v := range []struct {
		name string
		conn int // connections of each
	}{{"poll open", 1}, {"poll open and an idle connection", 2}, {"between polls", 0}} {
		b.Run(v.name, func(b *testing.B) {
			var few, all crowdState
			for b.Loop() {
				few, all = measureCrowdOf(b, "dropped", crowdSize/max(v.conn, 1), max(v.conn, 1), func(to netip.AddrPort) ([]int, error) { return joinPolling(to, v.conn) })
			}
			n := all.Sockets - few.Sockets
			b.ReportMetric(float64(all.RSS-few.RSS)/float64(n), "rss-B/client")
			b.ReportMetric(float64(all.Objects-few.Objects)/float64(n), "objects/client")
			b.ReportMetric(1e3*all.GC, "cpu-ms/GC")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// joinPolling is one more client that polls. The first of its connections has
// the poll, another one has sent what there was to send.
func joinPolling(to netip.AddrPort, conns int) (fds []int, err error) {
	defer func() {
		if err != nil || conns == 0 {
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
			fds = nil
		}
	}()
	for range max(conns, 1) {
		fd, err := dialCrowd(to)
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
	}
	var answer [2048]byte
	ask := func(fd int, method, query, body, want string) error {
		request := fmt.Sprintf("%s /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, query, len(body), body)
		if _, err := unix.Write(fd, []byte(request)); err != nil || want == "" {
			return err
		}
		return readCrowd(fd, answer[:], want)
	}
	if err := ask(fds[0], "GET", "", "", `"maxPayload"`); err != nil {
		return fds, err
	}
	_, rest, _ := bytes.Cut(answer[:], []byte(`"sid":"`))
	sid, _, ok := strings.Cut(string(rest), `"`)
	if !ok {
		return fds, fmt.Errorf("no session: %q", answer)
	}
	query := "&sid=" + sid
	if err := ask(fds[len(fds)-1], "POST", query, "40", "\r\n\r\nok"); err != nil {
		return fds, err
	}
	if err := ask(fds[0], "GET", query, "", `40{"sid"`); err != nil {
		return fds, err
	}
	if conns > 0 {
		err = ask(fds[0], "GET", query, "", "")
	}
	return fds, err
}
