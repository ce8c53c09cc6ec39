// Run: from a configuration to a server, until it is told to end.

// Package serve puts a node together: the server that a configuration asks for,
// the parts around it, signals, the service manager.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/systemd"
	"github.com/sioserver/sioserver/loop"
)

// Options say what to run.
type Options struct {
	Loaded   *config.Loaded
	Load     func() (*config.Loaded, error) // reads the configuration again
	Stdout   io.Writer                      // is told once that the server has started
	Stderr   io.Writer                      // for the log
	Terminal bool                           // people are looking: text, and Ctrl-C ends at once
	Client   fs.FS                          // the official browser client, nil if this build has none
	Pages    http.Handler                   // of development mode

	more []node.Part // of tests
}

// ErrStopped says that a second signal came while the server took its leave, and
// that what was left was cut off.
var ErrStopped = errors.New("stopped at once by a second signal")

// shutdownTime is how long the end may take when nobody drains.
const shutdownTime = 10 * time.Second

// process is a node, and what ends it.
type process struct {
	o       Options
	n       *node.Node
	log     *slog.Logger
	signals chan os.Signal
	ended   chan error // of the server
	joined  joined
}

// Run serves until a signal comes or ctx is done.
func Run(ctx context.Context, o Options) error {
	p := &process{o: o, signals: make(chan os.Signal, 8), ended: make(chan error, 1)}
	signal.Notify(p.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(p.signals)
	// The server and its parts outlive ctx: they are told to end one after the other.
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	if err := p.build(alive); err != nil {
		return err
	}
	go func() { p.ended <- p.n.Server.Run(alive) }()
	select {
	case <-p.n.Server.Listening():
	case err := <-p.ended:
		return errors.Join(err, p.n.Stop(alive), p.joined.close())
	}
	p.announce()
	go systemd.Watch(alive, func(ctx context.Context) error {
		_, err := p.n.Server.Stats(ctx) // every event loop must answer
		return err
	})
	return p.wait(ctx)
}

// build makes the server and starts the parts.
func (p *process) build(ctx context.Context) error {
	c := p.o.Loaded.Config
	log, level := newLog(c.Log, p.o.Stderr, p.o.Terminal)
	p.log = log
	first := []node.Part{&levelPart{}}
	var speak *tls.Config
	if c.Server.TLS.Enabled {
		t, err := newCertificate(c.Server.TLS, log)
		if err != nil {
			return err
		}
		if speak, err = t.config(); err != nil {
			return err
		}
		first = append(first, t)
	}
	lc, err := loopConfig(c, p.o.Client, p.o.Pages, speak, log)
	if err != nil {
		return err
	}
	if lc.Loops == 0 {
		lc.Loops = loops()
	}
	if c.Dev && len(c.Auth.AllowedOrigins) == 0 {
		lc.CORS = devOrigins
	} else {
		o, err := auth.NewOrigins(c)
		if err != nil {
			return err
		}
		first, lc.CORS = append(first, o), o.CORS()
	}
	if p.joined, err = join(c.Cluster, log); err != nil {
		return err
	}
	lc.Adapter = p.joined.adapter
	server, err := loop.New(lc)
	if err != nil {
		return errors.Join(err, p.joined.close())
	}
	p.n = node.New(nodeID(c), boot(), c, server, log)
	p.n.Level = level
	p.n.SetLoader(p.o.Loaded, p.o.Load)
	if err := p.n.Start(ctx, slices.Concat(first, parts(c, p.o.Client, p.joined.stats), p.o.more)...); err != nil {
		return errors.Join(err, server.Shutdown(ctx), p.joined.close())
	}
	return nil
}

// nodeID is the name of the process among the servers of a cluster.
func nodeID(c *config.Config) string {
	if c.Cluster.NodeID != "" {
		return c.Cluster.NodeID
	}
	host, err := os.Hostname()
	if err != nil {
		host = "sioserver"
	}
	return host + "-" + strconv.Itoa(os.Getpid())
}

// boot tells starts apart.
func boot() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// announce says that clients can connect.
func (p *process) announce() {
	s := tell(p.n, p.o.Loaded)
	if p.o.Terminal {
		s.text(p.o.Stdout, p.n.Config().Dev && p.o.Client == nil)
	} else {
		_ = s.json(p.o.Stdout)
		for _, w := range s.Warnings {
			p.log.Warn(w)
		}
	}
	if err := systemd.Ready(); err != nil {
		p.log.Error("the service manager was not told that the server is ready", "error", err)
	}
}

// wait acts on signals until one of them, ctx, a part or the server ends it.
func (p *process) wait(ctx context.Context) error {
	for {
		select {
		case s := <-p.signals:
			if s == syscall.SIGHUP {
				p.reload()
				continue
			}
			if !ends(s) {
				p.hint(s)
				continue
			}
			// A development server, and one that somebody stops at a keyboard, has nobody
			// to take leave of.
			fast := p.n.Config().Dev || s == syscall.SIGINT && p.o.Terminal
			return p.end(!fast)
		case <-ctx.Done():
			return p.end(false)
		case <-p.n.Quitting():
			return p.end(false)
		case err := <-p.ended:
			stop, cancel := context.WithTimeout(context.Background(), shutdownTime)
			defer cancel()
			return errors.Join(err, p.n.Stop(stop), p.joined.close())
		}
	}
}

// ends reports whether a signal asks for the end of the process.
func ends(s os.Signal) bool { return s == syscall.SIGTERM || s == syscall.SIGINT }

// hint says what to do instead of sending a signal to which other servers answer
// and this one has nothing to do. Left alone, the system would end the process.
func (p *process) hint(s os.Signal) {
	if s == syscall.SIGUSR1 {
		p.log.Info("SIGUSR1: there is no log file to open again, the log goes to standard error; who keeps it in a file rotates it with copytruncate")
		return
	}
	p.log.Info("SIGUSR2: a new version is started beside this one on the same port (server.reuse_port), then this one is sent SIGTERM")
}

// reload reads the configuration again and says what came of it.
func (p *process) reload() {
	_ = systemd.Reloading()
	defer func() { _ = systemd.Ready() }()
	r := p.n.ReadAgain()
	if !r.OK {
		p.log.Error("the configuration stays the one it was", "error", r.Rejected)
		return
	}
	args := []any{}
	for name, list := range map[string]config.Changes{"applied": r.Applied, "needs_restart": r.NeedsRestart} {
		var lines []string
		for _, c := range list {
			lines = append(lines, c.String())
		}
		if lines != nil {
			args = append(args, name, lines)
		}
	}
	p.log.Info("the configuration was read again", args...)
	for _, w := range r.Warnings {
		w.Excerpt = ""
		p.log.Warn(w.String())
	}
}

// end ends the node, if asked to after it has taken leave of its clients. A
// signal meanwhile cuts off what is left.
func (p *process) end(drain bool) error {
	_ = systemd.Stopping()
	limit := shutdownTime
	if drain {
		limit += time.Duration(p.n.Config().Drain.Timeout)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("the end took longer than %s", limit))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		for {
			select {
			case s := <-p.signals:
				if ends(s) {
					stop(ErrStopped)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	if drain {
		if err := p.n.Drain(ctx); err != nil {
			p.log.Warn("the drain ended early", "error", err)
		}
	}
	err := p.n.Server.Shutdown(ctx)
	err = errors.Join(err, <-p.ended, p.n.Stop(ctx), p.joined.close())
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrStopped):
		return ErrStopped
	case cause != nil:
		return errors.Join(cause, err)
	}
	p.log.Info("the server has ended")
	return err
}
