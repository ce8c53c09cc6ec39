// The verbs that ask a running server, against one.

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// running is a server in development mode, and an environment that finds it.
type running struct {
	t    *testing.T
	url  string // of clients
	env  []string
	code chan int
	end  context.CancelFunc
}

// startServer runs a server until the test ends.
func startServer(t *testing.T, flags ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, lines := io.Pipe()
	s := &running{t: t, code: make(chan int, 1), end: cancel}
	a := &App{Stdin: strings.NewReader(""), Stdout: lines, Stderr: io.Discard}
	go func() {
		s.code <- a.Run(ctx, append([]string{"--dev", "--listen", "127.0.0.1:0", "--set", "drain.pre_stop=0s", "--set", "drain.over=10ms"}, flags...))
		_ = lines.Close()
	}()
	t.Cleanup(func() { cancel() })
	var said struct {
		URL   string
		Parts map[string]string
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s.url = said.URL
	api, _, _ := strings.Cut(said.Parts["api"], "/api/v1")
	s.env = []string{"SIOSERVER_URL=" + api, "SIOSERVER_KEY=dev"}
	return s
}

// verb runs a verb against the server.
func (s *running) verb(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	a := &App{Stdin: strings.NewReader("bytes"), Stdout: &out, Stderr: &errs, Env: s.env}
	code = a.Run(s.t.Context(), args)
	return code, out.String(), errs.String()
}

// client is a client of the server, connected to "/".
func (s *running) client() *websocket.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	s.next(c)
	s.send(c, "40")
	s.next(c)
	return c
}

func (s *running) send(c *websocket.Conn, text string) {
	s.t.Helper()
	if err := c.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *running) next(c *websocket.Conn) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.client()
	s.send(c, `420["join","tea"]`)
	if got := s.next(c); got != "430[]" {
		t.Fatalf("the answer to join is %q", got)
	}
	for _, x := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"info", 0, "sockets      1", ""},
		{"info --json", 0, `"Sockets": 1`, ""},
		{"nodes", 0, "one of 1", ""},
		{"sockets", 0, "websocket", ""},
		{"sockets --room tea --json", 0, `"tea"`, ""},
		{"sockets --limit 0", 1, "", "limit"},
		{"rooms", 0, "tea   1", ""},
		{"rooms --prefix x --json", 0, `"items": []`, ""},
		{"room tea", 0, "USER", ""},
		{"user nobody", 0, "nobody  false", ""},
		{"revoke --user 42", 1, "", "no tokens"},
		{"slow", 0, "PENDING", ""},
		{"health", 0, "max_connections", ""},
		{"health --live --json", 0, `"ok": true`, ""},
		{"top -n 1 --json", 0, `"sockets":1`, ""},
		{"log level debug --for 1h", 0, "debug, before info", ""},
		{"log level loud", 1, "", "invalid_field"},
		{"drain --status", 0, "serving", ""},
		{"drain --cancel", 1, "", "conflict"},
		{"reload", 0, "nothing has changed", ""},
		{"emit", 2, "", "requires at least 1 arg"},
		{"emit connect", 1, "", "reserved_event"},
		{"emit x --ns /nope", 1, "", "unknown_namespace"},
		{"join a", 1, "", "all"},
		{"join a --all", 0, "1 sockets", ""},
		{"leave a --to tea", 0, "1 sockets", ""},
		{"sockets --url ftp://x", 2, "", "no address of a control plane"},
		{"sockets --key wrong", 1, "", "unauthorized"},
		{"sockets --url http://127.0.0.1:1", 1, "", "cannot be reached"},
		{"health --url http://127.0.0.1:1", 3, "", "cannot be reached"},
		{"health --url " + s.url, 3, "", "no JSON"},
	} {
		code, out, errs := s.verb(strings.Fields(x.args)...)
		if code != x.code || !strings.Contains(out, x.out) || !strings.Contains(errs, x.err) {
			t.Errorf("%s: code %d\n%s\n%s", x.args, code, out, errs)
		}
	}
	if code, out, errs := s.verb("emit", "news", `{"a":1}`, "plain text", "--to", "tea", "--binary", "-"); code != 0 || !strings.Contains(out, "1 sockets") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if got := s.next(c); got != `451-["news",{"a":1},"plain text",{"_placeholder":true,"num":0}]` {
		t.Errorf("emitted %q", got)
	}
	if got := s.next(c); got != "bytes" {
		t.Errorf("emitted %q", got)
	}
	answered := make(chan string, 1)
	go func() {
		_, out, errs := s.verb("emit", "q", "--ack", "20s")
		answered <- out + errs
	}()
	if got := s.next(c); !strings.HasPrefix(got, "42") {
		t.Fatalf("a question is %q", got)
	} else {
		s.send(c, "43"+strings.TrimSuffix(got[2:], `["q"]`)+`["yes"]`)
	}
	if out := <-answered; !strings.Contains(out, "1 of 1 have answered") || !strings.Contains(out, `["yes"]`) {
		t.Error(out)
	}
}

// TestDrainVerb: the client loses its transport and is told nothing else, the
// server ends.
func TestDrainVerb(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.client()
	if code, out, errs := s.verb("drain", "--over", "10ms", "--wait"); code != 0 || !strings.Contains(out, "the server has ended") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code := <-s.code; code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, text, err := c.Read(ctx)
		cancel()
		if err != nil {
			break
		}
		if strings.HasPrefix(string(text), "41") {
			t.Errorf("%q", text)
		}
	}
}

// TestTailVerb: events as they come.
func TestTailVerb(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--set", "drain.pre_stop=1h", "--set", "drain.timeout=2h")
	out, lines := io.Pipe()
	a := &App{Stdin: strings.NewReader(""), Stdout: lines, Stderr: io.Discard, Env: s.env}
	ended := make(chan int, 1)
	go func() {
		ended <- a.Run(t.Context(), []string{"tail", "--types", "node.*", "-n", "1"})
		_ = lines.Close()
	}()
	go func() {
		// The tail is there as soon as a drain is seen by it: it may be asked for, and
		// cancelled, until then.
		for len(ended) == 0 {
			_, _, _ = s.verb("drain", "--over", "1h")
			_, _, _ = s.verb("drain", "--cancel")
		}
	}()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil || !strings.Contains(string(line[:n]), "node.draining") {
		t.Errorf("%q, %v", line[:n], err)
	}
	if code := <-ended; code != 0 {
		t.Errorf("the tail ended with %d", code)
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 3 << 20: "3.0 MiB", 1 << 62: "4096.0 PiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := eventText(`{"dropped":3}`); got != `{"dropped":3}` {
		t.Error(got)
	}
}
