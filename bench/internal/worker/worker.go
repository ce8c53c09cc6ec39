// The worker, its loop, and the orders it takes.

package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// What an event of the epoll set belongs to if not to a session. Publishers
// count down from slotPublisher.
const (
	slotAlarm     = -1
	slotControl   = -2
	slotPublisher = -16
)

const (
	readBytes    = 256 << 10 // the buffer that all connections share
	messageLimit = 64 << 20  // the largest message that is taken
	batch        = 128       // events taken from the kernel at once
)

// errOrder is an order that makes no sense.
var errOrder = errors.New("worker: not an order")

// Worker is the state of the loop.
type Worker struct {
	job   job.Job
	clock clock
	ep    int
	alarm alarm
	rng   *rand.Rand

	control    int
	controlBuf []byte
	reports    io.Writer

	addrs    []unix.Sockaddr
	family   int
	sources  []unix.Sockaddr
	sessions []session
	// sids are the session ids of polling sessions, sidBytes for each.
	sids   []byte
	spills spills
	// windows are the compression contexts of sessions whose server keeps one.
	windows  map[int32][]byte
	deflater *wire.Deflater
	inflater wire.Inflater

	rbuf, obuf, pbuf, zbuf []byte
	requests               requests
	streams                []*stream
	publishers             publishers
	hists                  map[string]*hist.Recorder
	rec                    recorders
	now                    int64

	// Connecting: how many were begun, how many wait for something.
	begun, pending, waiting int
	connectAt               int64
	connecting, settled     bool
	nextScan                int64

	// The run.
	running, stopping, drained, finished bool
	start, from, until, stopAt           int64
	churn                                schedule
	stormAt, slowAt, nextTrickle         int64
	nextTick                             int64
	// probesFailed counts upgrades that did not come about.
	probesFailed uint64

	count job.Report
}

// recorders are the histograms that are always at hand.
type recorders struct {
	lag, tcp, http, open, namespace, join, connect *hist.Recorder
}

// Run does one job: control yields it and the orders, reports takes the
// answers. It returns when it is told to finish or control ends. One goroutine,
// which it may keep to itself.
func Run(control int, reports io.Writer) error {
	// What the kernel tells of this thread is then told of the loop.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w := &Worker{control: control, reports: reports, clock: newClock(), hists: map[string]*hist.Recorder{}, windows: map[int32][]byte{}}
	// The heap is a few flat slabs; there is nothing to gain from collecting often.
	debug.SetGCPercent(200)
	w.now = w.clock.now()
	if err := w.readJob(); err != nil {
		return err
	}
	// Before anything is allocated, so that the cost of sessions shows.
	w.report(job.Tick, "")
	if err := w.prepare(); err != nil {
		w.report(job.Fault, err.Error())
		return err
	}
	err := w.loop()
	w.closeAll()
	w.report(job.Bye, "")
	return err
}

// readJob reads the first line, byte by byte so that orders stay unread.
func (w *Worker) readJob() error {
	var line []byte
	var one [4096]byte
	for {
		n, err := unix.Read(w.control, one[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return fmt.Errorf("worker: no job: %w", err)
		}
		line = append(line, one[:n]...)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			w.controlBuf = append(w.controlBuf, line[i+1:]...)
			line = line[:i]
			break
		}
	}
	if err := json.Unmarshal(line, &w.job); err != nil {
		return fmt.Errorf("worker: the job is not understood: %w", err)
	}
	return nil
}

// prepare makes everything that the job needs before the first connection.
func (w *Worker) prepare() (err error) {
	j := &w.job
	proc.NoFile()
	w.rng = rand.New(rand.NewPCG(j.Seed, uint64(j.Worker)))
	if w.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("worker: epoll: %w", err)
	}
	if w.alarm, err = newAlarm(w.ep); err != nil {
		return fmt.Errorf("worker: timer: %w", err)
	}
	if err = unix.SetNonblock(w.control, true); err != nil {
		return fmt.Errorf("worker: control: %w", err)
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slotControl}
	if err = unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, w.control, &e); err != nil {
		return fmt.Errorf("worker: control: %w", err)
	}
	if err = w.resolve(); err != nil {
		return err
	}
	local := (j.Total - j.Worker + j.Workers - 1) / j.Workers
	w.sessions = make([]session, local)
	for i := range w.sessions {
		for k := range w.sessions[i].links {
			w.sessions[i].links[k].fd = -1
		}
	}
	if j.Target.Transport == job.Polling || j.Target.Transport == job.Upgrade {
		w.sids = make([]byte, local*sidBytes)
	}
	if j.Deflate != nil {
		if w.deflater, err = wire.NewDeflater(j.Deflate.Level); err != nil {
			return fmt.Errorf("worker: deflate: %w", err)
		}
	}
	w.rbuf = make([]byte, readBytes)
	w.requests = newRequests(j, w.rng)
	w.rec = recorders{
		lag: w.hist("lag"), tcp: w.hist("tcp"), http: w.hist("http"), open: w.hist("open"),
		namespace: w.hist("namespace"), join: w.hist("join"), connect: w.hist("connect"),
	}
	w.count.Errors = map[string]uint64{}
	w.makeStreams()
	// On the full second, so that all workers report at once.
	w.nextTick = (w.now/j.TickNs + 1) * j.TickNs
	return w.preparePublishers()
}

