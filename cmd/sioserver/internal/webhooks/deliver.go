// Batches, and how they are delivered.

package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// batch is what one delivery holds.
type batch struct {
	id      string
	boot    string
	items   []item
	dropped uint64
	low     uint64 // the lowest of their numbers
	began   time.Time
}

// body is a delivery as it is sent.
type body struct {
	ID            string            `json:"id"`
	SentAt        time.Time         `json:"sent_at"`
	Node          nodeInfo          `json:"node"`
	Attempt       int               `json:"attempt"`
	DroppedBefore uint64            `json:"dropped_before"`
	Events        []json.RawMessage `json:"events"`
}

type nodeInfo struct {
	ID       string `json:"id"`
	Boot     string `json:"boot"`
	UptimeMS int64  `json:"uptime_ms"` // of the process that sends
}

// dispatch makes batches as long as there is something to send.
func (p *endpoint) dispatch() {
	var since time.Time // when the oldest was first seen to wait
	for {
		w := p.settings.Load()
		p.mu.Lock()
		if p.mu.disabled {
			p.giveUp()
		}
		n, busy := p.mu.queue.len(), len(p.mu.flights) >= max(w.Concurrency, 1)
		news, stopping := p.mu.news, p.mu.stopping
		if n == 0 {
			since = time.Time{}
		} else if since.IsZero() {
			since = time.Now()
		}
		wait := time.Hour
		switch full := n >= w.Batch.MaxEvents; {
		case n > 0 && !busy && (full || stopping || time.Since(since) >= time.Duration(w.Batch.MaxWait)):
			b := p.makeBatch(w)
			p.mu.Unlock()
			since = time.Time{}
			p.wg.Go(func() { p.deliver(b) })
			continue
		case n > 0 && !busy:
			wait = time.Until(since.Add(time.Duration(w.Batch.MaxWait)))
		case n == 0 && stopping && len(p.mu.flights) == 0 && p.mu.pumped:
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		if !p.pause(news, wait) {
			return
		}
	}
}

// giveUp drops what waits for an endpoint that does not want it. mu is held.
func (p *endpoint) giveUp() {
	for p.mu.queue.len() > 0 {
		for _, x := range p.mu.queue.take(p.mu.queue.len()) {
			p.stats.drop(x.kind, whyDisabled, 1)
		}
	}
	p.settled()
}

// makeBatch takes the oldest events. mu is held.
func (p *endpoint) makeBatch(w *settings) *batch {
	q := &p.mu.queue
	b := &batch{items: q.take(max(w.Batch.MaxEvents, 1)), dropped: q.dropped, began: time.Now()}
	q.dropped = 0
	b.boot, b.low = b.items[0].boot, b.items[0].number
	p.stats.batches++
	b.id = "msg_" + p.sender.node.Boot + "." + p.name + "." + strconv.FormatUint(p.stats.batches, 10)
	p.mu.flights[b] = true
	return b
}

// stopPause is the longest wait between tries of a process that ends.
const stopPause = 500 * time.Millisecond

// errGone: the endpoint answered 410.
var errGone = errors.New("the endpoint answered 410 Gone")

// permanent is a failure that another try does not help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// deliver sends a batch until it is taken or given up.
func (p *endpoint) deliver(b *batch) {
	wait := time.Duration(0)
	var err error
	for attempt := 1; ; attempt++ {
		w := p.settings.Load()
		var after time.Duration
		if after, err = p.send(w, b, attempt); err == nil {
			p.finish(b, "ok", nil)
			return
		}
		p.stats.failed(err)
		if errors.As(err, new(permanent)) {
			break
		}
		wait = backoff(w, wait)
		pause := max(jittered(wait, w.Retry.Jitter), after)
		p.mu.Lock()
		kicks, stopping := p.mu.kicks, p.mu.stopping
		p.mu.Unlock()
		if stopping {
			pause = min(pause, stopPause)
		}
		if !stopping && time.Since(b.began)+pause > time.Duration(w.Retry.MaxElapsed) {
			err = fmt.Errorf("given up after %s: %w", time.Since(b.began).Truncate(time.Millisecond), err)
			break
		}
		p.sender.log().Debug("a webhook's delivery is tried again", "webhook", p.name, "attempt", attempt, "wait", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-kicks:
			timer.Stop()
		case <-p.done:
			timer.Stop()
			p.putBack(b)
			return
		}
	}
	p.finish(b, "dead_letter", err)
}

// backoff is the next wait.
func backoff(w *settings, last time.Duration) time.Duration {
	if last == 0 {
		return time.Duration(w.Retry.Initial)
	}
	return min(2*last, time.Duration(w.Retry.Max))
}

// jittered makes a part of a wait random.
func jittered(wait time.Duration, part float64) time.Duration {
	return wait - time.Duration(part*rand.Float64()*float64(wait))
}

// send sends a batch once. after is what Retry-After says.
func (p *endpoint) send(w *settings, b *batch, attempt int) (after time.Duration, err error) {
	n := p.sender.node
	now := time.Now()
	m := body{
		ID: b.id, SentAt: now.UTC().Truncate(time.Millisecond), Attempt: attempt, DroppedBefore: b.dropped,
		Node: nodeInfo{n.ID, b.boot, now.Sub(n.Started).Milliseconds()},
	}
	for _, x := range b.items {
		m.Events = append(m.Events, x.text)
	}
	text, err := json.Marshal(&m)
	if err != nil {
		return 0, permanent{err}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.Timeout))
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(text))
	if err != nil {
		return 0, permanent{err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", p.sender.agent)
	w.keys.Sign(r.Header, b.id, now, text)
	res, err := p.sender.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	err = fmt.Errorf("%s answered %s", w.URL, res.Status)
	switch code := res.StatusCode; {
	case code/100 == 2:
		return 0, nil
	case code == http.StatusGone:
		return 0, permanent{errGone}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return retryAfter(res.Header.Get("Retry-After"), now), err
	}
	return 0, permanent{err}
}

// retryAfterMost bounds what an endpoint may wish.
const retryAfterMost = time.Hour

// retryAfter reads the header field: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if n, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), retryAfterMost)
}

// finish ends a batch: it was taken, or goes to the dead letters.
func (p *endpoint) finish(b *batch, result string, err error) {
	if err != nil {
		kept := p.bury(b, err)
		p.sender.log().Error("a webhook's delivery is given up", "webhook", p.name, "events", len(b.items), "kept_as_dead_letters", kept, "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.flights, b)
	p.stats.deliver(result)
	if err != nil {
		for _, x := range b.items {
			p.stats.drop(x.kind, whyDeadLetter, 1)
		}
	}
	if errors.Is(err, errGone) {
		p.mu.disabled = true
	}
	p.settled()
	p.tell()
}

// bury writes a batch to the dead letters, and reports whether there are some.
func (p *endpoint) bury(b *batch, why error) bool {
	if p.spool == nil {
		return false
	}
	if err := p.spool.bury(b, why); err != nil {
		p.sender.log().Error("dead letters cannot be written", "webhook", p.name, "error", err)
		return false
	}
	return true
}

// putBack returns a batch whose delivery ends with the process: it stays in the
// directory, or is counted as left.
func (p *endpoint) putBack(b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range b.items {
		p.mu.queue.push(x, p.mu.queue.len()+1)
	}
}
