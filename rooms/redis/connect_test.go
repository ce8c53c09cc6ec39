// Clients from configurations, against every kind of Redis, and what is wrong
// with those that are.

package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

func TestConnectErrors(t *testing.T) {
	for _, test := range []struct {
		options redis.ConnectOptions
		want    string
	}{
		{redis.ConnectOptions{}, "the URL is missing"},
		{redis.ConnectOptions{URL: "127.0.0.1:6379"}, "cannot be read"},
		{redis.ConnectOptions{URL: "redis://user:sec%ret@host"}, "cannot be read"},
		{redis.ConnectOptions{URL: "http://:secret@host"}, "begins with http://"},
		{redis.ConnectOptions{URL: "redis://"}, "no host"},
		{redis.ConnectOptions{URL: "redis://host/x"}, "database number"},
		{redis.ConnectOptions{URL: "redis://host/0?pool_size=3"}, "pool_size"},
		{redis.ConnectOptions{URL: "redis://host?cluster=1"}, "true or false"},
		{redis.ConnectOptions{URL: "redis://host?cluster=true&master_name=m"}, "exclude each other"},
		{redis.ConnectOptions{URL: "redis://host?sentinel_password=secret"}, "name the master"},
		{redis.ConnectOptions{URL: "redis://host?addr=other"}, "not like host:port"},
		{redis.ConnectOptions{URL: "redis://host", Sentinel: "m", Cluster: true}, "exclude each other"},
		{redis.ConnectOptions{URL: "unix:///run/redis.sock", Cluster: true}, "not reached by unix"},
		{redis.ConnectOptions{URL: "redis://host/1", Cluster: true}, "database 0 only"},
		{redis.ConnectOptions{URL: "redis://host", Addrs: []string{"other:1"}}, "for Sentinel and Cluster"},
		{redis.ConnectOptions{URL: "redis://host", Cluster: true, Addrs: []string{"other"}}, "not like host:port"},
		{redis.ConnectOptions{URL: "redis://host", TLS: &tls.Config{}}, "rediss://"},
		{redis.ConnectOptions{URL: "redis://host", SentinelPassword: "secret"}, "name the master"},
	} {
		_, err := redis.Connect(test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%+v: %v; %q was to be in it, and no password", test.options, err, test.want)
		}
	}
}

func TestConnectKinds(t *testing.T) {
	for url, want := range map[string]string{
		"redis://u:p@127.0.0.1:1/2": "*redis.Client", "rediss://127.0.0.1:1?addr=127.0.0.1:2": "*redis.ClusterClient",
		"redis://127.0.0.1:1?cluster=true": "*redis.ClusterClient", "redis://127.0.0.1:1?master_name=m": "*redis.Client",
		"redis://127.0.0.1:1?master_name=m&addr=127.0.0.1:2": "*redis.Client", "unix:///run/redis.sock": "*redis.Client",
	} {
		c, err := redis.Connect(redis.ConnectOptions{URL: url})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if got := fmt.Sprintf("%T", c); got != want {
			t.Errorf("%s: a %s", url, got)
		}
		_ = c.Close()
	}
}

// check connects and checks.
func check(t *testing.T, o redis.ConnectOptions, c redis.Options) error {
	t.Helper()
	client, err := redis.Connect(o)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = client.Close() })
	c.Client, c.Logger = client, slog.New(slog.DiscardHandler)
	cluster, err := redis.New(c)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = cluster.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), redistest.Patience)
	defer cancel()
	return cluster.Check(ctx)
}

// refused wants an error with a text in it.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
		t.Errorf("%s: %v; %q was to be in it, and no password", what, err, want)
	}
}

