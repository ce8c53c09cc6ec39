// Clients: HTTP responses and websocket frames read strictly, polling and websocket sessions on top.

package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// response is one HTTP response.
type response struct {
	status int
	fields map[string]string // names in lower case
	body   string
}

// short is the response in one line, for tables.
func (r response) short() string { return strings.TrimSpace(fmt.Sprintf("%d %s", r.status, r.body)) }

// parseResponse reads the first response off b. ok is false when it is not complete.
func parseResponse(b []byte, method string) (r response, rest []byte, ok bool, err error) {
	head, after, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found {
		return r, b, false, nil
	}
	lines := strings.Split(string(head), "\r\n")
	var reason string
	if n, _ := fmt.Sscanf(lines[0], "HTTP/1.1 %d %s", &r.status, &reason); n != 2 {
		return r, nil, false, fmt.Errorf("status line %q", lines[0])
	}
	r.fields = map[string]string{}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ": ")
		name = strings.ToLower(name)
		if _, twice := r.fields[name]; !found || twice || strings.TrimSpace(value) != value || strings.ContainsAny(line, "\r\n") {
			return r, nil, false, fmt.Errorf("field line %q", line)
		}
		r.fields[name] = value
	}
	length, has := r.fields["content-length"]
	if r.status < 200 || r.status == 204 || r.status == 304 {
		if has {
			return r, nil, false, fmt.Errorf("a length in a response %d", r.status)
		}
		return r, after, true, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil {
		return r, nil, false, fmt.Errorf("no length: %v", r.fields)
	}
	if method == "HEAD" {
		return r, after, true, nil
	}
	if len(after) < n {
		return r, b, false, nil
	}
	r.body = string(after[:n])
	return r, after[n:], true, nil
}

// responses reads all that has come as responses to the requests sent by ask.
func (p *peer) responses() (all []response) {
	p.k.t.Helper()
	for len(p.got) > 0 {
		method := "GET"
		if len(p.methods) > 0 {
			method = p.methods[0]
		}
		r, rest, ok, err := parseResponse(p.got, method)
		if err != nil {
			p.k.t.Fatalf("%v in %q", err, p.got)
		}
		if !ok {
			return all
		}
		if r.status != 100 && len(p.methods) > 0 {
			p.methods = p.methods[1:]
		}
		p.got = rest
		all = append(all, r)
	}
	return all
}

// shorts are the responses in short form.
func (p *peer) shorts() (all []string) {
	p.k.t.Helper()
	for _, r := range p.responses() {
		all = append(all, r.short())
	}
	return all
}

// want demands exactly these responses, in short form.
func (p *peer) want(want ...string) {
	p.k.t.Helper()
	if got := p.shorts(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		p.k.t.Errorf("responses %q, want %q", got, want)
	}
	if len(p.got) > 0 {
		p.k.t.Errorf("half a response %q", p.take())
	}
}

// ask sends a request and returns its response.
func (p *peer) ask(request string) response {
	p.k.t.Helper()
	p.begin(request)
	all := p.responses()
	if len(all) != 1 {
		p.k.t.Fatalf("%d responses to %q, want 1", len(all), request)
	}
	return all[0]
}

// begin sends a request whose response may come later.
func (p *peer) begin(request string) {
	p.k.t.Helper()
	method, _, _ := strings.Cut(request, " ")
	p.methods = append(p.methods, method)
	p.send(request)
}

const engineQuery = "/socket.io/?EIO=4&transport=polling"

