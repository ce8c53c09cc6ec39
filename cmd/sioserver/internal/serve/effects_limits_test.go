// What the keys of the sections limits, slow_consumers, namespaces and auth do, as far as the server's engine does it.

package serve

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// withTokens is a section auth that lets those in who have a token.
const withTokens = "auth: {required: true, jwt: {enabled: true, hmac_secret: 0123456789abcdef0123456789abcdef}}\n"

// token is one of these, for an hour.
func token(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims["exp"] = time.Now().Add(time.Hour).Unix()
	text, err := auth.Sign(&config.JWT{HMACSecret: config.Secrets{"0123456789abcdef0123456789abcdef"}, Algorithms: []string{"HS256"}}, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestMaxConnections: one more than may be is refused, and let in when there is
// room.
//
//effect:keys limits.max_connections
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	s := effect(t, "limits: {max_connections: 2}")
	a := s.connect("")
	s.connect("")
	if c, _, err := s.dial("", nil); err == nil {
		t.Error("a third one is let in", c.next())
	}
	if n := s.metric(`sioserver_limit_rejections_total{limit="max_connections"}`); n < 1 {
		t.Errorf("%g refused", n)
	}
	_ = a.CloseNow()
	s.until("there is room again", func() bool { return s.metric("sioserver_tcp_connections") == 1 })
	s.connect("")
}

// TestSizesOfClients: how much one client may have, below the limit and above.
//
//effect:keys limits.max_rooms_per_socket limits.max_sockets_per_connection limits.event_name_max
func TestSizesOfClients(t *testing.T) {
	t.Parallel()
	s := effect(t, withTokens+`
limits: {max_rooms_per_socket: 2, max_sockets_per_connection: 2, event_name_max: 5}
namespaces:
  - {name: /, auto_join: [], rooms: [{match: "*", join: anyone}], events: [{match: "*", action: ack, ack: [1]}]}
  - {name: /b}
  - {name: /c}
`)
	ada := fmt.Sprintf(`{"token":%q}`, token(t, map[string]any{"sub": "ada"}))
	c := s.connect(ada)
	for _, room := range []string{"a", "b"} {
		s.like("$join "+room, c.ask("$join", map[string]string{"room": room}), `[{"ok":true,"room":"`+room+`"}]`)
	}
	if got := c.ask("$join", map[string]string{"room": "c"}); !strings.Contains(got, `"ok":false`) || !strings.Contains(got, "rooms") {
		t.Errorf("a third room: %s", got)
	}
	c.send("40/b," + ada)
	if got := c.next(); !strings.HasPrefix(got, "40/b,{") {
		t.Errorf("a second namespace: %s", got)
	}
	c.send("40/c," + ada)
	s.like("messages after a third namespace", c.ended(), []string{})
	c = s.connect(ada)
	s.like("a name of five bytes", c.ask("12345"), "[1]")
	c.send(`42["123456"]`)
	c.ended()
}

// slow is a client that stops reading.
func (s *wire) slow() {
	s.t.Helper()
	d := net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	}}
	c, err := d.DialContext(s.ctx, "tcp", s.address())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	fmt.Fprint(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x82\x00\x00\x00\x0040")
	s.until("it is in the namespace", func() bool { return len(s.sockets()) == 1 })
}

// TestSlowConsumers: who does not read is cut off, for what waits or for how long.
//
//effect:keys slow_consumers.queue_bytes slow_consumers.stall_timeout
func TestSlowConsumers(t *testing.T) {
	t.Parallel()
	const cut = `sioserver_slow_consumers_total{action="disconnect"}`
	block := strings.Repeat("x", 512<<10)
	for _, test := range []struct {
		keys   string
		limits []string
	}{
		{"{queue_bytes: 64KiB, stall_timeout: 24h}", []string{"outbound", "outbound_burst"}},
		{"{queue_bytes: 2047MiB, stall_timeout: 1s}", []string{"stall"}},
	} {
		s := effect(t, "slow_consumers: "+test.keys+"\nrecovery: {max_bytes: 1KiB}\n")
		s.slow()
		// The kernel takes some megabytes before anything waits here.
		s.until("bytes wait", func() bool {
			if s.metric(cut) > 0 {
				return true
			}
			s.emit("block", block)
			list := s.sockets()
			return len(list) == 0 || list[0].Pending > 1<<20
		})
		s.until("it is cut off", func() bool { return s.metric(cut) == 1 })
		n := 0.0
		for _, limit := range test.limits {
			n += s.metric(`sioserver_limit_hits_total{limit="` + limit + `"}`)
		}
		s.like(test.keys, n, 1)
	}
}

// TestSlowPolicies: who does not read is told of, and loses events by number,
// while nobody is cut off.
//
//effect:keys slow_consumers.policy slow_consumers.queue_messages slow_consumers.detect_bytes
func TestSlowPolicies(t *testing.T) {
	t.Parallel()
	block := strings.Repeat("x", 512<<10)
	for _, policy := range []string{"drop_newest", "drop_oldest"} {
		s := effect(t, "recovery: {max_bytes: 1KiB}\nslow_consumers: {queue_bytes: 2047MiB, stall_timeout: 24h, detect_bytes: 1MiB, queue_messages: 5, policy: "+policy+"}")
		s.slow()
		s.until("events are dropped", func() bool {
			if s.metric(`sioserver_messages_dropped_total{reason="`+policy+`"}`) > 0 {
				return true
			}
			s.emit("block", block)
			return false
		})
		s.until("it is told of", func() bool { return s.metric(`sioserver_slow_consumers_total{action="detected"}`) == 1 })
		s.like("cut off", s.metric(`sioserver_slow_consumers_total{action="disconnect"}`), 0)
	}
}

