// What a system must have for many connections, and what it has.

// Package doctor looks at the limits of a system: open files, kernel, memory. It
// says what is missing for a number of connections, and how many there can be.
package doctor

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// What a connection costs, as docs/benchmarks.md has it for idle clients over
// websocket: in the process, in the kernel, and with TLS besides.
const (
	processBytes = 1 << 10
	kernelBytes  = 7 << 10
	tlsBytes     = 16 << 10
)

// reserve are the open files that are not connections, as package loop keeps
// them.
const reserve = 256

// Level is how good or bad a finding is.
type Level string

// The levels.
const (
	Pass Level = "PASS"
	Info Level = "INFO"
	Warn Level = "WARN"
	Fail Level = "FAIL"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level  `json:"level"`
	Name  string `json:"name"`
	Value string `json:"value"`
	Note  string `json:"note,omitempty"`
	Fix   string `json:"fix,omitempty"` // what to do
}

// Report is what was found.
type Report struct {
	Target   int       `json:"target"` // connections
	Findings []Finding `json:"findings"`
	Process  int       `json:"process_connections"` // that this process can hold
	System   int       `json:"system_connections"`  // that all processes together can
	Verdict  string    `json:"verdict"`
}

// Add adds a finding.
func (r *Report) Add(l Level, name, value, note, fix string) {
	r.Findings = append(r.Findings, Finding{l, name, value, note, fix})
}

// Failed reports whether something is missing.
func (r *Report) Failed() bool {
	for _, f := range r.Findings {
		if f.Level == Fail {
			return true
		}
	}
	return false
}

// System is what is looked at.
type System struct {
	Files      fs.FS // the root of the file system: /proc and /sys are read
	Soft, Hard uint64
	PageSize   int
}

// Look looks at a system for a number of connections; 0 is that of the
// configuration, or if that has none what the limit of open files allows.
func Look(s System, c *config.Config, target int) *Report {
	files := int(min(s.Soft, math.MaxInt32)) - reserve
	if target == 0 {
		target = c.Limits.MaxConnections
	}
	if target == 0 {
		target = max(files, 0)
	}
	r := &Report{Target: target, Process: max(files, 0)}
	r.openFiles(s, target)
	r.atLeast(s, "fs.nr_open", "proc/sys/fs/nr_open", target+reserve, "no limit of open files can be higher", "sysctl -w fs.nr_open=%d")
	r.atLeast(s, "fs.file-max", "proc/sys/fs/file-max", target+reserve, "of all processes together", "sysctl -w fs.file-max=%d")
	r.queues(s)
	r.migrate(s, c)
	r.memory(s, c, target)
	r.neighbours(s, target)
	r.verdict(c)
	return r
}

// openFiles looks at the limit of the process.
func (r *Report) openFiles(s System, target int) {
	need := uint64(target + reserve)
	value := fmt.Sprintf("soft %d hard %d", s.Soft, s.Hard)
	note := fmt.Sprintf("need %d for %d connections", need, target)
	switch {
	case s.Soft >= need:
		r.Add(Pass, "open files", value, note, "")
	case s.Hard >= need:
		r.Add(Fail, "open files", value, note, fmt.Sprintf("ulimit -n %d, or LimitNOFILE=%d in the unit", need, need))
	default:
		fix := fmt.Sprintf("LimitNOFILE=%d in the unit, or in /etc/security/limits.conf", need)
		if r.Process > 0 {
			fix += fmt.Sprintf("; or %d processes with server.reuse_port", (target+r.Process-1)/r.Process)
		}
		r.Add(Fail, "open files", value, note, fix)
	}
}

// atLeast looks at a setting of the kernel that must not be less.
func (r *Report) atLeast(s System, name, path string, need int, note, fix string) {
	v, ok := number(s, path)
	switch {
	case !ok:
		r.Add(Info, name, "unknown", "this system does not tell", "")
	case v < float64(need):
		r.Add(Fail, name, whole(v), fmt.Sprintf("need %d; %s", need, note), fmt.Sprintf(fix, need))
	default:
		r.Add(Pass, name, whole(v), "", "")
	}
}

// queues looks at what holds connections that wait to be accepted.
func (r *Report) queues(s System) {
	for _, v := range []struct{ name, path string }{
		{"net.core.somaxconn", "proc/sys/net/core/somaxconn"}, {"tcp_max_syn_backlog", "proc/sys/net/ipv4/tcp_max_syn_backlog"},
	} {
		n, ok := number(s, v.path)
		switch {
		case !ok:
			r.Add(Info, v.name, "unknown", "this system does not tell", "")
		case n < 4096:
			r.Add(Warn, v.name, whole(n), "a burst of clients that come back at once overflows it", "sysctl -w "+key(v.path)+"=65535")
		default:
			r.Add(Pass, v.name, whole(n), "", "")
		}
	}
}

// migrate looks at what happens with connections that wait for a process that
// ends.
func (r *Report) migrate(s System, c *config.Config) {
	if !c.Server.ReusePort {
		return
	}
	n, ok := number(s, "proc/sys/net/ipv4/tcp_migrate_req")
	switch {
	case !ok:
		r.Add(Info, "tcp_migrate_req", "unknown", "Linux before 5.14 does not have it", "")
	case n == 0:
		r.Add(Warn, "tcp_migrate_req", "0", "connections that wait for a process that is killed are reset", "sysctl -w net.ipv4.tcp_migrate_req=1")
	default:
		r.Add(Pass, "tcp_migrate_req", whole(n), "", "")
	}
}

