// The plan: how many processes, from which addresses, and whether it can work at all.

package coord

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
)

const (
	reservedFDs = 200     // descriptors of a process that are not connections
	perSource   = 10000   // connections from one address, far from the end of its ports
	kernelEach  = 8 << 10 // what the kernel takes for both ends of a connection
	// Memory that a run leaves to others: it does not begin if it would take of it,
	// and ends if the server, whose needs nobody knows, has taken of it.
	memoryLeft = 2 << 30
)

// Plan is what a run will do.
type Plan struct {
	Spec    Spec
	Target  job.Target
	Publish *job.Publish
	Procs   int
	// PerProc is sessions of a process at most, FDs what each session needs.
	PerProc, FDs int
	NoFile       uint64
	Sources      [][]string
	Ports        []int
}

// MakePlan works a completed Spec out and refuses what cannot work.
func MakePlan(s Spec, nofile uint64) (*Plan, error) {
	p := &Plan{Spec: s, NoFile: nofile, FDs: 1}
	if err := p.target(); err != nil {
		return nil, err
	}
	switch s.Transport {
	case job.Polling:
		p.FDs = 2
	case job.Upgrade:
		p.FDs = 3
	}
	usable := int(float64(nofile)*0.95) - reservedFDs - s.APILinks
	if usable < p.FDs {
		return nil, usage("the limit of %d open files leaves none for connections; raise it with ulimit -n", nofile)
	}
	need := (s.N*p.FDs + usable - 1) / usable
	switch {
	case s.Procs == 0:
		p.Procs = need
	case s.Procs < need:
		return nil, usage("%d sessions need %d descriptors, %d processes with a limit of %d open files have %d: use --procs %d or raise ulimit -n",
			s.N, s.N*p.FDs, s.Procs, nofile, s.Procs*usable, need)
	default:
		p.Procs = s.Procs
	}
	p.Procs = min(p.Procs, s.N)
	p.PerProc = (s.N + p.Procs - 1) / p.Procs
	if err := p.sources(); err != nil {
		return nil, err
	}
	return p, p.serverLimits()
}

// memory is what the run takes here and in the kernel, about.
func (p *Plan) memory() (here, kernel int64) {
	return int64(p.Procs)*(12<<20) + int64(p.Spec.N)*300, int64(p.Spec.N*p.FDs) * kernelEach
}

// memoryFits refuses a run that is too large for the memory that is available,
// 0 if that is not known.
func (p *Plan) memoryFits(available int64) error {
	here, kernel := p.memory()
	// A small run is nobody's fault.
	if available == 0 || here+kernel < memoryLeft/8 || here+kernel <= available-memoryLeft {
		return nil
	}
	return usage("%d sessions need about %s of memory beside the server's, %s are available, and %s are left to others: use fewer",
		p.Spec.N, bytesText(float64(here+kernel)), bytesText(float64(available)), bytesText(memoryLeft))
}

// target resolves the URLs.
func (p *Plan) target() error {
	s := &p.Spec
	if err := s.spread(); err != nil {
		return err
	}
	t := job.Target{
		Revision: s.EIO, Transport: s.Transport, Namespace: s.Namespace, Auth: s.Auth, Headers: s.Headers,
	}
	for _, raw := range s.URLs {
		addr, u, err := resolve(raw, s.OwnHost)
		if err != nil {
			return err
		}
		if t.Path = u.Path; t.Path == "" || t.Path == "/" {
			if t.Path = "/socket.io/"; s.Transport == job.RawWS {
				t.Path = "/"
			}
		}
		t.Query, t.Host = u.RawQuery, u.Host
		t.Addrs = append(t.Addrs, addr.String())
		p.Ports = append(p.Ports, int(addr.Port()))
	}
	if t.Across = s.Across; s.Across && (len(t.Addrs) < 2 || s.Senders >= s.N) {
		return usage("--across needs two servers (--servers 2, or two URLs) and sessions beyond the senders")
	}
	p.Target = t
	if s.API != "" {
		addr, u, err := resolve(s.API, s.OwnHost)
		if err != nil {
			return err
		}
		path := u.Path
		if path == "" || path == "/" {
			path = "/api/v1/emit"
		}
		p.Publish = &job.Publish{Addr: addr.String(), Host: u.Host, Path: path, Key: s.APIKey, Links: s.APILinks}
	}
	return nil
}

