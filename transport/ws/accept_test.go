// The handshake: the upgrade vectors, each rule alone, and the answer against the library's.

package ws_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/ws"
)

// elsewhere lists the upgrade vectors this package cannot judge, with the layer that does.
var elsewhere = map[string]string{
	"h2c-upgrade-on-get":   "routing: another path, no upgrade wanted",
	"tls-upgrade-on-get":   "routing: another path, no upgrade wanted",
	"ws-sid-proto":         "sessions: unknown sid",
	"ws-transport-polling": "Engine.IO query",
	"ws-transport-missing": "Engine.IO query",
}

type upgrade struct {
	Name   string
	Raw    string
	Expect struct{ Status []int }
}

func loadUpgrades(t testing.TB) (all []upgrade) {
	t.Helper()
	raw, err := os.ReadFile("testdata/upgrade.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// request reads a head as the HTTP layer would, simply.
func request(raw string) *ws.Request {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	req := &ws.Request{}
	if strings.HasSuffix(lines[0], "HTTP/1.1") {
		req.Minor = 1
	}
	add := func(to *[]byte, count *int, value string) {
		if *count++; *count > 1 {
			*to = append(*to, ", "...)
		}
		*to = append(*to, value...)
	}
	extensionLines := 0
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch strings.ToLower(name) {
		case "upgrade":
			add(&req.Upgrade, &req.UpgradeLines, value)
		case "sec-websocket-key":
			add(&req.Key, &req.KeyLines, value)
		case "sec-websocket-version":
			add(&req.Version, &req.VersionLines, value)
		case "sec-websocket-protocol":
			add(&req.Protocols, &req.ProtocolLines, value)
		case "sec-websocket-extensions":
			add(&req.Extensions, &extensionLines, value)
		case "content-length":
			req.HasBody = value != "0"
		case "transfer-encoding":
			req.HasBody = true
		case "connection":
			for option := range strings.SplitSeq(strings.ToLower(value), ",") {
				req.ConnectionUpgrade = req.ConnectionUpgrade || strings.TrimSpace(option) == "upgrade"
				req.ConnectionClose = req.ConnectionClose || strings.TrimSpace(option) == "close"
			}
		}
	}
	return req
}

// vectorBytes: in the vectors a code point is a byte.
func vectorBytes(raw string) string {
	b := make([]byte, 0, len(raw))
	for _, r := range raw {
		b = append(b, byte(r))
	}
	return string(b)
}

func TestUpgradeVectors(t *testing.T) {
	all := loadUpgrades(t)
	met := 0
	for _, v := range all {
		if elsewhere[v.Name] != "" {
			met++
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			status := 101
			if err := ws.CheckAccept(request(vectorBytes(v.Raw))); err != nil {
				status = err.Status
			}
			if !slices.Contains(v.Expect.Status, status) {
				t.Errorf("%d, want one of %v", status, v.Expect.Status)
			}
		})
	}
	if len(all) != 63 || met != len(elsewhere) {
		t.Errorf("%d vectors, %d of them elsewhere", len(all), met)
	}
}

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

func goodRequest() ws.Request {
	return ws.Request{
		Upgrade: []byte("websocket"), Key: []byte(sampleKey), Version: []byte("13"),
		UpgradeLines: 1, KeyLines: 1, VersionLines: 1, ConnectionUpgrade: true, Minor: 1,
	}
}

