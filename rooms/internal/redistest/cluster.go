// A Redis Cluster of three servers.

package redistest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of a test: three masters on ports of loopback, which
// clusters need.
type Cluster struct {
	Addrs []string
	t     testing.TB
}

const (
	masters = 3
	slots   = 16384
)

// StartCluster starts a cluster that ends with the test.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	for tries := 5; ; tries-- {
		c := &Cluster{t: t}
		err := c.start()
		if err == nil {
			return c
		}
		// Somebody else may have taken a port between the look and the start.
		if tries == 0 {
			t.Fatalf("starting a Redis Cluster: %v; install redis-server (Debian: apt-get install redis-server)", err)
		}
	}
}

func (c *Cluster) start() error {
	c.t.Helper()
	ports, err := freePorts(2 * masters) // for clients, and for the servers among each other
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	var nodes []*redis.Client
	for i := range masters {
		port, bus := ports[i], ports[masters+i]
		cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus),
			"--cluster-node-timeout", "15000", "--save", "", "--appendonly", "no", "--dir", c.t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		c.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		node := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
		c.t.Cleanup(func() { _ = node.Close() })
		c.Addrs, nodes = append(c.Addrs, addr), append(nodes, node)
		for node.Ping(ctx).Err() != nil {
			select {
			case <-ended:
				return fmt.Errorf("the server on port %d ended", port)
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
	for i, node := range nodes {
		if err := node.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err(); err != nil {
			return err
		}
		if err := node.Do(ctx, "cluster", "set-config-epoch", i+1).Err(); err != nil {
			return err
		}
		if err := nodes[0].Do(ctx, "cluster", "meet", "127.0.0.1", ports[i], ports[masters+i]).Err(); err != nil {
			return err
		}
	}
	for _, node := range nodes {
		for {
			info, err := node.ClusterInfo(ctx).Result()
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", masters)) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%w: %s", err, info)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// freePorts finds ports of loopback that nobody uses.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Client is a client of the cluster, closed with the test.
func (c *Cluster) Client(t testing.TB) *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs, MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Move gives the slot of a key to another server.
func (c *Cluster) Move(key string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	fail := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatalf("moving a slot: %v", err)
		}
	}
	all := c.Client(c.t)
	slot, err := all.ClusterKeySlot(ctx, key).Result()
	fail(err)
	source, err := all.MasterForKey(ctx, key)
	fail(err)
	var target *redis.Client
	for _, addr := range c.Addrs {
		if addr != source.Options().Addr {
			target = redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
			c.t.Cleanup(func() { _ = target.Close() })
			break
		}
	}
	from, err := source.Do(ctx, "cluster", "myid").Text()
	fail(err)
	to, err := target.Do(ctx, "cluster", "myid").Text()
	fail(err)
	fail(target.Do(ctx, "cluster", "setslot", slot, "importing", from).Err())
	fail(source.Do(ctx, "cluster", "setslot", slot, "migrating", to).Err())
	for _, node := range []*redis.Client{target, source} {
		fail(node.Do(ctx, "cluster", "setslot", slot, "node", to).Err())
	}
}