// spread gives each server of several an address of its own, counting up from
// the port of the URL, if their command says where to listen.
func (s *Spec) spread() error {
	if s.Servers <= 1 || len(s.URLs) != 1 {
		return nil
	}
	u, err := url.Parse(s.URLs[0])
	if err != nil {
		return usage("%q is not a URL; write it like http://127.0.0.1:3000", s.URLs[0])
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port+s.Servers > 65535 {
		return usage("%s: --servers %d needs a port to count up from", s.URLs[0], s.Servers)
	}
	s.URLs = nil
	for i := range s.Servers {
		each := *u
		if strings.Contains(s.ServerCmd, ListenMark) {
			each.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(port+i))
		}
		s.URLs = append(s.URLs, each.String())
	}
	return nil
}

// resolve turns a URL into an address, which must be this machine's.
func resolve(raw string, ownHost bool) (netip.AddrPort, *url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return netip.AddrPort{}, nil, usage("%q is not a URL; write it like http://127.0.0.1:3000", raw)
	}
	switch u.Scheme {
	case "http", "ws", "tcp":
	case "https", "wss":
		return netip.AddrPort{}, nil, usage("%s: the generator does not speak TLS; measure the server without, or behind what ends TLS", raw)
	default:
		return netip.AddrPort{}, nil, usage("%s: the scheme is not http, ws or tcp", raw)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	ips, err := net.LookupIP(u.Hostname())
	if err != nil || len(ips) == 0 {
		return netip.AddrPort{}, nil, unreachable("the name %s is not known: check the URL", u.Hostname())
	}
	ip := ips[0]
	for _, i := range ips {
		if i.To4() != nil {
			ip = i
			break
		}
	}
	a, _ := netip.AddrFromSlice(ip)
	if !a.Unmap().IsLoopback() && !ownHost {
		return netip.AddrPort{}, nil, usage("%s is not on this machine; load is sent elsewhere only with --i-own-this-host", raw)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, nil, usage("%s: the port is not a number up to 65535", raw)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), u, nil
}

// sources chooses the addresses that each process connects from.
func (p *Plan) sources() error {
	p.Sources = make([][]string, p.Procs)
	first := netip.MustParseAddrPort(p.Target.Addrs[0]).Addr()
	conns := p.PerProc * p.FDs
	switch given := p.Spec.SourceIPs; given {
	case "", "auto":
		if !first.Is4() || !first.IsLoopback() {
			if conns*p.Procs > 28000*len(p.Target.Addrs) {
				return usage("%d connections from one address do not fit into its ports; give more with --source-ips", conns*p.Procs)
			}
			return nil
		}
		each := (conns + perSource - 1) / perSource
		for w := range p.Sources {
			for s := range each {
				p.Sources[w] = append(p.Sources[w], fmt.Sprintf("127.%d.%d.%d", 16+w%200, s/250, 1+s%250))
			}
		}
	case "none":
	default:
		list := strings.Split(given, ",")
		for i, a := range list {
			if _, err := netip.ParseAddr(a); err != nil {
				return usage("--source-ips: %q is not an address", a)
			}
			p.Sources[i%p.Procs] = append(p.Sources[i%p.Procs], a)
		}
		for w := range p.Sources {
			if len(p.Sources[w]) == 0 {
				p.Sources[w] = list
			}
		}
	}
	return nil
}

// serverLimits compares with what the server's processes may have open.
func (p *Plan) serverLimits() error {
	room := 0
	for _, pid := range p.Spec.ServerPIDs {
		limit := openFiles(pid)
		if limit == 0 {
			return nil
		}
		room += limit
	}
	if len(p.Spec.ServerPIDs) > 0 && p.Spec.N*p.FDs > room {
		return usage("%d connections do not fit into the server: its %d processes may have %d files open; start more of them",
			p.Spec.N*p.FDs, len(p.Spec.ServerPIDs), room)
	}
	return nil
}

