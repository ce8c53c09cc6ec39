// The live tail: what happens, as server-sent events, filtered and thinned out.

package control

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// The limits of live tails.
const (
	tailsMost  = 32   // at once
	tailBuffer = 1000 // events that wait for one
	tailBeat   = 15 * time.Second
)

// tails are those who look on.
type tails struct {
	bus     *lifecycle.Bus
	dropped atomic.Uint64
	ended   chan struct{}

	mu     sync.Mutex
	open   int
	closed bool
}

func newTails() *tails { return &tails{ended: make(chan struct{})} }

func (t *tails) attach(n *node.Node) { t.bus = n.Bus }

// close ends all of them.
func (t *tails) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.ended)
	}
}

// begin takes a place, and reports whether there was one.
func (t *tails) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.open >= tailsMost {
		return false
	}
	t.open++
	return true
}

func (t *tails) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open--
}

// tail is one of them.
type tail struct {
	filter  filter
	events  chan *lifecycle.Event
	dropped atomic.Uint64
}

// filter says which events are shown. An empty field is any.
type filter struct {
	types                            []string // with * for a part
	namespace, user, sid, room, name string
	share                            float64 // of those that pass
}

func (f *filter) passes(e *lifecycle.Event) bool {
	if len(f.types) > 0 && !matches(f.types, e.Type) {
		return false
	}
	same := func(want, is string) bool { return want == "" || want == is }
	if !same(f.namespace, e.Namespace) || !same(f.user, e.User) || !same(f.sid, e.SID) || !same(f.room, e.Room) {
		return false
	}
	if f.name != "" && !matches([]string{f.name}, e.Event) {
		return false
	}
	return f.share >= 1 || rand.Float64() < f.share
}

// matches reports whether one of the patterns, with * for a part, is for a text.
func matches(patterns []string, text string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, text); ok && err == nil {
			return true
		}
	}
	return false
}

// add is called by whoever publishes, which may be an event loop.
func (t *tail) add(e *lifecycle.Event) {
	if !t.filter.passes(e) {
		return
	}
	select {
	case t.events <- e:
	default:
		t.dropped.Add(1)
	}
}

// filterOf reads the query of GET /events.
func filterOf(r *http.Request) (f filter, err error) {
	q := r.URL.Query()
	if text := q.Get("types"); text != "" {
		f.types = strings.Split(text, ",")
	}
	for _, p := range append(f.types, q.Get("event")) {
		if _, err := path.Match(p, ""); err != nil {
			return f, invalid("types", "%q is no pattern: * stands for a part", p)
		}
	}
	f.namespace, f.user, f.sid, f.room, f.name = q.Get("namespace"), q.Get("user"), q.Get("sid"), q.Get("room"), q.Get("event")
	f.share = 1
	if text := q.Get("sample"); text != "" {
		if f.share, err = share(text); err != nil || !(f.share > 0 && f.share <= 1) {
			return f, invalid("sample", "it is %q, it must be a share such as 1/100 or 0.01", text)
		}
	}
	return f, nil
}

// share reads "1/100" and "0.01".
func share(text string) (float64, error) {
	a, b, ok := strings.Cut(text, "/")
	x, err := strconv.ParseFloat(a, 64)
	if err != nil || !ok {
		return x, err
	}
	y, err := strconv.ParseFloat(b, 64)
	return x / y, err
}

func (x *call) events() (any, error) {
	f, err := filterOf(x.r)
	if err != nil {
		return nil, err
	}
	if !x.tails.begin() {
		return nil, fail(codeConflict, "%d live tails are open already", tailsMost)
	}
	defer x.tails.end()
	t := &tail{filter: f, events: make(chan *lifecycle.Event, tailBuffer)}
	defer x.tails.bus.Subscribe(t.add)()
	h := x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	x.w.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprint(x.w, ": connected\n\n")
	x.show(t)
	return written, nil
}

// show writes events until the caller goes.
func (x *call) show(t *tail) {
	control := http.NewResponseController(x.w)
	beat := time.NewTicker(tailBeat)
	defer beat.Stop()
	told := uint64(0)
	for {
		if len(t.events) == 0 && control.Flush() != nil {
			return
		}
		var err error
		select {
		case e := <-t.events:
			err = x.tell(e)
		case <-beat.C:
			_, err = fmt.Fprint(x.w, ": still here\n\n")
		case <-x.ctx.Done():
			return
		case <-x.tails.ended:
			return
		}
		if n := t.dropped.Load(); n > told {
			x.tails.dropped.Add(n - told)
			told = n
			_, err = fmt.Fprintf(x.w, "event: dropped\ndata: {\"dropped\":%d}\n\n", n)
		}
		if err != nil {
			return
		}
	}
}

// tell writes an event, unless it is of a namespace that the key may not see.
func (x *call) tell(e *lifecycle.Event) error {
	if e.Namespace != "" && !x.key.reaches(e.Namespace) {
		return nil
	}
	public := *e
	public.Meta = nil // for hooks and webhooks only
	text, err := json.Marshal(public)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(x.w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, text)
	return err
}
