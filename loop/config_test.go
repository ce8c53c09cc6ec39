// Options: defaults as documented, and what is wrong with a Config.

package loop_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// TestZeroConfig: the zero Config is what its comments say.
func TestZeroConfig(t *testing.T) {
	c := loop.Config{}.WithDefaults()
	check := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %v, documented is %v", name, got, want)
		}
	}
	check("Listen", strings.Join(c.Listen, ","), ":3000")
	check("ReusePort", c.ReusePort, false)
	check("Loops", c.Loops, runtime.GOMAXPROCS(0))
	check("MaxConnections", c.MaxConnections, 0) // the reactor's to fill in
	check("Path", c.Path, "/socket.io/")
	check("Transports", strings.Join(c.Transports, ","), "polling,websocket")
	check("AllowUpgrades", c.AllowUpgrades, loop.Default)
	check("PingInterval", c.PingInterval, 25*time.Second)
	check("PingTimeout", c.PingTimeout, 20*time.Second)
	check("UpgradeTimeout", c.UpgradeTimeout, 10*time.Second)
	check("ConnectTimeout", c.ConnectTimeout, 45*time.Second)
	check("KeepAliveTimeout", c.KeepAliveTimeout, 5*time.Second)
	check("MaxHTTPBufferSize", c.MaxHTTPBufferSize, int64(1_000_000))
	check("HTTPCompression", c.HTTPCompression, loop.HTTPCompression{Threshold: 1024, Level: 1})
	check("DropHandshake", c.DropHandshake, false)
	check("ReleaseMemory", c.ReleaseMemory, false)
	check("Handlers", c.Handlers, 256)
	check("Logger", c.Logger != nil, true)
	check("Limits.OutboundBytes", c.Limits.OutboundBytes, 1<<20)
	check("Limits.OutboundGrace", c.Limits.OutboundGrace, time.Second)
	check("Limits.OutboundBurst", c.Limits.OutboundBurst, 8<<20)
	check("Limits.OutboundBurst of large OutboundBytes", loop.Config{Limits: loop.Limits{OutboundBytes: 9 << 20}}.WithDefaults().Limits.OutboundBurst, 9<<20)
	check("Limits.OutboundStall", c.Limits.OutboundStall, 10*time.Second)
	check("Limits.Namespaces", c.Limits.Namespaces, 16)
	check("Limits.RefusedNamespaces", c.Limits.RefusedNamespaces, 16)
	check("Limits.Rooms", c.Limits.Rooms, 1024)
	check("Limits.Acks", c.Limits.Acks, 1000)
	check("Limits.UnknownAcks", c.Limits.UnknownAcks, 100)
	check("Limits.PendingEvents", c.Limits.PendingEvents, 16384)
	check("Limits.PendingBytes", c.Limits.PendingBytes, 4<<20)
	check("Limits.AttachmentTime", c.Limits.AttachmentTime, 10*time.Second)
	check("Limits.PayloadPackets", c.Limits.PayloadPackets, 1000)
	check("Limits.Packet", c.Limits.Packet, socketio.DefaultLimits())
	if a, err := c.Adapter(nil); err != nil || !rooms.Alone(a) {
		t.Errorf("Adapter makes %v, %v", a, err)
	}

	part := loop.Config{Limits: loop.Limits{Packet: socketio.Limits{Depth: 5}}}.WithDefaults().Limits.Packet
	want := socketio.DefaultLimits()
	want.Depth = 5
	check("a part of Limits.Packet", part, want)
	for given, path := range map[string]string{"/": "/", "/x": "/x/", "/x/": "/x/", "/a/b": "/a/b/"} {
		check("Path "+given, loop.Config{Path: given}.WithDefaults().Path, path)
	}
}

