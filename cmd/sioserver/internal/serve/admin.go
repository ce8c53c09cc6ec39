// The admin page, and where its figures come from.

package serve

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/admin"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/gate"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// countFiles is how many samples apart open files are counted: that takes some
// milliseconds when there are many.
const countFiles = 10

// adminPart samples for the page and serves it.
type adminPart struct {
	page *admin.Admin
	n    *node.Node
	gate *gate.Gate
	end  context.CancelFunc
	done chan struct{}

	samples, files int // owned by the goroutine that samples
}

// addAdmin puts the page into the options of a control plane that is made of
// them later; plane returns it.
func addAdmin(c *config.Config, client fs.FS, g *gate.Gate, plane func() *control.Control, o *control.Options) *adminPart {
	p := &adminPart{gate: g, done: make(chan struct{})}
	p.page = admin.New(admin.Options{
		Node:   func() string { return p.n.ID },
		Config: func() config.AdminUI { return p.n.Config().Control.AdminUI },
		Identify: func(key string, r *http.Request) (admin.Identity, bool) {
			name, scopes, ok := plane().Identify(key, r)
			return admin.Identity{Name: name, Scopes: scopes}, ok
		},
		Sample:   p.sample,
		State:    p.state,
		Settings: func() []config.Entry { return config.Settings(p.n.Loaded()) },
		Charts:   charts(client),
	})
	path := c.Control.AdminUI.Path
	o.Pages = map[string]http.Handler{path: p.page.Handler(path)}
	o.Wrap = p.page.Wrap
	return p
}

// charts has the library for charts, nil if this build has none.
func charts(client fs.FS) fs.FS {
	if client == nil {
		return nil
	}
	if _, err := fs.Stat(client, "charts/uPlot.esm.js"); err != nil {
		return nil
	}
	sub, err := fs.Sub(client, "charts")
	if err != nil {
		return nil
	}
	return sub
}

// Start implements [node.Part].
func (p *adminPart) Start(ctx context.Context, n *node.Node) error {
	p.n = n
	ctx, p.end = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		p.page.Run(ctx)
	}()
	return nil
}

// Prepare implements [node.Part]: the page asks for its configuration each time.
func (p *adminPart) Prepare(*config.Config) (apply func(), err error) { return nil, nil }

// Stop implements [node.Part].
func (p *adminPart) Stop(context.Context) error {
	p.end()
	<-p.done
	return nil
}

// state is how the node is.
func (p *adminPart) state() admin.State {
	s := admin.State{Ready: true, Reasons: []string{}, Draining: p.n.Server.Draining(), Connections: p.n.Server.Connections()}
	for _, c := range p.gate.Ready() {
		if !c.OK {
			s.Ready = false
			s.Reasons = append(s.Reasons, c.Name)
		}
	}
	return s
}

// sample reads the node's figures.
func (p *adminPart) sample(ctx context.Context) (s admin.Sample, err error) {
	st, err := p.n.Server.Stats(ctx)
	if err != nil {
		return s, err
	}
	q, err := p.n.Server.Queues(ctx, 0)
	if err != nil {
		return s, err
	}
	s = admin.Sample{
		Connections: st.Connections, MaxConnections: p.n.MaxConnections(), Sockets: st.Sockets,
		Slow: q.Clients, PendingBytes: int64(q.Bytes),
		RSS: resident(), MaxFiles: int(openFiles()),
		Opened: st.ConnectionsOpened, Closed: st.ConnectionsOpened - min(uint64(st.Connections), st.ConnectionsOpened),
		MessagesIn: st.MessagesIn, MessagesOut: st.MessagesOut, BytesIn: st.BytesIn, BytesOut: st.BytesOut, CPU: processorTime(),
	}
	s.MemoryShare, _ = p.gate.Memory()
	if lags := p.gate.Lags(); len(lags) > 0 {
		s.LoopLag = slices.Max(lags)
	}
	if p.samples++; p.samples%countFiles == 1 {
		if list, err := os.ReadDir("/proc/self/fd"); err == nil {
			p.files = len(list)
		}
	}
	s.OpenFiles = p.files
	return s, nil
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the resident memory of the process, 0 if the system does not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
