// The test client, lowest layer: websocket frames and HTTP over raw TCP. It
// shares no code with the server, so that a fault cannot hide in both.

package loop_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long the client waits for anything.
const patience = slowness * 20 * time.Second

// wire is a TCP connection.
type wire struct {
	net.Conn
	r   *bufio.Reader
	pmd *pmd // what was agreed about compression, nil if nothing was
}

func dialWire(addr string) (*wire, error) { return dialWith(&net.Dialer{Timeout: patience}, addr) }

// narrow dials connections with a small window, so that little fits into the
// kernel.
var narrow = &net.Dialer{Timeout: patience, Control: func(_, _ string, rc syscall.RawConn) error {
	return rc.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	})
}}

func dialWith(d *net.Dialer, addr string) (*wire, error) {
	w, err := dialPlain(d, addr)
	if err != nil {
		return nil, err
	}
	return newWire(overTest(w.Conn)), nil
}

// overTest is the connection as the tests run: with TLS, which shakes hands
// with the first byte, or as it is.
func overTest(c net.Conn) net.Conn {
	if !overTLS {
		return c
	}
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
}

// dialPlain dials without TLS, whatever the tests run over.
func dialPlain(d *net.Dialer, addr string) (*wire, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	c, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return newWire(c), nil
}

func newWire(c net.Conn) *wire { return &wire{Conn: c, r: bufio.NewReaderSize(c, 4096)} }

