// The echo server by the letter of bench/CONTRACT.md, with net/http as the client.

package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/server"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

func serve(t *testing.T, cfg server.Config) (addr string, stop func() server.Stats) {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := s.Run(); err != nil {
			t.Errorf("server: %v", err)
		}
	}()
	var st *server.Stats
	stop = func() server.Stats {
		if st == nil {
			final := s.Stop()
			st = &final
		}
		return *st
	}
	t.Cleanup(func() { stop() })
	return s.Addr(), stop
}

// ask makes a polling request.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestPolling(t *testing.T) {
	addr, _ := serve(t, server.Config{})
	base := "http://" + addr + "/socket.io/?EIO=4&transport=polling"
	status, body := ask(t, "GET", base, "")
	var open struct{ Sid string }
	if status != 200 || json.Unmarshal([]byte(body[1:]), &open) != nil || len(open.Sid) != 20 {
		t.Fatalf("handshake %d %s", status, body)
	}
	url := base + "&sid=" + open.Sid
	for _, step := range []struct{ post, want string }{
		{"40", `40{"sid":"` + open.Sid + `"}`},
		{`42["echo","x",1]`, `42["echo","x",1]`},
		{`427["echo","x"]`, "42[\"echo\",\"x\"]\x1e437[\"x\"]"},
		{`428["join","r1"]`, "438[]"},
		{`42["room","r1","hi"]`, `42["room","r1","hi"]`},
		{`42["bcast",{"a":1}]`, `42["bcast",{"a":1}]`},
		{`429["leave","r1"]`, "439[]"},
		{"42[\"room\",\"r1\",\"hi\"]\x1e42[\"echo\"]", `42["echo"]`},
		{"42[\"sink\"]\x1e427[\"echo\"]", "42[\"echo\"]\x1e437[]"},
	} {
		if status, body := ask(t, "POST", url, step.post); status != 200 || body != "ok" {
			t.Fatalf("POST %s: %d %s", step.post, status, body)
		}
		if _, body := ask(t, "GET", url, ""); body != step.want {
			t.Errorf("behind %s came %q, want %q", step.post, body, step.want)
		}
	}
	_, _ = ask(t, "POST", url, `425["stats"]`)
	if _, body := ask(t, "GET", url, ""); !strings.HasPrefix(body, `435[{`) || !strings.Contains(body, `"rss":`) || !strings.Contains(body, `"conns":`) {
		t.Errorf("stats %s", body)
	}
}

func TestRefusals(t *testing.T) {
	addr, _ := serve(t, server.Config{Path: "/x/"})
	for path, want := range map[string]int{
		"/nothing": 404, "/socket.io/?EIO=4&transport=polling": 404, "/x/?EIO=4&transport=polling&sid=none": 400, "/x/?EIO=9&transport=polling": 400,
		"/stats": 200, "/x/?EIO=4&transport=polling": 200, "/x/?EIO=3&transport=polling": 200,
	} {
		if status, body := ask(t, "GET", "http://"+addr+path, ""); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
	if status, _ := ask(t, "POST", "http://"+addr+"/api/v1/emit", `{"event":"bcast","args":[1]}`); status != 200 {
		t.Errorf("publishing: %d", status)
	}
	if status, _ := ask(t, "POST", "http://"+addr+"/api/v1/emit", `nothing`); status != 400 {
		t.Errorf("publishing nothing: %d", status)
	}
	if _, err := server.New(server.Config{Listen: "nowhere"}); err == nil {
		t.Error("it listens nowhere")
	}
	if _, err := server.New(server.Config{Listen: addr}); err == nil {
		t.Error("it listens where another does")
	}
	for range 2 {
		_, _ = ask(t, "GET", "http://"+addr+"/stats", "")
	}
}

// dialWS opens a websocket and returns it behind the answer's head.
func dialWS(t *testing.T, addr, target string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(wire.AppendUpgradeRequest(nil, addr, target, "dGhlIHNhbXBsZSBub25jZQ==", "")); err != nil {
		t.Fatal(err)
	}
	var head []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := c.Read(one); err != nil {
			t.Fatal(err)
		}
		head = append(head, one[0])
	}
	if !bytes.Contains(head, []byte("101")) || !bytes.Contains(head, []byte("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
		t.Fatalf("answer %q", head)
	}
	return c
}

// frame reads one message.
func frame(t *testing.T, c net.Conn) string {
	t.Helper()
	var b []byte
	buf := make([]byte, 1)
	for {
		f, n, err := wire.ParseFrame(b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return string(f.Payload)
		}
		if _, err := c.Read(buf); err != nil {
			t.Fatal(err)
		}
		b = append(b, buf[0])
	}
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write(wire.AppendFrame(nil, wire.OpText, false, []byte(text), true, 0x12345678)); err != nil {
		t.Fatal(err)
	}
}

func TestWebsocketAndUpgrade(t *testing.T) {
	addr, stop := serve(t, server.Config{})
	c := dialWS(t, addr, "/socket.io/?EIO=4&transport=websocket")
	if open := frame(t, c); !strings.HasPrefix(open, `0{"sid":`) {
		t.Fatalf("open %s", open)
	}
	say(t, c, "40")
	if got := frame(t, c); !strings.HasPrefix(got, `40{"sid":`) {
		t.Fatalf("connect %s", got)
	}
	_, body := ask(t, "GET", "http://"+addr+"/socket.io/?EIO=4&transport=polling", "")
	sid, _, _ := strings.Cut(strings.TrimPrefix(body, `0{"sid":"`), `"`)
	_, _ = ask(t, "POST", "http://"+addr+"/socket.io/?EIO=4&transport=polling&sid="+sid, "40")
	probe := dialWS(t, addr, "/socket.io/?EIO=4&transport=websocket&sid="+sid)
	say(t, probe, "2probe")
	if got := frame(t, probe); got != "3probe" {
		t.Fatalf("probe %s", got)
	}
	say(t, probe, "5")
	// What waited for a GET comes over the websocket.
	if got := frame(t, probe); !strings.HasPrefix(got, `40{"sid":`) {
		t.Fatalf("behind the upgrade %s", got)
	}
	say(t, probe, `42["bcast","all"]`)
	for _, x := range []net.Conn{c, probe} {
		if got := frame(t, x); got != `42["bcast","all"]` {
			t.Errorf("broadcast %s", got)
		}
	}
	if st := stop(); st.Upgraded != 1 || st.Received != 1 || st.Sent != 2 {
		t.Errorf("counts %+v", st)
	}
}

func TestRaw(t *testing.T) {
	addr, _ := serve(t, server.Config{})
	ws := dialWS(t, addr, "/anything")
	say(t, ws, "back")
	if got := frame(t, ws); got != "back" {
		t.Errorf("raw websocket %q", got)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(c, "~raw bytes")
	got := make([]byte, 10)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "~raw bytes" {
		t.Errorf("raw TCP %q, error %v", got, err)
	}
}

func TestHeartbeat(t *testing.T) {
	addr, _ := serve(t, server.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 100 * time.Millisecond})
	c := dialWS(t, addr, "/socket.io/?EIO=4&transport=websocket")
	_ = frame(t, c)
	if got := frame(t, c); got != "2" {
		t.Fatalf("ping %q", got)
	}
	// Who does not answer is put off.
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the session was not ended: %v", err)
	}
}
