// Reload: the configuration is read again, and what can be put to use is.

package node

import (
	"errors"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// Report is what a reload did. A reload whose Rejected is not empty changed
// nothing.
type Report struct {
	OK           bool            `json:"ok"`
	Applied      config.Changes  `json:"applied"`
	NeedsRestart config.Changes  `json:"needs_restart"` // since the start
	Rejected     config.Problems `json:"rejected"`
	Warnings     config.Problems `json:"warnings"`
}

// Reloads counts reloads since the start.
type Reloads struct {
	Succeeded, Failed uint64
	LastOK            bool // true before the first one
	Last              time.Time
}

// reloadState is what reloads need.
type reloadState struct {
	running sync.Mutex // one at a time

	mu    sync.Mutex
	load  func() (*config.Loaded, error)
	count Reloads
}

// SetLoader says how the configuration was read, and how it is read again.
func (n *Node) SetLoader(now *config.Loaded, load func() (*config.Loaded, error)) {
	n.loaded.Store(now)
	n.reload.mu.Lock()
	defer n.reload.mu.Unlock()
	n.reload.load, n.reload.count.LastOK = load, true
}

// Loaded is the configuration as it was read last, with the source of each
// value; nil if nobody said. What needs a restart may differ from Config.
func (n *Node) Loaded() *config.Loaded { return n.loaded.Load() }

// Reloads is how often the configuration was read again.
func (n *Node) Reloads() Reloads {
	n.reload.mu.Lock()
	defer n.reload.mu.Unlock()
	return n.reload.count
}

// ReadAgain reads files and environment again and puts what changed to use: all
// of it but what needs a restart, or if something is wrong nothing.
func (n *Node) ReadAgain() Report {
	n.reload.running.Lock()
	defer n.reload.running.Unlock()
	r := n.readAgain()
	n.reload.mu.Lock()
	defer n.reload.mu.Unlock()
	c := &n.reload.count
	c.LastOK, c.Last = r.OK, time.Now()
	if r.OK {
		c.Succeeded++
	} else {
		c.Failed++
	}
	return r
}

func (n *Node) readAgain() (r Report) {
	n.reload.mu.Lock()
	load := n.reload.load
	n.reload.mu.Unlock()
	if load == nil {
		r.Rejected = config.Problems{{Message: "this server was not started from a configuration"}}
		return r
	}
	loaded, err := load()
	if err == nil {
		now := n.Config()
		usable := config.KeepRestart(now, loaded.Config)
		r.Applied = config.Diff(now, usable)
		r.NeedsRestart = config.Diff(usable, loaded.Config)
		r.Warnings = loaded.Warnings
		err = n.Reload(usable)
	}
	if err != nil {
		if !errors.As(err, &r.Rejected) {
			r.Rejected = config.Problems{{Message: err.Error()}}
		}
		return Report{Rejected: r.Rejected}
	}
	n.loaded.Store(loaded)
	r.OK = true
	return r
}
