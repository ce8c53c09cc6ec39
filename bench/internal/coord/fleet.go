// The worker processes.

package coord

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/job"
)

// WorkerArg is the argument with which the program runs as a worker.
const WorkerArg = "worker"

// fleet is the workers of a run.
type fleet struct {
	members []*member
	reports chan job.Report
	readers sync.WaitGroup
}

// member is one worker.
type member struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr bytes.Buffer
}

// launch starts a worker for each job, on the given processors if there are
// any.
func launch(exe string, jobs []job.Job, cpus string) (*fleet, error) {
	f := &fleet{reports: make(chan job.Report, 64)}
	for i := range jobs {
		m, err := f.start(exe, &jobs[i], cpus)
		if err != nil {
			f.kill()
			return nil, internal("worker %d does not start: %v", i, err)
		}
		f.members = append(f.members, m)
	}
	go func() {
		f.readers.Wait()
		close(f.reports)
	}()
	return f, nil
}

// start starts one worker.
func (f *fleet) start(exe string, j *job.Job, cpus string) (*member, error) {
	m := &member{cmd: exec.Command(exe, WorkerArg)}
	m.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	m.cmd.Stderr = &m.stderr
	// An interrupt from the keyboard is for the coordinator, which ends the workers
	// in order.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(m.cmd, cpus); err != nil {
		return nil, err
	}
	f.readers.Add(1)
	go f.read(out)
	b, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	_, err = m.in.Write(append(b, '\n'))
	return m, err
}

// read passes a worker's reports on.
func (f *fleet) read(out io.Reader) {
	defer f.readers.Done()
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		var report job.Report
		if json.Unmarshal(line, &report) == nil {
			f.reports <- report
		}
	}
}

// order tells all workers something.
func (f *fleet) order(do string, at int64) {
	b, _ := json.Marshal(job.Order{Do: do, AtNs: at})
	for _, m := range f.members {
		// A worker that has ended is noticed by its silence.
		_, _ = m.in.Write(append(b, '\n'))
	}
}

// wait ends when all workers have, after a grace period by force.
func (f *fleet) wait(grace time.Duration) error {
	for _, m := range f.members {
		_ = m.in.Close()
	}
	timer := time.AfterFunc(grace, f.kill)
	defer timer.Stop()
	var first error
	for i, m := range f.members {
		err := m.cmd.Wait()
		if err != nil && first == nil {
			text := strings.TrimSpace(m.stderr.String())
			if line, _, cut := strings.Cut(text, "\n"); cut {
				text = line
			}
			first = internal("worker %d: %v: %s", i, err, text)
		}
	}
	return first
}

// kill ends all workers at once.
func (f *fleet) kill() {
	for _, m := range f.members {
		if m.cmd.Process != nil {
			_ = m.cmd.Process.Kill()
		}
	}
}

// startOn starts a command on a set of processors. The child inherits the set of
// the thread that starts it.
func startOn(cmd *exec.Cmd, cpus string) error {
	if cpus == "" {
		return cmd.Start()
	}
	set, err := cpuSet(cpus)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("processors %s: %w", cpus, err)
	}
	err = cmd.Start()
	_ = unix.SchedSetaffinity(0, &before)
	return err
}

// cpuSet reads a list like 0,2-3.
func cpuSet(list string) (set unix.CPUSet, err error) {
	for _, item := range strings.Split(list, ",") {
		from, to, ranged := strings.Cut(item, "-")
		if !ranged {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b < a || b >= runtime.NumCPU() && b >= 1024 {
			return set, usage("%q is not a list of processors like 0,2-3", list)
		}
		for c := a; c <= b; c++ {
			set.Set(c)
		}
	}
	return set, nil
}
