// What the keys of the sections server, control, cluster, log and metrics do.

package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// over is a client of HTTP to a unix socket.
func over(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// TestListeners: where the server and its control plane are found.
//
//effect:keys server.listen server.path server.loops control.listen control.keys[].name cluster.node_id
func TestListeners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clients, plane := filepath.Join(dir, "s"), filepath.Join(dir, "c")
	s := effect(t, fmt.Sprintf(`
server: {listen: ["127.0.0.1:0", "unix:%s?mode=0640"], path: /rt/, loops: 3}
control: {listen: "unix:%s", keys: [{name: shop, key: 0123456789abcdef, scopes: [read]}]}
cluster: {node_id: eu-7}
auth: {required: false}
`, clients, plane))
	for path, want := range map[string]int{"rt/": 200, "socket.io/": 404} {
		if a := s.do("GET", s.URL+path+"?EIO=4&transport=polling", ""); a.status != want {
			t.Errorf("/%s: %d", path, a.status)
		}
	}
	res, err := over(clients).Get("http://s/rt/?EIO=4&transport=polling")
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	if info, err := os.Stat(clients); err != nil || info.Mode().Perm() != 0o640 {
		t.Error(info.Mode(), err)
	}
	s.http, s.api = over(plane), "http://c/api/v1"
	var x struct{ Node struct{ ID string } }
	s.call("GET", "/stats", "", &x)
	s.like("node_id", x.Node.ID, "eu-7")
	if a, b := s.metric(`sioserver_loop_connections{loop="2"}`), s.metric(`sioserver_loop_connections{loop="3"}`); a < 0 || b >= 0 {
		t.Errorf("loops: %g, %g", a, b)
	}
	a := s.do("POST", s.api+"/emit", `{"event":"x"}`, "Authorization", "Bearer 0123456789abcdef")
	if a.status != 403 || !strings.Contains(a.body, `the key \"shop\" has not the scope`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestReusePort: whether a second server may listen on the same port.
//
//effect:keys server.reuse_port
func TestReusePort(t *testing.T) {
	t.Parallel()
	first := effect(t, "")
	text := "server: {listen: \"" + first.address() + "\", reuse_port: %v}"
	second := effect(t, fmt.Sprintf(text, true))
	first.like("the address", second.address(), first.address())
	l, err := config.Load(config.Request{Flags: settings(
		"server.listen", first.address(), "server.reuse_port", "false", "control.listen", "127.0.0.1:0", "auth.required", "false",
	)})
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Options{Loaded: l, Stdout: io.Discard, Stderr: io.Discard}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("without reuse_port: %v", err)
	}
}

// TestProxies: whose word about the address of a client is believed.
//
//effect:keys server.proxy_protocol server.trusted_proxies
func TestProxies(t *testing.T) {
	t.Parallel()
	const header = "PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n"
	for _, test := range []struct{ server, with, without, forwarded string }{
		{"{trusted_proxies: [127.0.0.0/8], proxy_protocol: optional}", "203.0.113.9", "127.0.0.1", "203.0.113.10"},
		{"{trusted_proxies: [127.0.0.0/8], proxy_protocol: required}", "203.0.113.9", "", ""},
		{"{trusted_proxies: [127.0.0.0/8]}", "", "127.0.0.1", "203.0.113.10"},
		{"{trusted_proxies: [10.0.0.0/8]}", "", "127.0.0.1", "127.0.0.1"},
	} {
		s := effect(t, "server: "+test.server)
		// address is what the server takes for that of a client, "" if it has none.
		address := func(head, fields string) string {
			c := s.raw()
			fmt.Fprintf(c, "%sGET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", head, fields)
			r := bufio.NewReader(c)
			res, err := http.ReadResponse(r, nil)
			if err != nil || res.StatusCode != 101 {
				return ""
			}
			_, _ = c.Write([]byte("\x81\x82\x00\x00\x00\x0040")) // the text 40, masked by zeros
			for list := s.sockets(); ; list = s.sockets() {
				if len(list) == 1 {
					_ = c.Close()
					s.until("the socket is gone", func() bool { return len(s.sockets()) == 0 })
					return list[0].IP
				}
			}
		}
		s.like(test.server+" with a PROXY header", address(header, ""), test.with)
		s.like(test.server+" without", address("", ""), test.without)
		s.like(test.server+" with X-Forwarded-For", address("", "X-Forwarded-For: 203.0.113.10\r\n"), test.forwarded)
	}
}

// TestServeClient: whether the official client is handed out.
//
//effect:keys server.serve_client
func TestServeClient(t *testing.T) {
	t.Parallel()
	const script = "/*!\n * Socket.IO v4.8.1\n */"
	for on, want := range map[bool]int{true: 200, false: 404} {
		s := effect(t, fmt.Sprintf("server: {serve_client: %v}", on), func(o *Options) {
			o.Client = fstest.MapFS{"socket.io.min.js": {Data: []byte(script)}}
		})
		a := s.do("GET", s.URL+"socket.io/socket.io.min.js", "")
		if a.status != want || on && a.body != script {
			t.Errorf("serve_client: %v: %d %s", on, a.status, a.body)
		}
	}
}

// TestIOUring: whether what leaves for several clients leaves by io_uring.
//
//effect:keys server.io_uring
func TestIOUring(t *testing.T) {
	t.Parallel()
	l, err := config.Load(config.Request{Dev: true, Flags: settings("server.listen", "127.0.0.1:0", "server.io_uring", "on")})
	if err != nil {
		t.Fatal(err)
	}
	if lc, err := loopConfig(l.Config, nil, nil, nil, nil); err != nil || lc.IOUring == 0 {
		t.Fatal(lc.IOUring, err)
	}
	for _, way := range []string{"on", "off"} {
		s := effect(t, fmt.Sprintf("server: {io_uring: %q, loops: 1}", way))
		var clients []*socket
		for range 8 {
			clients = append(clients, s.connect(""))
		}
		s.emit("news", 1)
		for _, c := range clients {
			if got := c.next(); !strings.HasPrefix(got, `42["news",1`) {
				t.Errorf("%s: %s", way, got)
			}
		}
		sends := s.metric("sioserver_io_uring_sends_total")
		if (sends > 0) != (way == "on") {
			t.Errorf("%s: %g sends by io_uring", way, sends)
		}
	}
}

// TestTLS: who may come in by TLS.
//
//effect:keys server.tls.client_ca server.tls.min_version
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "localhost")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		tls   string
		with  []tls.Certificate
		most  uint16
		comes bool
	}{
		{"", nil, tls.VersionTLS12, true},
		{`, min_version: "1.3"`, nil, tls.VersionTLS12, false},
		{`, min_version: "1.3"`, nil, tls.VersionTLS13, true},
		{", client_ca: " + cert, nil, 0, false},
		{", client_ca: " + cert, []tls.Certificate{pair}, 0, true},
	} {
		s := effect(t, fmt.Sprintf("server: {tls: {enabled: true, cert: %s, key: %s%s}}", cert, key, test.tls))
		client := &http.Client{Timeout: patience, Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: test.most, Certificates: test.with},
		}}
		res, err := client.Get(s.engine("polling"))
		if (err == nil) != test.comes {
			t.Errorf("%s, TLS %x, %d certificates: %v", test.tls, test.most, len(test.with), err)
		}
		if err == nil {
			_ = res.Body.Close()
		}
	}
}