func TestCheckAccept(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*ws.Request)
		want *ws.HandshakeError
	}{
		{"good", func(*ws.Request) {}, nil},
		{"1.0", func(r *ws.Request) { r.Minor = 0 }, ws.ErrHTTPVersion},
		{"1.9", func(r *ws.Request) { r.Minor = 9 }, nil},
		{"no Connection option", func(r *ws.Request) { r.ConnectionUpgrade = false }, ws.ErrConnection},
		{"close", func(r *ws.Request) { r.ConnectionClose = true }, ws.ErrConnection},
		{"body", func(r *ws.Request) { r.HasBody = true }, ws.ErrRequestBody},
		{"no Upgrade", func(r *ws.Request) { r.Upgrade, r.UpgradeLines = nil, 0 }, ws.ErrUpgradeHeader},
		{"two Upgrade", func(r *ws.Request) { r.UpgradeLines = 2 }, ws.ErrUpgradeHeader},
		{"Upgrade shouted", func(r *ws.Request) { r.Upgrade = []byte("WEBSOCKET") }, nil},
		{"Upgrade off by a bit", func(r *ws.Request) { r.Upgrade = []byte("\x57eb\x33ocket") }, ws.ErrUpgradeHeader},
		{"Upgrade prefix", func(r *ws.Request) { r.Upgrade = []byte("websocket2") }, ws.ErrUpgradeHeader},
		{"no key", func(r *ws.Request) { r.Key, r.KeyLines = nil, 0 }, ws.ErrKey},
		{"two keys", func(r *ws.Request) { r.KeyLines = 2 }, ws.ErrKey},
		{"key 23", func(r *ws.Request) { r.Key = r.Key[:23] }, ws.ErrKey},
		{"key 25", func(r *ws.Request) { r.Key = append(bytes.Clone(r.Key), '=') }, ws.ErrKey},
		{"key padding early", func(r *ws.Request) { r.Key = []byte("dGhlIHNhbXBsZSBub25jZ===") }, ws.ErrKey},
		{"key padding missing", func(r *ws.Request) { r.Key = []byte("dGhlIHNhbXBsZSBub25jZQAA") }, ws.ErrKey},
		{"key with spare bits", func(r *ws.Request) { r.Key = []byte("dGhlIHNhbXBsZSBub25jZR==") }, nil},
		{"key space", func(r *ws.Request) { r.Key = []byte("dGhlIHNhbXBs SBub25jZQ==") }, ws.ErrKey},
		{"no version", func(r *ws.Request) { r.Version, r.VersionLines = nil, 0 }, ws.ErrVersion},
		{"two versions", func(r *ws.Request) { r.VersionLines = 2 }, ws.ErrVersion},
		{"version 8", func(r *ws.Request) { r.Version = []byte("8") }, ws.ErrVersion},
		{"protocol", func(r *ws.Request) { r.Protocols, r.ProtocolLines = []byte("chat, superchat"), 1 }, nil},
		{"protocol twice", func(r *ws.Request) { r.Protocols, r.ProtocolLines = []byte("chat,a ,chat"), 1 }, ws.ErrProtocols},
		{"protocol in two cases", func(r *ws.Request) { r.Protocols, r.ProtocolLines = []byte("chat,Chat"), 1 }, nil},
		{"protocol empty", func(r *ws.Request) { r.ProtocolLines = 1 }, ws.ErrProtocols},
		{"protocol trailing comma", func(r *ws.Request) { r.Protocols, r.ProtocolLines = []byte("a,"), 1 }, ws.ErrProtocols},
		{"protocol two words", func(r *ws.Request) { r.Protocols, r.ProtocolLines = []byte("a b"), 1 }, ws.ErrProtocols},
		{"64 protocols", func(r *ws.Request) { r.Protocols, r.ProtocolLines = protocols(64), 1 }, nil},
		{"65 protocols", func(r *ws.Request) { r.Protocols, r.ProtocolLines = protocols(65), 1 }, ws.ErrProtocols},
		{"extension", func(r *ws.Request) { r.Extensions = []byte("permessage-deflate; client_max_window_bits") }, nil},
		{"extension blank", func(r *ws.Request) { r.Extensions = []byte(" ") }, nil},
		{"extension malformed", func(r *ws.Request) { r.Extensions = []byte("a; b=") }, ws.ErrExtensions},
	} {
		req := goodRequest()
		c.set(&req)
		if got := ws.CheckAccept(&req); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func protocols(n int) []byte {
	names := make([]string, n)
	for i := range names {
		names[i] = "p" + strings.Repeat("x", i)
	}
	return []byte(strings.Join(names, ","))
}

func TestFirstProtocol(t *testing.T) {
	for list, want := range map[string]string{"": "", "a": "a", "a,b": "a", " a , b": "a", "chat\t,b": "chat"} {
		if got := ws.FirstProtocol([]byte(list)); string(got) != want {
			t.Errorf("%q: %q", list, got)
		}
	}
}

func TestAppendAccept(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	for _, c := range []struct {
		name   string
		answer ws.Answer
		want   string
	}{
		{"bare", ws.Answer{}, ""},
		{"protocol", ws.Answer{Protocol: []byte("chat")}, "Sec-WebSocket-Protocol: chat\r\n"},
		{"extension", ws.Answer{Extensions: []byte("permessage-deflate")}, "Sec-WebSocket-Extensions: permessage-deflate\r\n"},
		{
			"all",
			ws.Answer{[]byte("a"), []byte("b"), []byte("X: y\r\nVary: Origin\r\n")},
			"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: b\r\nX: y\r\nVary: Origin\r\n",
		},
	} {
		got := ws.AppendAccept([]byte("before"), []byte(sampleKey), c.answer)
		if string(got) != "before"+head+c.want+"\r\n" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// pipe is a connection in memory.
type pipe struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (p *pipe) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func upgradeHead(key string) []byte {
	return []byte("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n")
}

// TestAppendAcceptAgainstLibrary compares the fields of both answers for random keys.
func TestAppendAcceptAgainstLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 0))
	upgrader := gobwas.Upgrader{Protocol: func(p []byte) bool { return string(p) == "chat" }}
	for range 200 {
		var nonce [16]byte
		for i := range nonce {
			nonce[i] = byte(rnd.Uint32())
		}
		key := base64.StdEncoding.EncodeToString(nonce[:])
		p := &pipe{in: bytes.NewReader(upgradeHead(key))}
		if _, err := upgrader.Upgrade(p); err != nil {
			t.Fatal(err)
		}
		sorted := func(answer []byte) []string {
			lines := strings.Split(string(answer), "\r\n")
			slices.Sort(lines)
			return lines
		}
		got := ws.AppendAccept(nil, []byte(key), ws.Answer{Protocol: []byte("chat")})
		if !slices.Equal(sorted(got), sorted(p.out.Bytes())) {
			t.Fatalf("%q, library %q", got, p.out.Bytes())
		}
	}
}
