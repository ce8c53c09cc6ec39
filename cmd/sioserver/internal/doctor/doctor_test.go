// The doctor on systems made for the test.

package doctor

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// healthy has all that a million connections need.
var healthy = map[string]string{
	"proc/sys/fs/nr_open": "2097152", "proc/sys/fs/file-max": "9223372036854775807", "proc/sys/net/core/somaxconn": "65535",
	"proc/sys/net/ipv4/tcp_max_syn_backlog": "65535", "proc/sys/net/ipv4/tcp_migrate_req": "1", "proc/sys/net/ipv4/tcp_mem": "1 2 4194304",
	"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n", "proc/meminfo": "MemTotal: 1 kB\nMemAvailable:   33554432 kB\n",
	"sys/fs/cgroup/memory.max": "max",
}

func TestLook(t *testing.T) {
	tls := config.Default()
	tls.Server.TLS.Enabled = true
	limited := config.Default()
	limited.Limits.MaxConnections = 500
	for _, v := range []struct {
		name       string
		change     map[string]string // "" is a file that is not there
		soft, hard uint64
		cfg        *config.Config
		target     int
		want       []string // LEVEL name, and a part of what is said about it
		verdict    string
	}{
		{"healthy", nil, 1 << 20, 1 << 20, nil, 1_000_000, []string{"PASS open files", "PASS fs.nr_open", "PASS memory", "PASS tcp_mem", "INFO conntrack", "INFO ip_local_port_range|28232", "PASS tcp_migrate_req"}, "can hold 1048320 connections; "},
		{"files by hand", nil, 1024, 1 << 20, nil, 10000, []string{"FAIL open files|ulimit -n 10256"}, "can hold 768 connections"},
		{"files by unit", nil, 1024, 4096, nil, 10000, []string{"FAIL open files|LimitNOFILE=10256", "FAIL open files|14 processes with server.reuse_port"}, "768"},
		{"nr_open", map[string]string{"proc/sys/fs/nr_open": "1000"}, 1 << 20, 1 << 20, nil, 5000, []string{"FAIL fs.nr_open|sysctl -w fs.nr_open=5256"}, ""},
		{"queues", map[string]string{"proc/sys/net/core/somaxconn": "128"}, 1 << 20, 1 << 20, nil, 10, []string{"WARN net.core.somaxconn|net.core.somaxconn=65535", "PASS tcp_max_syn_backlog"}, ""},
		{"migrate", map[string]string{"proc/sys/net/ipv4/tcp_migrate_req": "0"}, 1 << 20, 1 << 20, nil, 10, []string{"WARN tcp_migrate_req|net.ipv4.tcp_migrate_req=1"}, ""},
		{"memory of the group", map[string]string{"sys/fs/cgroup/memory.max": "104857600", "sys/fs/cgroup/memory.current": "94371840"}, 1 << 20, 1 << 20, nil, 10000, []string{"FAIL memory|10 MiB left to this control group"}, "can hold 1280 connections"},
		{"memory nearly", map[string]string{"proc/meminfo": "MemAvailable: 8500 kB"}, 1 << 20, 1 << 20, nil, 1000, []string{"WARN memory|overload.memory_high"}, ""},
		{"memory with TLS", map[string]string{"proc/meminfo": "MemAvailable: 16000 kB"}, 1 << 20, 1 << 20, tls, 1000, []string{"FAIL memory|17 MiB in the process"}, ""},
		{"conntrack", map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "1000"}, 1 << 20, 1 << 20, nil, 1000, []string{"WARN conntrack|nf_conntrack_max=4000"}, ""},
		{"configured", nil, 1 << 20, 1 << 20, limited, 0, []string{"PASS open files|for 500 connections"}, "can hold 500 connections"},
		{"what is possible", nil, 10256, 10256, nil, 0, []string{"PASS open files|for 10000 connections"}, "can hold 10000 connections"},
		{"silent system", map[string]string{"proc/sys/fs/nr_open": "", "proc/meminfo": "", "proc/sys/net/ipv4/tcp_mem": "", "proc/sys/net/ipv4/tcp_migrate_req": ""}, 1 << 20, 1 << 20, nil, 10, []string{"INFO fs.nr_open", "INFO memory", "INFO tcp_migrate_req"}, ""},
		{"quota, io_uring", map[string]string{"sys/fs/cgroup/cpu.max": "150000 100000", "proc/sys/kernel/io_uring_disabled": "2"}, 1 << 20, 1 << 20, nil, 10, []string{"INFO processors|1.50", "INFO io_uring|off"}, ""},
	} {
		files := fstest.MapFS{}
		for path, text := range healthy {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		for path, text := range v.change {
			if delete(files, path); text != "" {
				files[path] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		cfg := v.cfg
		if cfg == nil {
			cfg = config.Default()
		}
		r := Look(System{Files: files, Soft: v.soft, Hard: v.hard, PageSize: 4096}, cfg, v.target)
		all := ""
		failed := false
		for _, f := range r.Findings {
			all += string(f.Level) + " " + f.Name + "|" + f.Value + " " + f.Note + " " + f.Fix + "\n"
			failed = failed || f.Level == Fail
		}
		for _, want := range v.want {
			head, about, _ := strings.Cut(want, "|")
			found := false
			for _, line := range strings.Split(all, "\n") {
				found = found || strings.HasPrefix(line, head+"|") && strings.Contains(line, about)
			}
			if !found {
				t.Errorf("%s: no %q in\n%s", v.name, want, all)
			}
		}
		if !strings.Contains(r.Verdict, v.verdict) || r.Failed() != failed {
			t.Errorf("%s: %s, failed %v", v.name, r.Verdict, r.Failed())
		}
	}
}