// openFiles is the limit of open files of a process, 0 if unknown.
func openFiles(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Max open files")); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				n, _ := strconv.Atoi(string(f[0]))
				return n
			}
		}
	}
	return 0
}

// duration is about how long the run takes.
func (p *Plan) duration() time.Duration {
	s := &p.Spec
	d := s.Settle.std() + s.Hold.std() + time.Second
	if s.ConnectRate > 0 {
		d += time.Duration(float64(s.N) / s.ConnectRate * 1e9)
	}
	if len(s.streams()) > 0 && s.Scenario != "connect" && s.Scenario != "idle" {
		d += s.Warmup.std() + s.Duration.std()
	}
	return d
}

// String is the plan for people.
func (p *Plan) String() string {
	s := &p.Spec
	var b strings.Builder
	line := func(name, format string, a ...any) { fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, a...)) }
	fmt.Fprintf(&b, "plan: %s against %s\n", s.Scenario, strings.Join(s.URLs, " "))
	per := ""
	if p.FDs > 1 {
		per = fmt.Sprintf(", %d descriptors each", p.FDs)
	}
	line("sessions", "%d over %s, Engine.IO %d%s", s.N, s.Transport, s.EIO, per)
	line("processes", "%d with up to %d sessions; the limit of open files is %d", p.Procs, p.PerProc, p.NoFile)
	if n := len(p.Sources[0]); n > 0 {
		line("sources", "%s .. %s, about %d connections from each", p.Sources[0][0], p.Sources[p.Procs-1][n-1], int(math.Ceil(float64(p.PerProc*p.FDs)/float64(n))))
	}
	if sent, delivered := s.offered(); sent > 0 {
		line("messages", "%.0f/s offered, %.0f/s to be delivered, %.0f in all; %d bytes each, open loop", sent, delivered,
			delivered*(s.Warmup.std()+s.Duration.std()).Seconds(), s.Size)
	} else if s.Closed {
		line("messages", "closed loop, %d on their way for each session, %d bytes each", s.Inflight, s.Size)
	}
	here, kernel := p.memory()
	line("memory", "about %s here, %s in the kernel", bytesText(float64(here)), bytesText(float64(kernel)))
	line("time", "about %s", p.duration().Round(time.Second))
	return b.String()
}

// bytesText is a size for people.
func bytesText(v float64) string {
	switch {
	case v >= 1<<30:
		return fmt.Sprintf("%.1f GiB", v/(1<<30))
	case v >= 1<<20:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	case v >= 1<<10:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.0f B", v)
}

// jobs are what each worker does.
func (p *Plan) jobs() []job.Job {
	s := &p.Spec
	all := make([]job.Job, p.Procs)
	for w := range all {
		j := job.Job{
			Worker: w, Workers: p.Procs, Total: s.N, Seed: s.Seed, Target: p.Target, Sources: p.Sources[w],
			ConnectRate: s.ConnectRate, ConnectTimeoutNs: int64(s.ConnectTimeout), RoomSize: s.roomSize(), Streams: s.streams(),
			WarmupNs: int64(s.Warmup), DurationNs: int64(s.Duration), DrainNs: int64(s.Drain), ZeroMask: s.ZeroMask, TickNs: 1e9,
			Publish: p.Publish,
		}
		switch s.Scenario {
		case "deflate":
			j.Deflate = &job.Deflate{Takeover: s.Takeover, Threshold: s.Compress, Level: 1}
		case "churn":
			j.Churn = &job.Churn{Rate: s.Churn, Mode: s.Mode}
		case "storm":
			j.Storm = &job.Storm{AfterNs: int64(s.Warmup), Drop: s.Cause == "client-drop"}
			j.Reconnect = true
		case "slow":
			if s.Slow > 0 {
				j.Slow = &job.Slow{Every: max(int(math.Round(100/s.Slow)), 2), AfterNs: int64(s.Warmup) + int64(s.Duration)/2, ReadRate: s.ReadRate}
			}
		}
		if s.Compress > 0 && j.Deflate == nil {
			j.Deflate = &job.Deflate{Takeover: s.Takeover, Threshold: s.Compress, Level: 1}
		}
		all[w] = j
	}
	return all
}
