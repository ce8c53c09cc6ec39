// One process: time, memory, descriptors, context switches.

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrGone is a process that has ended.
var ErrGone = errors.New("proc: the process has ended")

// Process is a reading of one process, or the sum over several.
type Process struct {
	// CPUNs is processor time of all its threads, those that have ended included;
	// UserTicks and SystemTicks are the same in clock ticks.
	CPUNs int64
	// WaitNs is how long its threads were ready to run and did not.
	WaitNs                 int64
	UserTicks, SystemTicks int64
	RSSBytes, PeakRSSBytes int64
	// PSSBytes is 0 unless it was asked for: to read it, the kernel walks all
	// the memory.
	PSSBytes    int64
	Threads     int64
	Descriptors int64
	Switches    int64
}

// Read reads a process; with pss its proportional share of memory too. Any
// goroutine.
func Read(pid int, pss bool) (p Process, err error) {
	if p, err = readAt("/proc", pid, pss); err != nil {
		return p, err
	}
	// The sum over the threads lacks those that have ended.
	if ns := cpuClock(pid); ns > 0 {
		p.CPUNs = ns
	}
	return p, nil
}

// cpuClock is the processor time clock of a process, 0 if it cannot be read. Its
// number is that of clock_getcpuclockid(3).
func cpuClock(pid int) int64 {
	const schedulerTime = 2
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|schedulerTime), &ts) != nil {
		return 0
	}
	return ts.Nano()
}

// readAt is Read with another place for /proc, for tests.
func readAt(root string, pid int, pss bool) (p Process, err error) {
	dir := filepath.Join(root, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, fmt.Errorf("%w (pid %d)", ErrGone, pid)
	}
	// The name in parentheses may hold anything, so fields are counted from its end.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) > 17 {
		p.UserTicks, p.SystemTicks, p.Threads = number(fields[11]), number(fields[12]), number(fields[17])
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return p, fmt.Errorf("%w (pid %d)", ErrGone, pid)
	}
	p.RSSBytes = field(status, "VmRSS:") << 10
	p.PeakRSSBytes = field(status, "VmHWM:") << 10
	if pss {
		// Not readable for other users' processes; it stays 0 then.
		rollup, _ := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
		p.PSSBytes = field(rollup, "Pss:") << 10
	}
	p.readThreads(dir)
	// The size of the directory is the count of descriptors since Linux 6.2.
	// Listing it would make the kernel keep an entry for each of them.
	if fi, err := os.Stat(filepath.Join(dir, "fd")); err == nil {
		p.Descriptors = fi.Size()
	}
	return p, nil
}

// readThreads sums what only threads tell.
func (p *Process) readThreads(dir string) {
	tasks, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return
	}
	for _, t := range tasks {
		// A thread that ends in between counts no more.
		if b, err := os.ReadFile(filepath.Join(dir, "task", t.Name(), "schedstat")); err == nil {
			if f := bytes.Fields(b); len(f) == 3 {
				p.CPUNs += number(f[0])
				p.WaitNs += number(f[1])
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, "task", t.Name(), "status")); err == nil {
			p.Switches += field(b, "voluntary_ctxt_switches:") + field(b, "nonvoluntary_ctxt_switches:")
		}
	}
}

// ReadAll is the sum over processes. Those that have ended are left out and
// reported by their count. Any goroutine.
func ReadAll(pids []int, pss bool) (sum Process, gone int) {
	for _, pid := range pids {
		p, err := Read(pid, pss)
		if err != nil {
			gone++
			continue
		}
		sum.CPUNs += p.CPUNs
		sum.WaitNs += p.WaitNs
		sum.UserTicks += p.UserTicks
		sum.SystemTicks += p.SystemTicks
		sum.RSSBytes += p.RSSBytes
		sum.PeakRSSBytes += p.PeakRSSBytes
		sum.PSSBytes += p.PSSBytes
		sum.Threads += p.Threads
		sum.Descriptors += p.Descriptors
		sum.Switches += p.Switches
	}
	return sum, gone
}

// Family is a process and all its descendants. Any goroutine.
func Family(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, t := range tasks {
			b, err := os.ReadFile(t)
			if err != nil {
				continue
			}
			for _, f := range strings.Fields(string(b)) {
				if child, err := strconv.Atoi(f); err == nil {
					pids = append(pids, child)
				}
			}
		}
	}
	return pids
}

// field finds "name value" at the beginning of a line.
func field(b []byte, name string) int64 {
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				return number(f[0])
			}
		}
	}
	return 0
}

func number(b []byte) int64 {
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return v
}