// TestPages: what the control plane has besides the API, and what must be asked for.
//
//effect:keys control.admin_ui.enabled control.admin_ui.path control.pprof control.instrument.enabled control.instrument.namespace metrics.enabled limits.api_body
func TestPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text                          string
		panel, profile, metrics, emit int
		join                          string
	}{
		{"", 404, 404, 200, 200, `44/watch,{"message":"Invalid namespace"`},
		{`
control:
  admin_ui: {enabled: true, path: /panel/}
  pprof: true
  instrument: {enabled: true, namespace: /watch, password: "$2a$04$1RSt0ClG3FHe7Zk5Jjz9y.eT/JsyVImzhVQDX1bFXWLc.SzGVPuNi"}
metrics: {enabled: false}
limits: {api_body: 1KiB}
`, 200, 200, 404, 413, `44/watch,{"message":"invalid credentials"`},
	} {
		s := effect(t, test.text)
		plane := strings.TrimSuffix(s.api, "/api/v1")
		get := func(path string) int {
			return s.do("GET", plane+path, "", "Authorization", "Bearer 0123456789abcdef").status
		}
		large := `{"event":"x","args":["` + strings.Repeat("x", 2000) + `"]}`
		s.like("status of the pages", []int{
			get("/panel/"), get("/debug/pprof/cmdline"), get("/metrics"), s.do("POST", s.api+"/emit", large, "Authorization", "Bearer 0123456789abcdef").status,
		}, []int{test.panel, test.profile, test.metrics, test.emit})
		c := s.open()
		c.send(`40/watch,{"username":"admin"}`)
		if got := c.next(); !strings.HasPrefix(got, test.join) {
			t.Errorf("the namespace: %s, not %s", got, test.join)
		}
	}
}
