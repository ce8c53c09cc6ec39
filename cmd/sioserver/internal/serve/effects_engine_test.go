// What the keys of the section engine do.

package serve

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestHandshake: what it tells, what it refuses.
//
//effect:keys engine.transports engine.max_payload engine.allow_eio3
func TestHandshake(t *testing.T) {
	t.Parallel()
	s := effect(t, "engine: {max_payload: 1000B, allow_eio3: true}")
	o := s.handshake()
	s.like("max_payload", o.MaxPayload, 1000)
	for size, want := range map[int]int{1000: 200, 1001: 413} {
		if a := s.post(s.handshake(), "4"+strings.Repeat("x", size-1)); a.status != want {
			t.Errorf("%d bytes: %d %s", size, a.status, a.body)
		}
	}
	old := strings.Replace(s.engine("polling"), "EIO=4", "EIO=3", 1)
	if a := s.do("GET", old, ""); a.status != 200 {
		t.Errorf("a client of version 2: %d %s", a.status, a.body)
	}
	s = effect(t, "engine: {transports: websocket}")
	if a := s.do("GET", s.engine("polling"), ""); a.status != 400 {
		t.Errorf("polling: %d", a.status)
	}
	s.connect("")
	if a := s.do("GET", strings.Replace(s.engine("websocket"), "EIO=4", "EIO=3", 1), ""); a.status != 400 {
		t.Errorf("a client of version 2: %d", a.status)
	}
	s = effect(t, "engine: {transports: polling}")
	if c, _, err := s.dial("", nil); err == nil {
		t.Error("websocket", c.next())
	}
}

// TestSilence: clients that say nothing are closed.
//
//effect:keys engine.ping_interval engine.ping_timeout engine.connect_timeout engine.upgrade_timeout
func TestSilence(t *testing.T) {
	t.Parallel()
	s := effect(t, "engine: {ping_interval: 21ms, ping_timeout: 22ms, connect_timeout: 10m}")
	o := s.handshake()
	s.like("the handshake", []int{o.PingInterval, o.PingTimeout}, []int{21, 22})
	s.like("messages of one that answers no ping", s.open().ended(), []string{"2"})
	s = effect(t, "engine: {connect_timeout: 20ms, ping_interval: 1h}")
	s.like("messages of one that joins no namespace", s.open().ended(), []string{})
	s = effect(t, "engine: {upgrade_timeout: 20ms}")
	c, _, err := s.dial(s.handshake().SID, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Write(s.ctx, websocket.MessageText, []byte("2probe")) // it may be closed already
	c.ended()
	s.until("the timeout is counted", func() bool { return s.metric(`sioserver_upgrades_total{result="timeout"}`) == 1 })
}

// TestKeepAlive: how long a connection without a request is kept.
//
//effect:keys engine.keep_alive_timeout
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	s := effect(t, "engine: {keep_alive_timeout: 1s}")
	c := s.raw()
	fmt.Fprint(c, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	s.like("Keep-Alive", res.Header.Get("Keep-Alive"), "timeout=1")
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// TestCORSKeys: what pages of other origins are told.
//
//effect:keys auth.allowed_origins engine.cors.credentials engine.cors.headers engine.cors.max_age
func TestCORSKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"{credentials: false, headers: [X-One], max_age: 7s}": {"", "X-One", "7"},
		"{}": {"true", "X-Two", "600"},
	} {
		s := effect(t, "auth: {allowed_origins: [\"https://a.example\"]}\nengine: {cors: "+text+"}")
		h := s.do("OPTIONS", s.engine("polling"), "", "Origin", "https://a.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "X-Two").header
		s.like(text, []string{
			h.Get("Access-Control-Allow-Credentials"), h.Get("Access-Control-Allow-Headers"), h.Get("Access-Control-Max-Age"),
		}, want)
		for origin, want := range map[string]int{"https://a.example": 200, "https://b.example": 403} {
			if a := s.do("GET", s.engine("polling"), "", "Origin", origin); a.status != want {
				t.Errorf("%s: %d", origin, a.status)
			}
		}
	}
}

// TestCompression: which messages come compressed, and by what.
//
//effect:keys engine.compression.enabled engine.compression.threshold engine.compression.context_takeover
func TestCompression(t *testing.T) {
	t.Parallel()
	const rsv1 = 0x40
	for _, test := range []struct {
		text, agreed string
		short, long  bool
	}{
		{"{}", "", false, false},
		{"{enabled: true, threshold: 200B}", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", false, true},
		{"{enabled: true, threshold: 50B}", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", true, true},
		{"{enabled: true, threshold: 200B, context_takeover: true}", "permessage-deflate", false, true},
	} {
		s := effect(t, "engine: {compression: "+test.text+"}")
		c := s.raw()
		fmt.Fprint(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 101 {
			t.Fatal(res, err)
		}
		s.like(test.text, res.Header.Get("Sec-WebSocket-Extensions"), test.agreed)
		// frame reads one, and tells whether it is compressed.
		frame := func() bool {
			t.Helper()
			var head [2]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				t.Fatal(err)
			}
			size := int64(head[1])
			if size == 126 {
				var long [2]byte
				if _, err := io.ReadFull(r, long[:]); err != nil {
					t.Fatal(err)
				}
				size = int64(binary.BigEndian.Uint16(long[:]))
			}
			if _, err := io.CopyN(io.Discard, r, size); err != nil {
				t.Fatal(err)
			}
			return head[0]&rsv1 != 0
		}
		frame() // the handshake
		_, _ = c.Write([]byte("\x81\x82\x00\x00\x00\x0040"))
		frame() // joined
		s.emit("short", strings.Repeat("x", 150))
		s.emit("long", strings.Repeat("x", 300))
		s.like(test.text, []bool{frame(), frame()}, []bool{test.short, test.long})
	}
}
