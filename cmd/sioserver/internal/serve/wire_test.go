// A server that a configuration makes, seen from outside: by clients, and by the API.

package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// patience is how long is waited for what must come.
const patience = 60 * time.Second

// wire is a running server, and what a test asks it.
type wire struct {
	*running
	t    *testing.T
	ctx  context.Context
	api  string // its URL
	http *http.Client
}

// basis is what a file of these tests begins with; a section must not be there
// twice, so theirs are set.
var basis = settings("drain.pre_stop", "0s", "drain.over", "0s", "control.listen", "127.0.0.1:0")

// effect runs a server on a configuration that may change all but how it is reached.
// It ends with the test.
func effect(t *testing.T, text string, change ...func(*Options)) *wire {
	t.Helper()
	r := config.Request{
		Files: []string{"-"}, Stdin: strings.NewReader(text), Flags: basis,
		Env: []string{
			"SIOSERVER_SERVER_LISTEN=127.0.0.1:0", `SIOSERVER_CONTROL_KEYS=[{"name": "a", "key": "0123456789abcdef", "scopes": ["emit", "read", "manage", "admin"]}]`, "SIOSERVER_AUTH_REQUIRED=false",
			"SIOSERVER_ENGINE_PING_INTERVAL=1h", // not all clients here answer
			// A machine that is busy with other tests lets nobody in otherwise.
			"SIOSERVER_OVERLOAD_LOOP_LAG_HIGH=24h", "SIOSERVER_OVERLOAD_MEMORY_HIGH=98%", "SIOSERVER_OVERLOAD_MEMORY_CRITICAL=99%",
		},
	}
	// What a test gives itself stays as it is.
	for name, found := range map[string]string{"SERVER_LISTEN": `(?m)^server: .*\blisten:`, "CONTROL_KEYS": `\bkeys:`, "AUTH_REQUIRED": `\brequired: true`, "ENGINE_PING_INTERVAL": `\bping_interval:`} {
		if regexp.MustCompile(found).MatchString(text) {
			for i := range r.Env {
				if strings.HasPrefix(r.Env[i], "SIOSERVER_"+name+"=") {
					r.Env[i] = "IGNORED="
				}
			}
		}
	}
	if strings.Contains(text, "control: {listen:") {
		r.Flags = basis[:2]
	}
	loaded, err := config.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Loaded: loaded}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	s := &wire{running: start(t, o), t: t, ctx: ctx, http: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	s.api, _, _ = strings.Cut(s.Parts["api"], " ")
	t.Cleanup(func() {
		cancel()
		s.http.CloseIdleConnections()
		s.stop()
		if err := s.wait(t); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is that of a request.
type answer struct {
	status int
	body   string
	header http.Header
}

// do sends a request.
func (s *wire) do(method, url, body string, header ...string) answer {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := s.http.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res.StatusCode, string(text), res.Header}
}

// engine is the URL of the engine, for a transport.
func (s *wire) engine(transport string) string {
	return strings.TrimSuffix(s.URL, "/") + s.Path + "?EIO=4&transport=" + transport
}

// opened is what a handshake tells.
type opened struct {
	SID                                   string
	PingInterval, PingTimeout, MaxPayload int
}

// handshake opens a session by polling.
func (s *wire) handshake(header ...string) (o opened) {
	s.t.Helper()
	a := s.do("GET", s.engine("polling"), "", header...)
	if a.status != 200 || json.Unmarshal([]byte(strings.TrimPrefix(a.body, "0")), &o) != nil {
		s.t.Fatalf("the handshake: %d %s", a.status, a.body)
	}
	return o
}

// poll is a session's next poll.
func (s *wire) poll(o opened) string {
	s.t.Helper()
	return s.do("GET", s.engine("polling")+"&sid="+o.SID, "").body
}

// post sends a body of packets.
func (s *wire) post(o opened, body string) answer {
	s.t.Helper()
	return s.do("POST", s.engine("polling")+"&sid="+o.SID, body)
}

// call asks the API, and fails if it does not say 2xx.
func (s *wire) call(method, path, body string, into any) {
	s.t.Helper()
	a := s.do(method, s.api+path, body, "Authorization", "Bearer 0123456789abcdef", "Content-Type", "application/json")
	if a.status/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if into == nil {
		return
	}
	x := struct{ Result any }{into}
	if err := json.Unmarshal([]byte(a.body), &x); err != nil {
		s.t.Fatalf("%s: %v in %s", path, err, a.body)
	}
}

// seen is a socket as the API tells of it.
type seen struct {
	SID, User, IP string
	Rooms         []string
	Pending       int `json:"pending_bytes"`
}

// sockets are those of "/".
func (s *wire) sockets() []seen {
	s.t.Helper()
	var list struct{ Items []seen }
	s.call("GET", "/sockets", "", &list)
	return list.Items
}

// metric is the value of a metric, -1 if it is not told.
func (s *wire) metric(name string) float64 {
	s.t.Helper()
	a := s.do("GET", strings.TrimSuffix(s.api, "/api/v1")+"/metrics", "")
	for line := range strings.Lines(a.body) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				s.t.Fatal(line)
			}
			return v
		}
	}
	return -1
}