// reset cuts the connection with a RST, as a client that vanishes may do.
func (w *wire) reset() {
	c := w.Conn
	for {
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = above.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok { // a unix socket has no other way to go
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// response is an HTTP answer.
type response struct {
	proto  string
	status int
	fields map[string][]string // names in lower case
	body   string
}

func (r *response) field(name string) string {
	if v := r.fields[strings.ToLower(name)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// request writes a request. fields are complete lines.
func (w *wire) request(method, target, body string, fields ...string) error {
	_, err := io.WriteString(w, requestText(method, target, body, fields...))
	return err
}

func requestText(method, target, body string, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target)
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if method == "POST" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// response reads an answer to a request of the method.
func (w *wire) response(method string) (*response, error) {
	line, err := w.line()
	if err != nil {
		return nil, err
	}
	r := &response{fields: map[string][]string{}}
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.") || line[8] != ' ' {
		return nil, fmt.Errorf("status line %q", line)
	}
	r.proto = line[:8]
	if r.status, err = strconv.Atoi(line[9:12]); err != nil {
		return nil, err
	}
	for {
		if line, err = w.line(); err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("field line %q", line)
		}
		name = strings.ToLower(name)
		r.fields[name] = append(r.fields[name], strings.TrimSpace(value))
	}
	if method == "HEAD" || r.status == 101 || r.status == 204 || r.status == 304 {
		return r, nil
	}
	lengths := r.fields["content-length"]
	if len(lengths) != 1 || r.field("Transfer-Encoding") != "" {
		return nil, fmt.Errorf("status %d: Content-Length %q, Transfer-Encoding %q", r.status, lengths, r.field("Transfer-Encoding"))
	}
	n, err := strconv.Atoi(lengths[0])
	if err != nil {
		return nil, err
	}
	body := make([]byte, n)
	_, err = io.ReadFull(w.r, body)
	r.body = string(body)
	return r, err
}

// line reads a line that ends with CRLF.
func (w *wire) line() (string, error) {
	line, err := w.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(line, "\r\n") {
		return "", fmt.Errorf("line %q does not end with CRLF", line)
	}
	return line[:len(line)-2], nil
}

// packet is an Engine.IO packet: text with its type digit, or binary.
type packet struct {
	text   string
	bin    []byte
	binary bool
}

func (p packet) String() string {
	if p.binary {
		return fmt.Sprintf("binary %x", p.bin)
	}
	return p.text
}

// The opcodes of RFC 6455.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// closedError says how a websocket ended. A code of 1005 is a close frame
// without one.
type closedError struct{ code int }

func (e *closedError) Error() string { return fmt.Sprintf("websocket closed with code %d", e.code) }

// websocketFields are those of the opening handshake of a websocket.
var websocketFields = []string{
	"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// upgradeText is the opening handshake, with further fields.
func upgradeText(target string, fields ...string) string {
	return requestText("GET", target, "", slices.Concat(fields, websocketFields)...)
}

// upgrade opens a websocket on the connection.
func (w *wire) upgrade(target string, fields ...string) error {
	if _, err := io.WriteString(w, upgradeText(target, fields...)); err != nil {
		return err
	}
	return w.upgraded()
}

// upgraded reads the answer to upgrade.
func (w *wire) upgraded() error {
	r, err := w.response("GET")
	if err != nil {
		return err
	}
	if r.status != 101 || r.field("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		return &statusError{r}
	}
	return nil
}

// statusError is an answer that refuses.
type statusError struct{ *response }

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// frame is a masked frame.
func frame(opcode byte, payload []byte) []byte {
	mask := [4]byte{0x5a, 0xc3, 0x17, 0x88}
	b := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	for i := range payload {
		b[at+i] ^= mask[i%4]
	}
	return b
}

// frames are the packets as masked frames, one behind the other.
func frames(packets ...packet) (b []byte) {
	for _, p := range packets {
		if p.binary {
			b = append(b, frame(opBinary, p.bin)...)
		} else {
			b = append(b, frame(opText, []byte(p.text))...)
		}
	}
	return b
}

// readFrame reads a frame of the server's: whole, unmasked, no reserved bits,
// with the shortest form of its length.
func (w *wire) readFrame() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	packed := w.pmd != nil && head[0]&0x48 == 0x40
	if packed {
		head[0] &^= 0x40
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame header %x", head)
	}
	least := uint64(0)
	switch n {
	case 126:
		var ext [2]byte
		_, err = io.ReadFull(w.r, ext[:])
		n, least = uint64(binary.BigEndian.Uint16(ext[:])), 126
	case 127:
		var ext [8]byte
		_, err = io.ReadFull(w.r, ext[:])
		n, least = binary.BigEndian.Uint64(ext[:]), 1<<16
	}
	if err != nil {
		return 0, nil, err
	}
	if n < least || n > 1<<26 {
		return 0, nil, fmt.Errorf("frame of length %d", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.r, payload)
	if packed && err == nil {
		payload, err = w.pmd.inflate(payload)
	}
	return head[0] & 0x0f, payload, err
}

// readPacket reads the next Engine.IO packet of a websocket. A close frame is
// answered and reported as a closedError.
func (w *wire) readPacket() (packet, error) {
	for {
		opcode, payload, err := w.readFrame()
		if err != nil {
			return packet{}, err
		}
		switch opcode {
		case opText:
			if len(payload) == 0 {
				return packet{}, errors.New("empty text frame")
			}
			return packet{text: string(payload)}, nil
		case opBinary:
			return packet{bin: payload, binary: true}, nil
		case opPing:
			_, _ = w.Write(frame(opPong, payload))
		case opPong:
		case opClose:
			code := 1005
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			_, _ = w.Write(frame(opClose, payload))
			_ = w.Close()
			return packet{}, &closedError{code}
		default:
			return packet{}, fmt.Errorf("opcode %d", opcode)
		}
	}
}

// payload joins packets for polling.
func payload(packets ...packet) string {
	list := make([]string, len(packets))
	for i, p := range packets {
		list[i] = p.text
		if p.binary {
			list[i] = "b" + base64.StdEncoding.EncodeToString(p.bin)
		}
	}
	return strings.Join(list, "\x1e")
}

// splitPayload takes a polling payload apart.
func splitPayload(body string) (list []packet, err error) {
	for _, part := range strings.Split(body, "\x1e") {
		switch {
		case part == "":
			return nil, fmt.Errorf("empty packet in payload %q", body)
		case part[0] == 'b':
			b, err := base64.StdEncoding.DecodeString(part[1:])
			if err != nil {
				return nil, err
			}
			list = append(list, packet{bin: b, binary: true})
		default:
			list = append(list, packet{text: part})
		}
	}
	return list, nil
}
