// Facts of the machine that belong into every result.

package proc

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is what a reader must know to repeat a run.
type Host struct {
	Kernel      string `json:"kernel"`
	CPUModel    string `json:"cpu_model"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memory_bytes"`
	NoFile      uint64 `json:"nofile"`
	PortRange   string `json:"port_range"`
	SoMaxConn   string `json:"somaxconn"`
	TCPMem      string `json:"tcp_mem"`
	TCPRmem     string `json:"tcp_rmem"`
	TCPWmem     string `json:"tcp_wmem"`
	Congestion  string `json:"congestion"`
	Governor    string `json:"governor"`
	LoadAverage string `json:"load_average"`
	GoVersion   string `json:"go_version"`
	// GoEnv is the variables of the environment that steer Go programs.
	GoEnv []string `json:"go_env"`
}

// steering are the variables that change how Go programs run. Others that begin
// with GO may hold what is nobody's business.
var steering = []string{"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT"}

// ReadHost reads them. What the machine does not tell stays empty. Any
// goroutine.
func ReadHost() Host {
	h := Host{Cores: runtime.NumCPU(), GoVersion: runtime.Version(), GoEnv: []string{}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				h.CPUModel = strings.TrimSpace(v)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		h.MemoryBytes = field(b, "MemTotal:") << 10
	}
	h.NoFile = NoFile()
	h.PortRange = line("/proc/sys/net/ipv4/ip_local_port_range")
	h.SoMaxConn = line("/proc/sys/net/core/somaxconn")
	h.TCPMem = line("/proc/sys/net/ipv4/tcp_mem")
	h.TCPRmem = line("/proc/sys/net/ipv4/tcp_rmem")
	h.TCPWmem = line("/proc/sys/net/ipv4/tcp_wmem")
	h.Congestion = line("/proc/sys/net/ipv4/tcp_congestion_control")
	h.Governor = line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	h.LoadAverage = line("/proc/loadavg")
	for _, name := range steering {
		if v, ok := os.LookupEnv(name); ok {
			h.GoEnv = append(h.GoEnv, name+"="+v)
		}
	}
	return h
}

// Available is the memory in bytes that new programs can have, 0 if the machine
// does not tell. Any goroutine.
func Available() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return field(b, "MemAvailable:") << 10
}

// NoFile is how many descriptors a process may have, raised as far as it goes.
// Any goroutine.
func NoFile() uint64 {
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) != nil {
		return 1024
	}
	if lim.Cur < lim.Max {
		raised := unix.Rlimit{Cur: lim.Max, Max: lim.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			return raised.Cur
		}
	}
	return lim.Cur
}

func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(b)), " ")
}