// until waits for what no message tells.
func (s *wire) until(what string, ok func() bool) {
	s.t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("not in time: %s", what)
		}
	}
}

// socket is a client by websocket. It answers pings while it reads.
type socket struct {
	*websocket.Conn
	s *wire
}

// dial opens a session, or goes on with one of polling.
func (s *wire) dial(sid string, o *websocket.DialOptions) (*socket, *http.Response, error) {
	s.t.Helper()
	url := "ws" + strings.TrimPrefix(s.engine("websocket"), "http")
	if sid != "" {
		url += "&sid=" + sid
	}
	c, res, err := websocket.Dial(s.ctx, url, o)
	if err != nil {
		return nil, res, err
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(-1)
	return &socket{c, s}, res, nil
}

// open is a client that has opened a session and nothing more.
func (s *wire) open() *socket {
	s.t.Helper()
	c, _, err := s.dial("", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if text := c.next(); !strings.HasPrefix(text, "0{") {
		s.t.Fatalf("the handshake: %s", text)
	}
	return c
}

// connect is a client in "/". auth is JSON or nothing.
func (s *wire) connect(auth string) *socket {
	s.t.Helper()
	c := s.open()
	c.send("40" + auth)
	if text := c.next(); !strings.HasPrefix(text, "40{") {
		s.t.Fatalf("not let in: %s", text)
	}
	return c
}

func (c *socket) send(text string) {
	c.s.t.Helper()
	if err := c.Write(c.s.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.s.t.Fatal(err)
	}
}

// next is the next message but for pings.
func (c *socket) next() string {
	c.s.t.Helper()
	for {
		_, text, err := c.Read(c.s.ctx)
		if err != nil {
			c.s.t.Fatal(err)
		}
		if string(text) != "2" {
			return string(text)
		}
		c.send("3")
	}
}

// ended reads, pings included, until the server has closed, and returns what came.
func (c *socket) ended() (list []string) {
	c.s.t.Helper()
	for {
		_, text, err := c.Read(c.s.ctx)
		if err != nil {
			if c.s.ctx.Err() != nil {
				c.s.t.Fatal("the server does not close the connection")
			}
			return list
		}
		list = append(list, string(text))
	}
}

// ask emits an event and returns the arguments of its acknowledgement.
func (c *socket) ask(event string, args ...any) string {
	c.s.t.Helper()
	text, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		c.s.t.Fatal(err)
	}
	c.send("427" + string(text))
	return strings.TrimPrefix(c.next(), "437")
}

// raw is a connection to the server's port.
func (s *wire) raw() net.Conn {
	s.t.Helper()
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(s.ctx, "tcp", s.address())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// address is the server's port.
func (s *wire) address() string {
	_, rest, _ := strings.Cut(s.URL, "://")
	return strings.TrimSuffix(rest, "/")
}

// emit sends an event to everybody by the API.
func (s *wire) emit(event string, arg any) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"event": event, "args": []any{arg}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.call("POST", "/emit", string(body), nil)
}

// like fails unless the values are equal, as JSON tells them.
func (s *wire) like(what string, got, want any) {
	s.t.Helper()
	a, b := new(bytes.Buffer), new(bytes.Buffer)
	fmt.Fprintf(a, "%+v", got)
	fmt.Fprintf(b, "%+v", want)
	if a.String() != b.String() {
		s.t.Errorf("%s: %s, not %s", what, a, b)
	}
}