func TestConfigFaults(t *testing.T) {
	for _, test := range []struct {
		cfg  loop.Config
		want string
	}{
		{loop.Config{Loops: -1}, "loop: Loops is -1, it must be from 1 to 256"},
		{loop.Config{Loops: 257}, "loop: Loops is 257, it must be from 1 to 256"},
		{loop.Config{IOUring: 3}, "loop: IOUring is 3, it must be Default, Enabled or Disabled"},
		{loop.Config{MaxConnections: -2}, "loop: MaxConnections is -2, it must not be negative"},
		{loop.Config{Path: "x"}, `loop: Path is "x/", it must begin with a slash`},
		{loop.Config{Path: "/a b"}, `loop: Path is "/a b/", it must be ASCII without space, ? and #`},
		{loop.Config{Path: "/a?b"}, `loop: Path is "/a?b/", it must be ASCII without space, ? and #`},
		{loop.Config{Path: "/é"}, `loop: Path is "/é/", it must be ASCII without space, ? and #`},
		{loop.Config{Transports: []string{"polling", "webtransport"}}, `loop: Transports has "webtransport", it knows "polling" and "websocket"`},
		{loop.Config{AllowUpgrades: 9}, "loop: AllowUpgrades is 9, it must be Default, Enabled or Disabled"},
		{loop.Config{PingInterval: -time.Second}, "loop: PingInterval is -1s, it must be from 1ms to 24h"},
		{loop.Config{PingTimeout: time.Microsecond}, "loop: PingTimeout is 1µs, it must be from 1ms to 24h"},
		{loop.Config{UpgradeTimeout: 25 * time.Hour}, "loop: UpgradeTimeout is 25h0m0s, it must be from 1ms to 24h"},
		{loop.Config{ConnectTimeout: -1}, "loop: ConnectTimeout is -1ns, it must be from 1ms to 24h"},
		{loop.Config{KeepAliveTimeout: 25 * time.Hour}, "loop: KeepAliveTimeout is 25h0m0s, it must be from 1s to 24h"},
		{loop.Config{KeepAliveTimeout: 999 * time.Millisecond}, "loop: KeepAliveTimeout is 999ms, it must be from 1s to 24h"},
		{loop.Config{MaxHTTPBufferSize: -5}, "loop: MaxHTTPBufferSize is -5, it must be positive"},
		{loop.Config{HTTPCompression: loop.HTTPCompression{Enabled: 3}}, "loop: HTTPCompression.Enabled is 3, it must be Default, Enabled or Disabled"},
		{loop.Config{HTTPCompression: loop.HTTPCompression{Threshold: -1}}, "loop: HTTPCompression.Threshold is -1, it must be positive"},
		{loop.Config{HTTPCompression: loop.HTTPCompression{Level: 10}}, "loop: HTTPCompression.Level is 10, it must be from 1 to 9"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{Threshold: -1}}, "loop: PerMessageDeflate.Threshold is -1, it must be positive"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{Level: 10}}, "loop: PerMessageDeflate.Level is 10, it must be from 1 to 9"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ServerMaxWindowBits: 7}}, "loop: PerMessageDeflate.ServerMaxWindowBits is 7, it must be from 8 to 15"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ClientMaxWindowBits: 16}}, "loop: PerMessageDeflate.ClientMaxWindowBits is 16, it must be from 8 to 15"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ServerNoContextTakeover: 3}}, "loop: PerMessageDeflate.ServerNoContextTakeover is 3, it must be Default, Enabled or Disabled"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ClientNoContextTakeover: -1}}, "loop: PerMessageDeflate.ClientNoContextTakeover is -1, it must be Default, Enabled or Disabled"},
		{loop.Config{PerMessageDeflate: &loop.PerMessageDeflate{ConcurrencyLimit: -1}}, "loop: PerMessageDeflate.ConcurrencyLimit is -1, it must be from 1 to 1024"},
		{loop.Config{Handlers: -1}, "loop: Handlers is -1, it must be positive"},
		{loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{RestoreTimeout: -1}}, "loop: ConnectionStateRecovery.RestoreTimeout is -1ns, it must be from 1ms to 24h"},
		{loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{MaxRestoring: -1}}, "loop: ConnectionStateRecovery.MaxRestoring is -1, it must be positive"},
		{loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{MaxBytes: -1}}, "loop: ConnectionStateRecovery.MaxBytes is -1, it must be positive"},
		{loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{MaxSessions: -1}}, "loop: ConnectionStateRecovery.MaxSessions is -1, it must be positive"},
		{loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{MaxDisconnectionDuration: -1}}, "loop: ConnectionStateRecovery.MaxDisconnectionDuration is -1ns, it must be from 1ms to 24h"},
		{loop.Config{Limits: loop.Limits{DynamicNamespaces: -1}}, "loop: Limits.DynamicNamespaces is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{OutboundBytes: -1}}, "loop: Limits.OutboundBytes is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{OutboundGrace: -1}}, "loop: Limits.OutboundGrace is -1ns, it must be from 1ms to 24h"},
		{loop.Config{Limits: loop.Limits{OutboundBurst: 1 << 19}}, "loop: Limits.OutboundBurst is 524288, it must be from OutboundBytes, 1048576, to 2147483647"},
		{loop.Config{Limits: loop.Limits{OutboundStall: -1}}, "loop: Limits.OutboundStall is -1ns, it must be from 1ms to 24h"},
		{loop.Config{Limits: loop.Limits{Namespaces: 70000}}, "loop: Limits.Namespaces is 70000, it must be from 1 to 65535"},
		{loop.Config{Limits: loop.Limits{RefusedNamespaces: 65535}}, "loop: Limits.RefusedNamespaces is 65535, it must be from 1 to 65534"},
		{loop.Config{Limits: loop.Limits{Rooms: -1}}, "loop: Limits.Rooms is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{Acks: -1}}, "loop: Limits.Acks is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{UnknownAcks: -1}}, "loop: Limits.UnknownAcks is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{PendingEvents: -1}}, "loop: Limits.PendingEvents is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{PendingBytes: -1}}, "loop: Limits.PendingBytes is -1, it must be from 1 to 9223372036854775807"},
		{loop.Config{Limits: loop.Limits{AttachmentTime: 48 * time.Hour}}, "loop: Limits.AttachmentTime is 48h0m0s, it must be from 1ms to 24h"},
		{loop.Config{Limits: loop.Limits{PayloadPackets: -1}}, "loop: Limits.PayloadPackets is -1, it must be from 1 to 2147483647"},
		{loop.Config{Limits: loop.Limits{Packet: socketio.Limits{Attachments: 65}}}, "loop: Limits.Packet.Attachments is 65, it must be from 1 to 64"},
		{loop.Config{Loops: 300, Path: "y", Handlers: -1, Limits: loop.Limits{Acks: -1}}, "loop: Loops is 300, it must be from 1 to 256\n" +
			`loop: Path is "y/", it must begin with a slash` + "\nloop: Handlers is -1, it must be positive\n" +
			"loop: Limits.Acks is -1, it must be from 1 to 2147483647"},
		{loop.Config{Listen: []string{"127.0.0.1"}}, `loop: reactor: address "127.0.0.1" is not host:port: address 127.0.0.1: missing port in address`},
		{loop.Config{Listen: []string{"127.0.0.1:99999"}}, `loop: reactor: address "127.0.0.1:99999": address 99999: invalid port`},
		{loop.Config{Listen: []string{"127.0.0.1:0"}, MaxConnections: 1 << 30}, "loop: reactor: MaxConns is 1073741824, but the limit of "},
	} {
		s, err := loop.New(test.cfg)
		if err == nil {
			_ = s.Shutdown(t.Context())
			t.Errorf("accepted, want %q", test.want)
		} else if err.Error() != test.want && !(strings.HasSuffix(test.want, " ") && strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%q, want %q", err, test.want)
		}
	}
}

