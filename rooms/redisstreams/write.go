// Writing: what is published, and the goroutine that does it.

package redisstreams

import (
	"context"
	"errors"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/link"
)

// The ways messages go.
const (
	toStream uint8 = iota
	toChannel
	toShard
	toSession
)

// message is what is to be published.
type message struct {
	kind    uint8
	key     string        // the stream, the channel, or the session's
	ttl     time.Duration // of a session
	payload string

	// Of an entry.
	uid, nsp, seq string
	mtype         cluster.Type

	// Owned by the goroutine that publishes.
	done   bool // nothing is left to do
	unsure bool // it may be in the stream
}

// Size implements [link.Sized].
func (m *message) Size() int {
	const overhead = 128
	return len(m.key) + len(m.payload) + overhead
}

// publishAll writes the queue out until ctx is done, and then what is left if
// Redis takes it.
func (c *Cluster) publishAll(ctx context.Context) {
	var batch []*message
	wait := link.RetryFirst
	for {
		if batch = c.queue.Take(batch[:0]); len(batch) == 0 {
			select {
			case <-c.queue.More():
				continue
			case <-ctx.Done():
				return
			}
		}
		err := c.publish(batch)
		if err != nil {
			c.base.Complain("publishing", err)
		}
		if all(batch, func(m *message) bool { return m.done }) {
			wait = link.RetryFirst
			c.queue.Done()
			clear(batch)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		c.queue.Back()
		c.counts.retries.Add(1)
		wait = link.Pause(ctx, wait)
	}
}

func all(batch []*message, f func(*message) bool) bool {
	for _, m := range batch {
		if !f(m) {
			return false
		}
	}
	return true
}

// publish writes those messages that are not done, at once, and notes what has
// become of them.
func (c *Cluster) publish(batch []*message) error {
	if !all(batch, func(m *message) bool { return !m.unsure }) {
		if err := c.lookUp(batch); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.RequestsTimeout)
	defer cancel()
	pipe := c.opts.Client.Pipeline()
	channels, err := c.channels(ctx, pipe)
	if err != nil {
		return err
	}
	commands := make([]goredis.Cmder, len(batch))
	for i, m := range batch {
		if m.done {
			continue
		}
		to := pipe
		if m.kind == toChannel {
			to = channels
		}
		commands[i] = c.command(ctx, to, m)
	}
	_, err = pipe.Exec(ctx)
	if link.Unreachable(err) {
		return err // nothing was sent
	}
	if channels != pipe {
		_, second := channels.Exec(ctx)
		err = errors.Join(err, second)
		for i, m := range batch {
			if m.kind == toChannel && link.Unreachable(second) {
				commands[i] = nil // it was not sent
			}
		}
	}
	for i, command := range commands {
		if command != nil {
			c.sent(batch[i], command)
		}
	}
	return err
}

// channels is what messages to channels are written to: in a Redis Cluster the
// same node for all servers, since by several nodes they would overtake each
// other.
func (c *Cluster) channels(ctx context.Context, pipe goredis.Pipeliner) (goredis.Pipeliner, error) {
	nodes, ok := c.opts.Client.(*goredis.ClusterClient)
	if !ok {
		return pipe, nil
	}
	node, err := nodes.MasterForKey(ctx, c.opts.ChannelPrefix)
	if err != nil {
		return nil, err
	}
	return node.Pipeline(), nil
}

// command adds the command for a message.
func (c *Cluster) command(ctx context.Context, pipe goredis.Pipeliner, m *message) goredis.Cmder {
	switch m.kind {
	case toChannel:
		return pipe.Publish(ctx, m.key, m.payload)
	case toShard:
		return pipe.SPublish(ctx, m.key, m.payload)
	case toSession:
		return pipe.Set(ctx, m.key, m.payload, m.ttl)
	}
	values := append(fields(m.uid, m.nsp, m.mtype, m.payload), fieldSeq, m.seq)
	return pipe.XAdd(ctx, &goredis.XAddArgs{Stream: m.key, MaxLen: c.opts.MaxLen, Approx: true, Values: values})
}

// sent notes what has become of a message.
func (c *Cluster) sent(m *message, command goredis.Cmder) {
	err := command.Err()
	switch {
	case err == nil:
		m.done = true
		c.counts.published.Add(1)
		if id, ok := command.(*goredis.StringCmd); ok && m.kind == toStream {
			c.last[m.key] = id.Val()
		}
	case (m.kind == toStream || m.kind == toSession) && passing(err):
		// It was not taken, but will be.
	case m.kind == toSession && !answered(err):
		// It can be set again.
	case m.kind == toStream && !answered(err):
		m.unsure = true
	default:
		m.done = true
		c.counts.publishErrors.Add(1)
	}
}

// answered reports whether an error is what Redis has answered.
func answered(err error) bool {
	var e goredis.Error
	return errors.As(err, &e)
}

// passing reports whether an error is Redis' answer that it cannot do a thing at
// present.
func passing(err error) bool {
	if !answered(err) {
		return false
	}
	for _, prefix := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF", "NOREPLICAS", "BUSY"} {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// lookUp finds out which messages of a batch are in their streams, after a
// connection broke before Redis had answered.
func (c *Cluster) lookUp(batch []*message) error {
	const page = 1000
	wanted := map[string]map[string]*message{} // by stream, uid and number
	for _, m := range batch {
		if m.unsure {
			if wanted[m.key] == nil {
				wanted[m.key] = map[string]*message{}
			}
			wanted[m.key][m.uid+" "+m.seq] = m
		}
	}
	for stream, messages := range wanted {
		from := "-"
		if last := c.last[stream]; last != "" {
			from = "(" + last
		}
		for {
			entries, err := c.opts.Client.XRangeN(context.Background(), stream, from, "+", page).Result()
			if err != nil {
				return err
			}
			for _, e := range entries {
				uid, _ := e.Values[fieldUID].(string)
				seq, _ := e.Values[fieldSeq].(string)
				if m := messages[uid+" "+seq]; m != nil {
					m.done = true
					c.counts.published.Add(1)
				}
				from = "(" + e.ID
			}
			if len(entries) < page {
				break
			}
		}
		for _, m := range messages {
			m.unsure = false
		}
	}
	return nil
}
