// Reading: one goroutine for each stream, which goes on where it was.

package redisstreams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/link"
)

// reader reads a stream. Its fields belong to its goroutine.
type reader struct {
	cluster *Cluster
	stream  string
	ready   chan struct{} // closed when position is known

	position string // id of the last entry that was read; "" before the first look
	broken   bool   // reading has failed since the last entry

	mu struct { // any goroutine
		sync.Mutex
		at    string // the last entry that was handed out
		moved chan struct{}
		ready []func() // called when position is known
	}
}

// whenReady calls f as soon as it is known where the stream is read. Any
// goroutine.
func (r *reader) whenReady(f func()) {
	r.mu.Lock()
	if r.mu.at == "" {
		r.mu.ready = append(r.mu.ready, f)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	f()
}

// moveTo tells those who wait that everything up to an entry has been handed out.
func (r *reader) moveTo(id string) {
	r.position = id
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.at = id; r.mu.moved != nil {
		close(r.mu.moved)
		r.mu.moved = nil
	}
}

// reached waits until everything up to an entry has been handed out, and returns
// the last one that has. Any goroutine.
func (r *reader) reached(ctx context.Context, id entryID) (at string, err error) {
	for {
		r.mu.Lock()
		if at = r.mu.at; at != "" {
			if now, err := parseID(at); err != nil || !now.less(id) {
				r.mu.Unlock()
				return at, err
			}
		}
		if r.mu.moved == nil {
			r.mu.moved = make(chan struct{})
		}
		moved := r.mu.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// run reads until the cluster is closed.
func (r *reader) run() {
	c, wait := r.cluster, link.RetryFirst
	for c.ctx.Err() == nil {
		err := r.step()
		if err == nil {
			wait = link.RetryFirst
			continue
		}
		if c.ctx.Err() != nil {
			return
		}
		r.broken = r.position != ""
		c.base.Complain("reading stream "+r.stream, err)
		wait = link.Pause(c.ctx, wait)
	}
}

// step reads what has come, and waits for it if there is nothing.
func (r *reader) step() error {
	if r.position == "" {
		if err := r.begin(); err != nil {
			return err
		}
	}
	if r.broken {
		if err := r.resume(); err != nil {
			return err
		}
	}
	o := &r.cluster.opts
	cmd := goredis.NewXStreamSliceCmd(r.cluster.ctx, "xread", "block", o.BlockTime.Milliseconds(), "count", o.ReadCount, "streams", r.stream, r.position)
	const key = 6 // its place in the command
	cmd.SetFirstKeyPos(key)
	// Not XRead: that one waits ten seconds longer than it must.
	_ = r.cluster.reading.Process(r.cluster.ctx, cmd)
	list, err := cmd.Result()
	switch {
	case errors.Is(err, goredis.Nil):
		return nil
	case err != nil:
		return err
	}
	for _, entries := range list {
		for _, e := range entries.Messages {
			r.entry(e)
			r.moveTo(e.ID)
		}
	}
	return nil
}

// begin looks where the stream ends: what was there before this server is none
// of its business.
func (r *reader) begin() error {
	last, err := r.cluster.reading.XRevRangeN(r.cluster.ctx, r.stream, "+", "-", 1).Result()
	if err != nil {
		return err
	}
	at := "0-0"
	if len(last) > 0 {
		at = last[0].ID
	}
	r.moveTo(at)
	r.mu.Lock()
	ready := r.mu.ready
	r.mu.ready = nil
	r.mu.Unlock()
	for _, f := range ready {
		f()
	}
	close(r.ready)
	return nil
}

var errGap = errors.New("the stream was cut or lost where this server was to go on: what others have sent meanwhile is missing")

// resume checks that a stream can be read on where it was left.
func (r *reader) resume() error {
	pipe := r.cluster.reading.Pipeline()
	first := pipe.XRangeN(r.cluster.ctx, r.stream, "-", "+", 1)
	last := pipe.XRevRangeN(r.cluster.ctx, r.stream, "+", "-", 1)
	if _, err := pipe.Exec(r.cluster.ctx); err != nil {
		return err
	}
	r.broken = false
	at, err := parseID(r.position)
	if err != nil || at == (entryID{}) {
		return err
	}
	lost := len(first.Val()) == 0
	if !lost {
		begin, err := parseID(first.Val()[0].ID)
		if err != nil {
			return err
		}
		end, err := parseID(last.Val()[0].ID)
		if err != nil {
			return err
		}
		if lost = at.less(begin); end.less(at) {
			// Another stream under the same name, begun by a clock that is behind.
			lost = true
			r.moveTo("0-0")
		}
	}
	if lost {
		r.cluster.counts.gaps.Add(1)
		r.cluster.gap(r.stream)
		r.cluster.base.Complain("reading stream "+r.stream, errGap)
	}
	return nil
}

// entry hands out an entry. Whatever it holds, the next one is read.
func (r *reader) entry(e goredis.XMessage) {
	defer r.cluster.base.Recover(r.stream)
	r.cluster.counts.received.Add(1)
	nsp, ok := e.Values[fieldNSP].(string)
	if !ok {
		r.cluster.base.Unusable(errEntry)
		return
	}
	if b := r.cluster.bus(nsp); b != nil {
		b.onEntry(e.ID, e.Values)
	}
}

// entryID is the id of an entry: milliseconds, and a number within.
type entryID struct{ ms, seq uint64 }

// parseID reads the id of an entry.
func parseID(text string) (entryID, error) {
	ms, seq, ok := strings.Cut(text, "-")
	if ok {
		a, err1 := strconv.ParseUint(ms, 10, 64)
		b, err2 := strconv.ParseUint(seq, 10, 64)
		if err1 == nil && err2 == nil {
			return entryID{a, b}, nil
		}
	}
	return entryID{}, fmt.Errorf("redisstreams: %q is not the id of an entry", text)
}

func (i entryID) less(j entryID) bool { return i.ms < j.ms || i.ms == j.ms && i.seq < j.seq }