// TestConfigIsCopied: changing it afterwards has no effect.
func TestConfigIsCopied(t *testing.T) {
	cfg := loop.Config{Listen: []string{"127.0.0.1:0"}, Transports: []string{loop.WebSocket}}
	s := newServer(t, cfg)
	cfg.Listen[0], cfg.Transports[0] = "gone", "gone"
	s.start(t)
	if _, err := dialSession(s.addr(), "polling", ""); err == nil {
		t.Error("polling is not offered")
	}
	_, _ = s.connect(t, "websocket")
}

func TestTransportsOffered(t *testing.T) {
	for _, test := range []struct {
		cfg      loop.Config
		upgrades []string
		refused  string
	}{
		{loop.Config{}, []string{"websocket"}, ""},
		{loop.Config{AllowUpgrades: loop.Disabled}, nil, ""},
		{loop.Config{Transports: []string{loop.Polling}}, nil, "websocket"},
		{loop.Config{Transports: []string{loop.WebSocket}}, nil, "polling"},
		{loop.Config{Path: "/engine", PingInterval: 7 * time.Second, PingTimeout: 8 * time.Second, MaxHTTPBufferSize: 999}, []string{"websocket"}, ""},
	} {
		test.cfg.PingInterval = test.cfg.WithDefaults().PingInterval // not that of newServer
		s := serve(t, test.cfg, nil)
		for _, transport := range []string{"polling", "websocket"} {
			w, err := dialWire(s.addr())
			if err != nil {
				t.Fatal(err)
			}
			where := target(transport, "")
			if test.cfg.Path != "" {
				where = strings.Replace(where, "/socket.io/", test.cfg.Path+"/", 1)
			}
			var o opening
			if transport == "polling" {
				var r *response
				if r, err = w.exchange("GET", where, ""); err == nil && r.status != 200 {
					err = &statusError{r}
				}
				if err == nil {
					o, err = readOpening(packet{text: r.body})
				}
			} else if err = w.upgrade(where); err == nil {
				var p packet
				if p, err = w.readPacket(); err == nil {
					o, err = readOpening(p)
				}
				o.Upgrades = append(o.Upgrades, test.upgrades...) // none on websocket
			}
			var refused *statusError
			if (test.refused == transport) != errors.As(err, &refused) {
				t.Errorf("%+v: %s: %v", test.cfg, transport, err)
			}
			if err == nil && !slices.Equal(o.Upgrades, test.upgrades) {
				t.Errorf("%s: upgrades %q, want %q", transport, o.Upgrades, test.upgrades)
			}
			if c := test.cfg.WithDefaults(); err == nil && (o.PingInterval != int(c.PingInterval.Milliseconds()) ||
				o.PingTimeout != int(c.PingTimeout.Milliseconds()) || o.MaxPayload != int(c.MaxHTTPBufferSize)) {
				t.Errorf("open packet %+v", o)
			}
			_ = w.Close()
		}
	}
}

// TestAdapterFails: without its adapter a namespace serves this server.
func TestAdapterFails(t *testing.T) {
	s := newServer(t, loop.Config{Adapter: func(l rooms.Local) (rooms.Adapter, error) {
		return nil, errors.New("no broker for " + l.Name())
	}})
	s.start(t)
	if s.log.count("no broker for /") != 1 {
		t.Errorf("log:\n%s", s.log)
	}
	c, _ := s.connect(t, "websocket")
	if err := s.Emit("m"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, `2["m"]`)
}