// memory looks at what there is, and what connections need.
func (r *Report) memory(s System, c *config.Config, target int) {
	perProcess := float64(processBytes)
	if c.Server.TLS.Enabled {
		perProcess += tlsBytes
	}
	free, what := available(s)
	need := float64(target) * (perProcess + kernelBytes)
	note := fmt.Sprintf("%d idle clients need about %s in the process and %s in the kernel", target, gib(float64(target)*perProcess), gib(float64(target)*kernelBytes))
	switch {
	case free == 0:
		r.Add(Info, "memory", "unknown", note, "")
	case need > free:
		r.Add(Fail, "memory", gib(free)+" "+what, note, "more memory, or a lower limits.max_connections")
	case need > free*float64(c.Overload.MemoryHigh):
		r.Add(Warn, "memory", gib(free)+" "+what, note+"; that is beyond overload.memory_high", "")
	default:
		r.Add(Pass, "memory", gib(free)+" "+what, note, "")
	}
	r.System = int(free / (perProcess + kernelBytes))
	if list, ok := numbers(s, "proc/sys/net/ipv4/tcp_mem"); ok && len(list) == 3 {
		most := list[2] * float64(s.PageSize)
		level, fix := Pass, ""
		if busy := float64(target) * 4096; busy > most {
			level, fix = Warn, "sysctl -w net.ipv4.tcp_mem=\"...\", or fewer bytes in slow_consumers.queue_bytes"
		}
		r.Add(level, "tcp_mem", "max "+gib(most), "all socket buffers together; at a page for each client "+gib(float64(target)*4096), fix)
	}
}

// neighbours looks at what else limits connections.
func (r *Report) neighbours(s System, target int) {
	if n, ok := number(s, "proc/sys/net/netfilter/nf_conntrack_max"); ok {
		level, fix := Pass, ""
		if n < 2*float64(target) {
			level, fix = Warn, fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d, or no tracking for this port", 4*target)
		}
		r.Add(level, "conntrack", whole(n), "connections that a firewall tracks, those that have just ended included", fix)
	} else {
		r.Add(Info, "conntrack", "not loaded", "", "")
	}
	if list, ok := numbers(s, "proc/sys/net/ipv4/ip_local_port_range"); ok && len(list) == 2 {
		r.Add(Info, "ip_local_port_range", whole(list[1]-list[0]+1), "limits clients behind one address, as of a proxy: so many to each address of this server", "")
	}
	if n, ok := number(s, "proc/sys/kernel/io_uring_disabled"); ok && n > 0 {
		r.Add(Info, "io_uring", "off", "kernel.io_uring_disabled is "+whole(n)+": output leaves by a system call for each client", "")
	}
	if quota, ok := cpus(s); ok {
		r.Add(Info, "processors", quota, "of this control group", "")
	}
}

// verdict says how many connections there can be.
func (r *Report) verdict(c *config.Config) {
	process := r.Process
	if m := c.Limits.MaxConnections; m > 0 {
		process = min(process, m)
	}
	if r.System > 0 {
		process = min(process, r.System)
	}
	r.Process = process
	r.Verdict = fmt.Sprintf("this process can hold %d connections", process)
	if r.System > process {
		r.Verdict += fmt.Sprintf("; with more open files, or more processes on one port, this system can hold about %s by its memory", round(r.System))
	}
}

// number reads a file that holds one.
func number(s System, path string) (float64, bool) {
	list, ok := numbers(s, path)
	if !ok || len(list) != 1 {
		return 0, false
	}
	return list[0], true
}

// numbers reads a file that holds some.
func numbers(s System, path string) (list []float64, ok bool) {
	b, err := fs.ReadFile(s.Files, path)
	if err != nil {
		return nil, false
	}
	for _, word := range strings.Fields(string(b)) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

// available is the memory that connections can have: what the control group
// allows, or what the system has.
func available(s System) (bytes float64, what string) {
	if b, err := fs.ReadFile(s.Files, "proc/meminfo"); err == nil {
		for _, line := range strings.Split(string(b), "\n") {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				bytes, what = kb*1024, "available"
			}
		}
	}
	limit, ok := number(s, "sys/fs/cgroup/memory.max")
	used, _ := number(s, "sys/fs/cgroup/memory.current")
	if left := limit - used; ok && (bytes == 0 || left < bytes) {
		bytes, what = max(left, 1), "left to this control group"
	}
	return bytes, what
}

// cpus is the share of processors of the control group.
func cpus(s System) (string, bool) {
	list, ok := numbers(s, "sys/fs/cgroup/cpu.max")
	if !ok || len(list) != 2 || list[1] == 0 {
		return "", false
	}
	return strconv.FormatFloat(list[0]/list[1], 'f', 2, 64), true
}

// key is the sysctl of a path.
func key(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "proc/sys/"), "/", ".")
}

func whole(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

func gib(bytes float64) string {
	if bytes < 1<<30 {
		return strconv.FormatFloat(bytes/(1<<20), 'f', 0, 64) + " MiB"
	}
	return strconv.FormatFloat(bytes/(1<<30), 'f', 1, 64) + " GiB"
}

// round writes a number with two digits that count.
func round(n int) string {
	if n < 1_000_000 {
		return strconv.Itoa(n / 1000 * 1000)
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " M"
}
