// What the keys of a webhook do that limit it.

package webhooks

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// TestBatches: how many events a delivery has, and for how long the first waits.
//
//effect:keys webhooks[].batch.max_events webhooks[].batch.max_wait
func TestBatches(t *testing.T) {
	t.Parallel()
	r := receive(t)
	w := quiet(r.url)
	w.Batch = config.WebhookBatch{MaxEvents: 3, MaxWait: config.Duration(time.Hour)}
	f := start(t, "boot1", w)
	for i := range 7 {
		f.publish(received1(i))
	}
	for range 2 {
		if b := r.next(t); len(b.Events) != 3 {
			t.Errorf("%d events in a delivery", len(b.Events))
		}
	}
	waitFor(t, func() bool { return f.Stats()[0].Queued == 1 })
	w.Batch.MaxWait = config.Duration(time.Millisecond)
	f.reload(t, w)
	if b := r.next(t); len(b.Events) != 1 {
		t.Errorf("%d events in the last delivery", len(b.Events))
	}
}

// TestConcurrency: so many deliveries are under way, and no more.
//
//effect:keys webhooks[].concurrency
func TestConcurrency(t *testing.T) {
	t.Parallel()
	const events, most = 12, 3
	r := receive(t)
	var now, seen atomic.Int32
	arrived, release := make(chan struct{}, events), make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	r.answers(func(http.ResponseWriter, received) int {
		n := now.Add(1)
		for m := seen.Load(); n > m && !seen.CompareAndSwap(m, n); m = seen.Load() {
		}
		arrived <- struct{}{}
		<-release
		now.Add(-1)
		return 200
	})
	w := quiet(r.url)
	w.Batch.MaxEvents, w.Concurrency, w.Timeout = 1, most, config.Duration(time.Minute)
	f := start(t, "boot1", w)
	for i := range events {
		f.publish(received1(i))
	}
	for range most {
		<-arrived
	}
	let()
	r.until(t, events)
	if n := seen.Load(); n != most {
		t.Errorf("%d at once, %d are allowed", n, most)
	}
}

// TestDeliveryTimeout: an endpoint that does not answer is tried again.
//
//effect:keys webhooks[].timeout
func TestDeliveryTimeout(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1<<16)
		for {
			if _, err := r.Body.Read(buf); err != nil {
				break
			}
		}
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	t.Cleanup(s.Close)
	w := quiet(s.URL)
	w.Timeout = config.Duration(20 * time.Millisecond)
	f := start(t, "boot1", w)
	f.publish(received1(1))
	<-gone
	waitFor(t, func() bool { return f.Stats()[0].Deliveries["retry"] >= 1 })
	if text := f.Stats()[0].LastError; !strings.Contains(text, "deadline") && !strings.Contains(text, "timeout") && !strings.Contains(text, "Timeout") {
		t.Errorf("the last error is %q", text)
	}
}

// TestMaxSpool: what has no place in the directory waits in memory.
//
//effect:keys webhooks[].queue.max_spool
func TestMaxSpool(t *testing.T) {
	t.Parallel()
	r := receive(t)
	begun, up := make(chan struct{}, 100), make(chan struct{})
	let := sync.OnceFunc(func() { close(up) })
	t.Cleanup(let)
	r.answers(func(http.ResponseWriter, received) int {
		begun <- struct{}{}
		<-up
		return 200
	})
	w := quiet(r.url)
	w.Queue.SpoolDir, w.Queue.MaxSpool = t.TempDir(), 6000
	w.Batch.MaxEvents, w.Concurrency, w.Timeout = 1, 1, config.Duration(time.Minute)
	f := start(t, "boot1", w)
	f.publish(received1(0))
	<-begun
	large := received1(1)
	large.Event = strings.Repeat("x", 3000)
	// stored waits until so many bytes are in the directory.
	stored := func(least int64) (size int64) {
		waitFor(t, func() bool {
			files, _ := filepath.Glob(filepath.Join(w.Queue.SpoolDir, "main", "boot1", "*.seg"))
			size = 0
			for _, file := range files {
				if info, err := os.Stat(file); err == nil {
					size += info.Size()
				}
			}
			return size >= least
		})
		return size
	}
	f.publish(large) // has a place
	size := stored(3000)
	f.publish(large) // has none, and waits in memory
	f.publish(received1(2))
	if n := stored(size + 1); n > 6000 {
		t.Errorf("%d bytes are in the directory", n)
	}
	let()
	r.until(t, 4)
}
