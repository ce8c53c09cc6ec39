// Every key of the server, the engine and the limits of package loop: what it becomes.

package serve

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// configured is what a configuration becomes.
func configured(t *testing.T, text string, dev bool) loop.Config {
	t.Helper()
	l, err := config.Load(config.Request{Files: []string{"-"}, Stdin: strings.NewReader("auth: {required: false}\n" + text), Dev: dev})
	if err != nil {
		t.Fatal(err)
	}
	c, err := loopConfig(l.Config, fstest.MapFS{}, http.NotFoundHandler(), nil, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOptions(t *testing.T) {
	for _, v := range []struct {
		text string
		get  func(c loop.Config) any
		want any
	}{
		{"server: {listen: [\":1\", \"unix:/a?mode=0640\", \"fd:sio\"], reuse_port: false}", func(c loop.Config) any { return c.Listeners }, []loop.Listener{
			{Address: ":1", ReusePort: loop.Disabled}, {Address: "unix:/a", Mode: 0o640, ReusePort: loop.Disabled}, {Address: "fd:sio", ReusePort: loop.Disabled},
		}},
		{"server: {listen: [\":1\", \"fd:sio\"]}", func(c loop.Config) any { return []loop.Switch{c.Listeners[0].ReusePort, c.Listeners[1].ReusePort} }, []loop.Switch{loop.Enabled, loop.Disabled}},
		{"server: {proxy_protocol: required, trusted_proxies: [10.1.2.3/8, 127.0.0.1]}", func(c loop.Config) any {
			return []any{c.Listeners[0].ProxyProtocol, c.TrustedProxies[0].String(), c.TrustedProxies[1].String()}
		}, []any{loop.ProxyRequired, "10.0.0.0/8", "127.0.0.1/32"}},
		{"server: {proxy_protocol: optional, trusted_proxies: 127.0.0.1}", func(c loop.Config) any { return c.Listeners[0].ProxyProtocol }, loop.ProxyOptional},
		{"", func(c loop.Config) any { return c.Handlers }, 0},
		{"hooks: {defaults: {concurrency: 10}, connect: {url: \"http://127.0.0.1/\"}, join: {url: \"http://127.0.0.1/\"}}", func(c loop.Config) any { return c.Handlers }, 532},
		{"server: {path: /x}", func(c loop.Config) any { return c.Path }, "/x/"},
		{"server: {loops: 3}", func(c loop.Config) any { return c.Loops }, 3},
		{"server: {loops: auto}", func(c loop.Config) any { return c.Loops }, 0},
		{"server: {serve_client: false}", func(c loop.Config) any { return c.ServeClient }, loop.Disabled},
		{"", func(c loop.Config) any { return c.ServeClient }, loop.Enabled},
		{"server: {io_uring: \"on\"}", func(c loop.Config) any { return c.IOUring }, loop.Enabled},
		{"server: {io_uring: \"off\"}", func(c loop.Config) any { return c.IOUring }, loop.Disabled},
		{"", func(c loop.Config) any { return c.IOUring }, loop.Default},
		{"engine: {transports: websocket}", func(c loop.Config) any { return c.Transports }, []string{"websocket"}},
		{"engine: {ping_interval: 1s}", func(c loop.Config) any { return c.PingInterval }, time.Second},
		{"engine: {ping_timeout: 2s}", func(c loop.Config) any { return c.PingTimeout }, 2 * time.Second},
		{"engine: {keep_alive_timeout: 70s}", func(c loop.Config) any { return c.KeepAliveTimeout }, 70 * time.Second},
		{"engine: {upgrade_timeout: 3s}", func(c loop.Config) any { return c.UpgradeTimeout }, 3 * time.Second},
		{"engine: {connect_timeout: 4s}", func(c loop.Config) any { return c.ConnectTimeout }, 4 * time.Second},
		{"engine: {max_payload: 5KB}", func(c loop.Config) any { return c.MaxHTTPBufferSize }, int64(5000)},
		{"engine: {allow_eio3: true}", func(c loop.Config) any { return c.AllowEIO3 }, true},
		{"", func(c loop.Config) any { return c.PerMessageDeflate }, (*loop.PerMessageDeflate)(nil)},
		{"engine: {compression: {enabled: true, threshold: 7}}", func(c loop.Config) any { return *c.PerMessageDeflate }, loop.PerMessageDeflate{Threshold: 7}},
		{"engine: {compression: {enabled: true, context_takeover: true}}", func(c loop.Config) any { return c.PerMessageDeflate.ServerNoContextTakeover }, loop.Disabled},
		{"", func(c loop.Config) any { return c.MaxConnections }, 0},
		{"limits: {max_connections: 6}", func(c loop.Config) any { return c.MaxConnections }, 12},
		{"limits: {max_connections: 600}", func(c loop.Config) any { return c.MaxConnections }, 664},
		{"limits: {max_rooms_per_socket: 7}", func(c loop.Config) any { return c.Limits.Rooms }, 7 + ownRooms},
		{"limits: {max_sockets_per_connection: 8}", func(c loop.Config) any { return c.Limits.Namespaces }, 8},
		{"limits: {event_name_max: 9}", func(c loop.Config) any { return c.Limits.Packet.EventName }, 9},
		{"slow_consumers: {queue_bytes: 64KiB}", func(c loop.Config) any { return c.Limits.OutboundBytes }, 65536},
		{"slow_consumers: {queue_messages: 12}", func(c loop.Config) any { return c.Limits.OutboundMessages }, 12},
		{"slow_consumers: {detect_bytes: 13KiB}", func(c loop.Config) any { return c.Limits.OutboundSlow }, 13 << 10},
		{"", func(c loop.Config) any { return c.SlowPolicy }, loop.SlowClose},
		{"slow_consumers: {policy: drop_newest}", func(c loop.Config) any { return c.SlowPolicy }, loop.SlowDropNewest},
		{"slow_consumers: {policy: drop_oldest}", func(c loop.Config) any { return c.SlowPolicy }, loop.SlowDropOldest},
		{"slow_consumers: {policy: conflate}", func(c loop.Config) any { return c.SlowPolicy }, loop.SlowConflate},
		{"slow_consumers: {stall_timeout: 11s}", func(c loop.Config) any { return c.Limits.OutboundStall }, 11 * time.Second},
		{
			"recovery: {max_bytes: 4MiB}\nnamespaces: [{recovery: {max_disconnection: 9s}}, {name: /a, recovery: {max_disconnection: 9s}}]", func(c loop.Config) any { return *c.ConnectionStateRecovery },
			loop.RecoveryConfig{MaxDisconnectionDuration: 9 * time.Second, MaxBytes: 2 << 20, SkipMiddlewares: loop.Disabled},
		},
		{"namespaces: [{recovery: {enabled: false}}]", func(c loop.Config) any { return c.ConnectionStateRecovery }, (*loop.RecoveryConfig)(nil)},
		{"cluster: {backend: redis_streams}\nrecovery: {backend: redis_streams}", func(c loop.Config) any {
			st, err := c.ConnectionStateRecovery.RestoreData([]byte(`{"user":"42"}`))
			if err != nil {
				return err
			}
			return st.(*session.State).User
		}, "42"},
		{"cluster: {backend: redis_streams}", func(c loop.Config) any { return c.ConnectionStateRecovery }, (*loop.RecoveryConfig)(nil)},
		{"cluster: {backend: redis}", func(c loop.Config) any { return c.ConnectionStateRecovery }, (*loop.RecoveryConfig)(nil)},
	} {
		c := configured(t, v.text, false)
		if got := v.get(c); !reflect.DeepEqual(got, v.want) {
			t.Errorf("%s: %+v, want %+v", v.text, got, v.want)
		}
		if c.HTTP != nil {
			t.Error("the pages of development mode are served")
		}
	}
	if c := configured(t, "", true); c.HTTP == nil || c.ConnectionStateRecovery != nil {
		t.Errorf("development mode: %+v", c)
	}
}

// TestOptionsAreTaken: package loop takes what the defaults become.
func TestOptionsAreTaken(t *testing.T) {
	for _, text := range []string{"", "engine: {compression: {enabled: true, context_takeover: true}}\n"} {
		c := configured(t, "server: {listen: \"127.0.0.1:0\"}\n"+text, false)
		c.ClientFiles = nil
		s, err := loop.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestTLSOptions(t *testing.T) {
	dir := t.TempDir()
	cert, key := dir+"/c.pem", dir+"/k.pem"
	writeCertificate(t, cert, key, "a")
	for _, v := range []struct {
		tls  config.TLS
		min  uint16
		auth tls.ClientAuthType
		err  string
	}{
		{config.TLS{Cert: cert, Key: key, MinVersion: "1.2"}, tls.VersionTLS12, tls.NoClientCert, ""},
		{config.TLS{Cert: cert, Key: key, MinVersion: "1.3", ClientCA: cert}, tls.VersionTLS13, tls.RequireAndVerifyClientCert, ""},
		{config.TLS{Cert: cert, Key: key, ClientCA: dir + "/none"}, 0, 0, "server.tls.client_ca: "},
		{config.TLS{Cert: cert, Key: key, ClientCA: key}, 0, 0, "has no certificate"},
	} {
		c, err := newCertificate(v.tls, slog.Default())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.config()
		if v.err != "" {
			if err == nil || !strings.Contains(err.Error(), v.err) {
				t.Errorf("%+v: %v", v.tls, err)
			}
			continue
		}
		if err != nil || got.MinVersion != v.min || got.ClientAuth != v.auth {
			t.Errorf("%+v: %+v, %v", v.tls, got, err)
		}
	}
}

func TestRedisClients(t *testing.T) {
	for address, want := range map[string]string{
		"redis://u:p@127.0.0.1:1/2": "*redis.Client", "rediss://127.0.0.1:1?addr=127.0.0.1:2": "*redis.ClusterClient",
		"redis://127.0.0.1:1?master_name=m": "*redis.Client", "redis://127.0.0.1:1/x": "", "://": "",
	} {
		c, err := RedisClient(address)
		if got := reflect.TypeOf(c); want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%s: %v, %v", address, got, err)
		}
		if c != nil {
			_ = c.Close()
		}
	}
}
