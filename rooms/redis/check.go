// Check: whether Redis is there, and lets a server do what it needs to.

package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Check asks Redis for everything that a cluster needs of it, until ctx is done:
// an answer, the right to publish on its channels, to subscribe to them and to
// count servers, with Options.Sharded the version. The error says what is missing
// and what to do. A server that is to start without Redis does not need it. Any
// goroutine but those of the event loops.
func (c *Cluster) Check(ctx context.Context) error {
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return c.opts.Client.Ping(ctx).Err() },
		func(ctx context.Context) error { _, err := c.checkCount(ctx); return err },
		c.checkPublish,
		c.checkSubscribe,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.explain(err)
		}
	}
	return nil
}

// checked is a namespace that clients cannot name.
const checked = "#check"

func (c *Cluster) checkCount(ctx context.Context) (int, error) {
	a := shardedBus{cluster: c, channel: c.opts.Key + "#" + checked + "#"}
	if c.opts.Sharded {
		return a.ServerCount(ctx)
	}
	return (&adapter{cluster: c, requestChannel: c.opts.Key + "-request#" + checked + "#"}).ServerCount(ctx)
}

func (c *Cluster) checkPublish(ctx context.Context) error {
	if c.opts.Sharded {
		return c.opts.Client.SPublish(ctx, c.opts.Key+"#"+checked+"#", "").Err()
	}
	return errors.Join(
		c.opts.Client.Publish(ctx, c.opts.Key+"#"+checked+"#", "").Err(),
		c.opts.Client.Publish(ctx, c.opts.Key+"-request#"+checked+"#", "").Err(),
		c.opts.Client.Publish(ctx, c.opts.Key+"-response#"+checked+"#", "").Err(),
	)
}

func (c *Cluster) checkSubscribe(ctx context.Context) error {
	s := c.opts.Client.Subscribe(ctx)
	defer s.Close()
	// The pattern of the namespace that there always is: for patterns the lists of
	// an ACL user are compared as text.
	subscribe, name := s.PSubscribe, c.opts.Key+"#/#*"
	if c.opts.Sharded {
		subscribe, name = s.SSubscribe, c.opts.Key+"#"+checked+"#"
	}
	if err := subscribe(ctx, name); err != nil {
		return err
	}
	_, err := s.ReceiveTimeout(ctx, answerTime)
	return err
}

// hints are what to do about errors of Redis, by what they contain.
var hints = []struct{ text, hint string }{
	{"NOAUTH", "Redis wants a password: give one"},
	{"WRONGPASS", "Redis refuses the user name or the password"},
	{"invalid password", "Redis refuses the password"},
	{"called without any password", "Redis has no password: leave it out"},
	{"SHARDNUMSUB", "sharded Pub/Sub needs Redis 7 or later: update it, or leave Sharded out"},
	{"spublish", "sharded Pub/Sub needs Redis 7 or later: update it, or leave Sharded out"},
	{"cluster support disabled", "this Redis is no node of a cluster: leave Cluster out"},
	{"MOVED", "this Redis is a node of a cluster: set Cluster"},
	{"CLUSTERDOWN", "the Redis Cluster does not serve all of its slots"},
	{"first record does not look like a TLS handshake", "Redis does not speak TLS there: begin the URL with redis://"},
	{"x509", "the certificate of Redis is not accepted: check TLS and the host's name"},
	{"unreachable: redis: nil", "the sentinels know no master of this name"},
	{"all sentinels", "no sentinel can be reached"},
	{"EOF", "Redis closed the connection: if it wants TLS, begin the URL with rediss://"},
	{"connection reset", "Redis closed the connection: if it wants TLS, begin the URL with rediss://"},
}

// explain adds to an error what can be done about it.
func (c *Cluster) explain(err error) error {
	text := err.Error()
	if strings.Contains(text, "NOPERM") {
		commands, names := "+publish +psubscribe +subscribe +unsubscribe +punsubscribe +pubsub|numsub", "&KEY* and, for each namespace, &KEY#/#*"
		if c.opts.Sharded {
			commands, names = "+spublish +ssubscribe +sunsubscribe +pubsub|shardnumsub", "&KEY*"
		}
		return fmt.Errorf("redis: the ACL user may not do all that is needed: allow it +ping %s, and the channels %s: %w", commands, strings.ReplaceAll(names, "KEY", c.opts.Key), err)
	}
	for _, h := range hints {
		if strings.Contains(text, h.text) {
			return fmt.Errorf("redis: %s: %w", h.hint, err)
		}
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, goredis.ErrPoolTimeout) {
		return fmt.Errorf("redis: Redis does not answer: check the address, and that both sides speak TLS (rediss://) or none: %w", err)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("redis: Redis cannot be reached: check that it runs, and its address: %w", err)
	}
	return fmt.Errorf("redis: %w", err)
}
