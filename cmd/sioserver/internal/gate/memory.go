// How much of the memory is in use: the control group's, the runtime's limit, or the machine's.

package gate

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

// Memory reads how much of the memory for this process is in use.
type Memory struct {
	files fs.FS

	mu     sync.Mutex
	share  float64
	source string
}

// NewMemory reads /proc and /sys below a directory.
func NewMemory(root string) *Memory { return &Memory{files: os.DirFS(root)} }

// Last is what the last Read has returned.
func (m *Memory) Last() (share float64, source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.share, m.source
}

// Read returns the share that is in use, 0 to 1, and what tells so: "cgroup" (v2,
// with the memory of the kernel for sockets), "GOMEMLIMIT", "MemAvailable", or
// "" if nothing does.
func (m *Memory) Read() (share float64, source string) {
	share, ok := m.cgroup()
	source = "cgroup"
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		if s := runtimeBytes() / float64(limit); !ok || s > share {
			share, source, ok = s, "GOMEMLIMIT", true
		}
	}
	if !ok {
		share, ok = m.machine()
		source = "MemAvailable"
	}
	if !ok {
		share, source = 0, ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.share, m.source = share, source
	return share, source
}

// cgroup is the fullest of the process's control group and those around it that
// have a limit. Files in the page cache that were not used lately are left out:
// the kernel gives them up first.
func (m *Memory) cgroup() (share float64, ok bool) {
	text, err := fs.ReadFile(m.files, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		group, v2 := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !v2 {
			continue
		}
		for dir := path.Join("sys/fs/cgroup", group); strings.HasPrefix(dir, "sys/fs/cgroup"); dir = path.Dir(dir) {
			limit, isLimited := m.number(dir + "/memory.max")
			current, isThere := m.number(dir + "/memory.current")
			if isLimited && isThere && limit > 0 {
				used := max(0, current-m.field(dir+"/memory.stat", "inactive_file"))
				share, ok = max(share, used/limit), true
			}
		}
	}
	return share, ok
}

// machine is the share of the machine's memory that is not available.
func (m *Memory) machine() (share float64, ok bool) {
	total := m.field("proc/meminfo", "MemTotal:")
	if total == 0 {
		return 0, false
	}
	return 1 - m.field("proc/meminfo", "MemAvailable:")/total, true
}

// number is the number that a file consists of; a limit of "max" is none.
func (m *Memory) number(name string) (float64, bool) {
	text, err := fs.ReadFile(m.files, name)
	if err != nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	return v, err == nil
}

// field is the number behind a word in a file of lines, 0 if it is not there.
func (m *Memory) field(name, word string) float64 {
	f, err := m.files.Open(name)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == word {
			v, _ := strconv.ParseFloat(words[1], 64)
			return v
		}
	}
	return 0
}

// runtimeBytes is the memory that counts for GOMEMLIMIT.
func runtimeBytes() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