// resolve turns the addresses of the job into those of the kernel.
func (w *Worker) resolve() error {
	for _, a := range w.job.Target.Addrs {
		ap, err := netip.ParseAddrPort(a)
		if err != nil {
			return fmt.Errorf("worker: address %q: %w", a, err)
		}
		var sa unix.Sockaddr
		sa, w.family = sockaddr(ap)
		w.addrs = append(w.addrs, sa)
	}
	for _, a := range w.job.Sources {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			return fmt.Errorf("worker: source address %q: %w", a, err)
		}
		sa, _ := sockaddr(netip.AddrPortFrom(ip, 0))
		w.sources = append(w.sources, sa)
	}
	return nil
}

func sockaddr(ap netip.AddrPort) (unix.Sockaddr, int) {
	if a := ap.Addr().Unmap(); a.Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: a.As4()}, unix.AF_INET
	}
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}, unix.AF_INET6
}

// hist is the histogram of a name.
func (w *Worker) hist(name string) *hist.Recorder {
	h := w.hists[name]
	if h == nil {
		h = hist.New()
		w.hists[name] = h
	}
	return h
}

// loop runs until the worker is told to finish.
func (w *Worker) loop() error {
	events := make([]unix.EpollEvent, batch)
	if err := w.orders(); err != nil {
		return err
	}
	for !w.finished {
		w.now = w.clock.now()
		w.advance()
		w.alarm.set(w.deadline())
		n, err := unix.EpollWait(w.ep, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("worker: epoll: %w", err)
		}
		w.now = w.clock.now()
		for _, e := range events[:n] {
			switch {
			case e.Fd >= 0:
				w.handle(e)
			case e.Fd == slotControl:
				if err := w.readOrders(); err != nil {
					return err
				}
			case e.Fd <= slotPublisher:
				w.handlePublisher(int(slotPublisher-e.Fd), e.Events)
			}
			// A long batch must not make what is due late.
			if w.running && w.now >= w.nextDue() {
				w.pump()
			}
		}
	}
	return nil
}

// readOrders takes what the coordinator wrote.
func (w *Worker) readOrders() error {
	var b [4096]byte
	for {
		n, err := unix.Read(w.control, b[:])
		switch {
		case err == unix.EAGAIN:
			return w.orders()
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			// The coordinator is gone.
			w.finished = true
			return nil
		}
		w.controlBuf = append(w.controlBuf, b[:n]...)
	}
}

// orders carries out the complete lines.
func (w *Worker) orders() error {
	for {
		line, rest, ok := bytes.Cut(w.controlBuf, []byte{'\n'})
		if !ok {
			return nil
		}
		var o job.Order
		if err := json.Unmarshal(line, &o); err != nil {
			return fmt.Errorf("%w: %q", errOrder, line)
		}
		w.controlBuf = rest
		switch o.Do {
		case "connect":
			w.connecting, w.connectAt = true, o.AtNs
		case "run":
			w.beginRun(o.AtNs)
		case "report":
			w.report(job.Tick, "")
		case "settle":
			w.stopAt = w.now
		case "stop":
			w.stop()
		case "finish":
			w.finished = true
		default:
			return fmt.Errorf("%w: %q", errOrder, line)
		}
	}
}

// advance does what time has brought.
func (w *Worker) advance() {
	if w.connecting {
		w.connectDue()
	}
	if w.now >= w.nextScan {
		w.scan()
	}
	if w.running {
		w.advanceRun()
	}
	if w.now >= w.nextTick {
		w.nextTick += w.job.TickNs
		if w.nextTick <= w.now {
			w.nextTick = (w.now/w.job.TickNs + 1) * w.job.TickNs
		}
		w.report(job.Tick, "")
	}
}

// deadline is when advance has something to do next.
func (w *Worker) deadline() int64 {
	at := min(w.nextTick, w.nextScan)
	if w.connecting {
		at = min(at, w.nextConnect())
	}
	if w.running {
		at = min(at, w.runDeadline())
	}
	return at
}

// report sends a line to the coordinator.
func (w *Worker) report(event, fault string) {
	w.collect(event, fault)
	line, err := json.Marshal(&w.count)
	if err != nil {
		line = []byte(`{"event":"fault","error":"worker: a report could not be encoded"}`)
	}
	// If the coordinator is gone, the control pipe says so.
	_, _ = w.reports.Write(append(line, '\n'))
	w.count.Lasts, w.count.Hists, w.count.Senders = w.count.Lasts[:0], nil, nil
}