// request makes a request of a session, of the engine if sid is empty.
func request(method, sid, body string, fields ...string) string {
	target := engineQuery
	if sid != "" {
		target += "&sid=" + sid
	}
	text := method + " " + target + " HTTP/1.1\r\nHost: a\r\n"
	for _, f := range fields {
		text += f + "\r\n"
	}
	if method == "POST" || body != "" {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return text + "\r\n" + body
}

// chunked makes a POST with a body in chunks.
func chunked(sid string, chunks ...string) string {
	text := "POST " + engineQuery + "&sid=" + sid + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range chunks {
		text += fmt.Sprintf("%x\r\n%s\r\n", len(c), c)
	}
	return text + "0\r\n\r\n"
}

var sidPattern = regexp.MustCompile(`"sid":"([A-Za-z0-9_-]{20})"`)

// poller is a client over polling with a connection for each direction.
type poller struct {
	k         *kernel
	sid       string
	query     string // in place of EIO=4
	get, post *peer
}

// poller opens a session on a loop.
func (k *kernel) poller(loop int) *poller { k.t.Helper(); return k.pollerOf(loop, "EIO=4") }

// pollerOf is poller for another revision, or with more parameters.
func (k *kernel) pollerOf(loop int, query string) *poller {
	k.t.Helper()
	c := &poller{k: k, query: query, get: k.dial(loop), post: k.dial(loop)}
	r := c.get.ask(c.own(request("GET", "", "")))
	r.body = strings.ReplaceAll(r.body, `\"`, `"`) // of a script
	m := sidPattern.FindStringSubmatch(r.body)
	if r.status != 200 || m == nil {
		k.t.Fatalf("handshake %v", r)
	}
	c.sid = m[1]
	return c
}

// own makes a request one of this client.
func (c *poller) own(request string) string { return strings.Replace(request, "EIO=4", c.query, 1) }

// poll begins a GET.
func (c *poller) poll() { c.k.t.Helper(); c.get.begin(c.own(request("GET", c.sid, ""))) }

// deliver is a POST.
func (c *poller) deliver(body string) response {
	c.k.t.Helper()
	if c.post.over || c.post.shut {
		c.post = c.k.dial(0)
	}
	return c.post.ask(c.own(request("POST", c.sid, body)))
}

// candidate opens a websocket for the session.
func (c *poller) candidate(loop int) *socket {
	c.k.t.Helper()
	w := &socket{peer: c.k.dial(loop), sid: c.sid}
	w.send(c.own(upgradeRequest("&sid=" + c.sid)))
	w.accepted()
	return w
}

// upgraded takes the session over to a websocket as official clients do.
func (c *poller) upgraded(loop int) *socket {
	c.k.t.Helper()
	w := c.candidate(loop)
	w.text("2probe")
	w.want("3probe")
	w.text("5")
	return w
}

const wsKey = "dGhlIHNhbXBsZSBub25jZQ=="

// upgradeRequest asks for a websocket.
func upgradeRequest(query string, fields ...string) string {
	text := "GET /socket.io/?EIO=4&transport=websocket" + query + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\n"
	for _, f := range fields {
		text += f + "\r\n"
	}
	return text + "\r\n"
}

// socket is a websocket client.
type socket struct {
	*peer
	sid string
	pmd *pmdClient // what was agreed about compression, nil if nothing was
}

// accepted reads the 101.
func (w *socket) accepted() response {
	w.k.t.Helper()
	r, rest, ok, err := parseResponse(w.got, "GET")
	if err != nil || !ok || r.status != 101 || r.fields["sec-websocket-accept"] != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		w.k.t.Fatalf("not accepted: %v %v %q", ok, err, w.got)
	}
	w.got = rest
	w.pmd = newPMDClient(w.k.t, r.fields["sec-websocket-extensions"])
	return r
}

// socket opens a session over websocket on a loop.
func (k *kernel) socket(loop int) *socket { k.t.Helper(); return k.socketOf(loop, "EIO=4") }

// socketOf is socket for another revision, or with more parameters.
func (k *kernel) socketOf(loop int, query string) *socket {
	k.t.Helper()
	w := &socket{peer: k.dial(loop)}
	w.send(strings.Replace(upgradeRequest(""), "EIO=4", query, 1))
	w.accepted()
	frames := w.frames()
	if len(frames) != 1 {
		k.t.Fatalf("frames %q, want the open packet", frames)
	}
	m := sidPattern.FindStringSubmatch(frames[0])
	if m == nil {
		k.t.Fatalf("open packet %q", frames[0])
	}
	w.sid = m[1]
	return w
}

// frames reads all frames that have come. A text is shown as it is, others as "binary:", "pong:" and "close:" with the
// code, 1005 for none.
func (w *socket) frames() (all []string) {
	w.k.t.Helper()
	for len(w.got) > 0 {
		text, n := w.pmd.parseFrame(w.k.t, w.got)
		if n == 0 {
			return all
		}
		w.got = w.got[n:]
		all = append(all, text)
	}
	return all
}

// parseFrame reads one server frame; n is 0 if it is not complete.
func parseFrame(t testing.TB, b []byte) (text string, n int) {
	t.Helper()
	if len(b) < 2 {
		return "", 0
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 {
		t.Fatalf("a frame that is not whole, has reserved bits or a mask: %x", b[:2])
	}
	n, length := 2, uint64(b[1])
	switch length {
	case 126:
		if len(b) < 4 {
			return "", 0
		}
		n, length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return "", 0
		}
		n, length = 10, binary.BigEndian.Uint64(b[2:])
	}
	if n == 4 && length < 126 || n == 10 && length < 1<<16 {
		t.Fatalf("length %d in %d bytes", length, n)
	}
	if uint64(len(b)-n) < length {
		return "", 0
	}
	payload := b[n : n+int(length)]
	n += int(length)
	switch b[0] & 0x0f {
	case 1:
		return string(payload), n
	case 2:
		return fmt.Sprintf("binary:%x", payload), n
	case 8:
		if len(payload) == 0 {
			return "close:1005", n
		}
		return fmt.Sprintf("close:%d%s", binary.BigEndian.Uint16(payload), payload[2:]), n
	case 10:
		return "pong:" + string(payload), n
	}
	t.Fatalf("unexpected frame %x", b[0])
	return "", 0
}

// want demands exactly these frames.
func (w *socket) want(want ...string) {
	w.k.t.Helper()
	if got := w.frames(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		w.k.t.Errorf("frames %q, want %q", got, want)
	}
	if len(w.got) > 0 {
		w.k.t.Errorf("half a frame %x", w.take())
	}
}

// appendFrame makes a masked frame; op includes the FIN bit.
func appendFrame(dst []byte, op byte, payload string) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, key[:]...)
	for i := range len(payload) {
		dst = append(dst, payload[i]^key[i%4])
	}
	return dst
}

func frame(op byte, payload string) string { return string(appendFrame(nil, op, payload)) }

// The first bytes of frames.
const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a
)

// text sends a text message.
func (w *socket) text(s string) { w.k.t.Helper(); w.send(frame(opText, s)) }
