// What the kernel knows of a connection.

package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// TCP is the smoothed round trip time of a connection, the bytes received, and
// those sent that the peer has acknowledged. ok is false if it is none of TCP. On
// the loop of the connection only.
func TCP(fd int) (rtt time.Duration, in, out uint64, ok bool) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, 0, 0, false
	}
	return time.Duration(info.Rtt) * time.Microsecond, info.Bytes_received, info.Bytes_acked, true
}
