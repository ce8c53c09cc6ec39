// The whole machine: sockets, their memory, what the network stack had to drop.

package proc

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Kernel is a reading of what belongs to no process.
type Kernel struct {
	// Sockets in use, those waiting out their time, and the pages of their
	// buffers in bytes.
	TCPInUse, TimeWait, BufferBytes int64
	// SlabBytes is what the records of sockets, files and polling take; 0 if this
	// user may not read it.
	SlabBytes int64
	// Counters since the machine started.
	ListenOverflows, ListenDrops, Retransmits, Timeouts int64
	// StealTicks is time that the hypervisor gave to others, in clock ticks.
	StealTicks int64
}

// socketSlabs are the caches that grow with connections.
var socketSlabs = map[string]bool{
	"TCP": true, "TCPv6": true, "sock_inode_cache": true, "filp": true, "dentry": true, "eventpoll_epi": true,
	"eventpoll_pwq": true, "request_sock_TCP": true, "tw_sock_TCP": true, "tcp_bind_bucket": true, "tcp_bind2_bucket": true,
}

// ReadKernel reads them. Any goroutine.
func ReadKernel() (k Kernel) {
	if b, err := os.ReadFile("/proc/net/sockstat"); err == nil {
		for line := range bytes.Lines(b) {
			if f := strings.Fields(string(line)); len(f) > 0 && f[0] == "TCP:" {
				k.TCPInUse, k.TimeWait = pair(f, "inuse"), pair(f, "tw")
				k.BufferBytes = pair(f, "mem") * int64(os.Getpagesize())
			}
		}
	}
	if b, err := os.ReadFile("/proc/slabinfo"); err == nil {
		k.SlabBytes = slabBytes(b)
	}
	if b, err := os.ReadFile("/proc/net/netstat"); err == nil {
		t := table(b, "TcpExt:")
		k.ListenOverflows, k.ListenDrops, k.Timeouts = t["ListenOverflows"], t["ListenDrops"], t["TCPTimeouts"]
	}
	if b, err := os.ReadFile("/proc/net/snmp"); err == nil {
		k.Retransmits = table(b, "Tcp:")["RetransSegs"]
	}
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := bytes.Cut(b, []byte{'\n'})
		if f := bytes.Fields(line); len(f) > 8 {
			k.StealTicks = number(f[8])
		}
	}
	return k
}

// slabBytes sums active objects times their size.
func slabBytes(b []byte) (sum int64) {
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) > 3 && socketSlabs[string(f[0])] {
			sum += number(f[1]) * number(f[3])
		}
	}
	return sum
}

// pair is the number behind a word.
func pair(f []string, word string) int64 {
	for i := 0; i+1 < len(f); i++ {
		if f[i] == word {
			v, _ := strconv.ParseInt(f[i+1], 10, 64)
			return v
		}
	}
	return 0
}

// table reads two lines that begin with name, the first with the titles.
func table(b []byte, name string) map[string]int64 {
	t := map[string]int64{}
	var titles [][]byte
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) == 0 || string(f[0]) != name {
			continue
		}
		if titles == nil {
			titles = f
			continue
		}
		for i := 1; i < len(f) && i < len(titles); i++ {
			t[string(titles[i])] = number(f[i])
		}
	}
	return t
}