// back reports whether a client that comes back is the socket it was.
func (s *wire) back(sid, auth string) (recovered bool) {
	s.t.Helper()
	c := s.open()
	c.send("40" + auth)
	text := c.next()
	for strings.HasPrefix(text, "42") { // what it missed
		text = c.next()
	}
	var x struct{ SID string }
	if json.Unmarshal([]byte(strings.TrimPrefix(text, "40")), &x) != nil {
		s.t.Fatal(text)
	}
	_ = c.CloseNow()
	return x.SID == sid
}

// TestRecoveryKeys: who comes back as the socket it was.
//
//effect:keys namespaces[].recovery.enabled namespaces[].recovery.max_disconnection recovery.max_bytes
func TestRecoveryKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text             string
		offered, returns bool
	}{
		{"namespaces: [{name: /}]", true, true},
		{"namespaces: [{name: /, recovery: {enabled: false}}]", false, false},
		{"namespaces: [{name: /, recovery: {max_disconnection: 1ms}}]", true, false},
		{"namespaces: [{name: /}]\nrecovery: {max_bytes: 1KiB}", true, false},
	} {
		s := effect(t, test.text)
		s.until(test.text, func() bool {
			c := s.open()
			c.send("40")
			var x struct{ SID, PID string }
			text := c.next()
			if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "40")), &x); err != nil {
				t.Fatal(text, err)
			}
			s.like(test.text, x.PID != "", test.offered)
			s.emit("first", 1)
			var event []any
			if err := json.Unmarshal([]byte(strings.TrimPrefix(c.next(), "42")), &event); err != nil {
				t.Fatal(err)
			}
			_ = c.CloseNow()
			s.until("it is gone", func() bool { return len(s.sockets()) == 0 })
			for range 3 {
				s.emit("missed", strings.Repeat("x", 600))
			}
			offset, err := json.Marshal(event[len(event)-1])
			if err != nil {
				t.Fatal(err)
			}
			// One that is quicker than a millisecond tries again.
			return s.back(x.SID, fmt.Sprintf(`{"pid":%q,"offset":%s}`, x.PID, offset)) == test.returns
		})
	}
}

// TestWhoIsKnown: where a token may be, and whose it is.
//
//effect:keys auth.jwt.from auth.jwt.user_claim
func TestWhoIsKnown(t *testing.T) {
	t.Parallel()
	text := strings.Replace(withTokens, "enabled: true", "enabled: true, from: [auth.ticket], user_claim: uid", 1)
	signed := token(t, map[string]any{"uid": "ada", "sub": "bob"})
	s := effect(t, text)
	s.connect(fmt.Sprintf(`{"ticket":%q}`, signed))
	if list := s.sockets(); len(list) != 1 || list[0].User != "ada" {
		t.Errorf("%+v", list)
	}
	c := s.open()
	c.send(fmt.Sprintf(`40{"token":%q}`, signed))
	if got := c.next(); !strings.HasPrefix(got, `44{"message":"unauthorized"`) {
		t.Error(got)
	}
}

// TestVolatileRule: receivers that are behind are left out, if the rule says so.
//
//effect:keys namespaces[].events[].volatile
func TestVolatileRule(t *testing.T) {
	t.Parallel()
	// On one loop, what is acknowledged has been sent to all.
	s := effect(t, `
server: {loops: 1}
namespaces:
  - events:
      - {match: moved, action: relay, to: "*", volatile: true}
      - {match: said, action: relay, to: "*"}
`)
	behind := s.handshake()
	s.post(behind, "40")
	if got := s.poll(behind); !strings.HasPrefix(got, "40{") {
		t.Fatal(got)
	}
	// It does not poll now.
	c := s.connect("")
	for _, event := range []string{"moved", "said"} {
		s.like(event, c.ask(event, 1), `[{"ok":true}]`)
	}
	if got := s.poll(behind); strings.Contains(got, "moved") || !strings.HasPrefix(got, `42["said",1`) {
		t.Errorf("it was sent %s", got)
	}
	s.like("dropped", s.metric(`sioserver_messages_dropped_total{reason="volatile"}`), 1)
}

// TestEventLabels: the events whose names are labels, and the others.
//
//effect:keys metrics.event_labels
func TestEventLabels(t *testing.T) {
	t.Parallel()
	const metric = "sioserver_events_by_name_total"
	rules := `namespaces: [{name: /, events: [{match: "*", action: ack, ack: []}]}]` + "\n"
	s := effect(t, rules+"metrics: {event_labels: [order, never]}")
	c := s.connect("")
	for _, event := range []string{"order", "order", "secret", "$join"} {
		c.ask(event, 1)
	}
	for label, want := range map[string]float64{"order": 2, "never": 0, "other": 2, "secret": -1} {
		if got := s.metric(metric + `{event="` + label + `"}`); got != want {
			t.Errorf("%s: %g, not %g", label, got, want)
		}
	}
	s = effect(t, rules)
	s.connect("").ask("order")
	if got := s.metric(metric + `{event="other"}`); got != -1 {
		t.Errorf("without labels there is %g", got)
	}
}