func TestCheckPlain(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	for _, o := range []redis.Options{{}, {Sharded: true}} {
		if err := check(t, redis.ConnectOptions{URL: "unix://" + s.Socket}, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	addr, _ := redistest.FreePort(t)
	refused(t, "nobody there", check(t, redis.ConnectOptions{URL: "redis://" + addr}, redis.Options{}), "check that it runs")
	// One that accepts and says nothing.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	refused(t, "silence", check(t, redis.ConnectOptions{URL: "redis://" + l.Addr().String()}, redis.Options{}), "does not answer")
}

func TestCheckUsers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	admin := s.Client()
	do := func(args ...any) {
		t.Helper()
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// What the documentation says is enough, and no more.
	do("acl", "setuser", "plain", "on", ">hunter2", "resetchannels", "&socket.io*", "&socket.io#/#*",
		"+ping", "+publish", "+psubscribe", "+subscribe", "+unsubscribe", "+punsubscribe", "+pubsub|numsub")
	do("acl", "setuser", "sharded", "on", ">hunter2", "resetchannels", "&socket.io*", "+ping", "+spublish", "+ssubscribe", "+sunsubscribe", "+pubsub|shardnumsub")
	do("acl", "setuser", "mute", "on", ">hunter2", "resetchannels", "+@all")
	do("acl", "setuser", "default", ">hunter1")
	url := "unix://%s@" + s.Socket
	at := func(user string) redis.ConnectOptions { return redis.ConnectOptions{URL: fmt.Sprintf(url, user)} }
	if err := check(t, at("plain:hunter2"), redis.Options{}); err != nil {
		t.Error(err)
	}
	if err := check(t, at("sharded:hunter2"), redis.Options{Sharded: true}); err != nil {
		t.Error(err)
	}
	own := redis.ConnectOptions{URL: "unix://" + s.Socket, Username: "plain", Password: "hunter2"}
	if err := check(t, own, redis.Options{}); err != nil {
		t.Error(err)
	}
	if err := check(t, redis.ConnectOptions{URL: "unix://" + s.Socket, Password: "hunter1"}, redis.Options{}); err != nil {
		t.Error(err)
	}
	refused(t, "no password", check(t, redis.ConnectOptions{URL: "unix://" + s.Socket}, redis.Options{}), "wants a password")
	refused(t, "wrong password", check(t, at("plain:hunter3"), redis.Options{}), "refuses the user name or the password")
	refused(t, "no channels", check(t, at("mute:hunter2"), redis.Options{}), "&socket.io#/#*")
	refused(t, "no commands", check(t, at("sharded:hunter2"), redis.Options{}), "+pubsub|numsub")
	refused(t, "another prefix", check(t, at("plain:hunter2"), redis.Options{Key: "other"}), "&other*")
}

func TestCheckTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	addr := redistest.StartTLS(t, cert, key)
	secure := redis.ConnectOptions{URL: "rediss://" + addr, TLS: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}}
	if err := check(t, secure, redis.Options{}); err != nil {
		t.Error(err)
	}
	refused(t, "unknown authority", check(t, redis.ConnectOptions{URL: "rediss://" + addr}, redis.Options{}), "certificate")
	refused(t, "without TLS", check(t, redis.ConnectOptions{URL: "redis://" + addr}, redis.Options{}), "rediss://")
	plain := redistest.StartTCP(t).Addr
	refused(t, "TLS to one without", check(t, redis.ConnectOptions{URL: "rediss://" + plain}, redis.Options{}), "rediss://")
	refused(t, "a node that is none", check(t, redis.ConnectOptions{URL: "redis://" + plain, Cluster: true}, redis.Options{}), "no node of a cluster")
}

// certificate makes a certificate for 127.0.0.1, in files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", secret), pool
}

func TestCheckSentinel(t *testing.T) {
	t.Parallel()
	master := redistest.StartTCP(t, "--requirepass", "hunter2")
	sentinel := redistest.StartSentinel(t, fmt.Sprintf(
		"sentinel monitor main 127.0.0.1 %s 1\nsentinel auth-pass main hunter2\nrequirepass hunter3\n", master.Port))
	absent, _ := redistest.FreePort(t)
	o := redis.ConnectOptions{URL: "redis://:hunter2@" + absent, Addrs: []string{sentinel}, Sentinel: "main", SentinelPassword: "hunter3"}
	if err := check(t, o, redis.Options{}); err != nil {
		t.Error(err)
	}
	byURL := redis.ConnectOptions{URL: "redis://:hunter2@" + absent + "?master_name=main&sentinel_password=hunter3&addr=" + sentinel}
	if err := check(t, byURL, redis.Options{}); err != nil {
		t.Error(err)
	}
	other := o
	other.Sentinel = "other"
	refused(t, "unknown master", check(t, other, redis.Options{}), "sentinel")
	o.Addrs = nil
	refused(t, "no sentinel", check(t, o, redis.Options{}), "sentinel")
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	addr := redistest.StartTCP(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf").Addr
	o := redis.ConnectOptions{URL: "redis://" + addr, Cluster: true}
	if err := check(t, o, redis.Options{}); err == nil {
		t.Error("a cluster that serves no slots passes")
	}
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	if err := c.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), redistest.Patience)
	defer cancel()
	for !strings.Contains(c.ClusterInfo(ctx).Val(), "cluster_state:ok") {
		if ctx.Err() != nil {
			t.Fatal("the cluster does not come up")
		}
	}
	absent, _ := redistest.FreePort(t)
	for _, url := range []string{"redis://" + addr + "?cluster=true", "redis://" + absent + "?addr=" + addr} {
		if err := check(t, redis.ConnectOptions{URL: url}, redis.Options{}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
