// Clients with permessage-deflate, made with the library: what they agreed to, and the window they keep.

package transport

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/sioserver/sioserver/transport/deflate"
)

// pmdClient is the state of a client that has offered permessage-deflate and got an answer.
type pmdClient struct {
	serverTakeover, clientTakeover bool
	serverBits                     int
	window                         []byte // what the server may refer to
	sent                           []byte // what the client may refer to
	packed, plain                  int    // messages that came
	bytes                          int    // of the packed ones
}

// newPMDClient reads the answer.
func newPMDClient(t testing.TB, answer string) *pmdClient {
	if answer == "" {
		return nil
	}
	c := &pmdClient{serverTakeover: true, clientTakeover: true, serverBits: 15}
	for i, part := range strings.Split(answer, "; ") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case i == 0 && name == "permessage-deflate", name == "client_max_window_bits":
		case name == "server_no_context_takeover":
			c.serverTakeover = false
		case name == "client_no_context_takeover":
			c.clientTakeover = false
		case name == "server_max_window_bits":
			c.serverBits, _ = strconv.Atoi(value)
		default:
			t.Fatalf("answer %q", answer)
		}
	}
	return c
}

// parseFrame is parseFrame for a client that inflates, or for one that does not if c is nil.
func (c *pmdClient) parseFrame(t testing.TB, b []byte) (text string, n int) {
	t.Helper()
	if c == nil || len(b) < 2 || b[0]&0x40 == 0 {
		text, n = parseFrame(t, b)
		if c != nil && n > 0 && b[0]&8 == 0 {
			c.plain++
		}
		return text, n
	}
	// The same frame as if its payload were binary and came plain.
	as := bytes.Clone(b)
	as[0] = 0x82
	text, n = parseFrame(t, as)
	if n == 0 {
		return "", 0
	}
	if b[0] != 0xc1 && b[0] != 0xc2 {
		t.Fatalf("a compressed frame with first byte %x", b[0])
	}
	payload := as[n-len(text[len("binary:"):])/2 : n]
	message := c.inflate(t, payload)
	c.packed++
	c.bytes += len(payload)
	if len(payload) >= len(message) {
		t.Errorf("%d bytes were compressed to %d", len(message), len(payload))
	}
	if b[0] == 0xc2 {
		return fmt.Sprintf("binary:%x", message), n
	}
	return string(message), n
}

// inflate inflates a message from the server, with the window that was agreed.
func (c *pmdClient) inflate(t testing.TB, payload []byte) []byte {
	t.Helper()
	in := io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	message, err := io.ReadAll(flate.NewReaderDict(in, c.window))
	if err != nil {
		t.Fatalf("a message of %d bytes, with %d in the window: %v", len(payload), len(c.window), err)
	}
	if c.serverTakeover {
		c.window = append(c.window, message...)
		c.window = c.window[max(0, len(c.window)-1<<c.serverBits):]
	}
	return message
}

// frame makes a masked frame with a compressed message.
func (c *pmdClient) frame(op byte, message string) string { return frame(op|0x40, c.pack(message)) }

// pack compresses a message to the server.
func (c *pmdClient) pack(message string) string {
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, 6, c.sent)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, message)
	_ = w.Flush()
	if c.clientTakeover {
		c.sent = append(c.sent, message...)
		c.sent = c.sent[max(0, len(c.sent)-1<<15):]
	}
	return out.String()[:out.Len()-4]
}

// mayPack compresses the message of a frame, or leaves it as it is.
func (c *pmdClient) mayPack(b []byte, pick chooser) []byte {
	if c == nil || b[0] != opText && b[0] != opBinary || pick.pick(2) == 0 {
		return b
	}
	plain := append([]byte{b[0], b[1] & 0x7f}, b[2:]...)
	at := map[byte]int{126: 4, 127: 10}[plain[1]]
	at = max(at, 2)
	key, payload := plain[at:at+4], plain[at+4:]
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return []byte(c.frame(b[0], string(payload)))
}

// offersModel are what clients of the random model offer.
var offersModel = []string{
	"", offersAll, "permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_no_context_takeover, permessage-deflate",
	"permessage-deflate; client_no_context_takeover", "x-webkit-deflate-frame",
}

// pmdSocket opens a session over websocket and offers permessage-deflate.
func (k *kernel) pmdSocket(loop int, query, offer string) *socket {
	k.t.Helper()
	w := &socket{peer: k.dial(loop)}
	w.send(strings.Replace(upgradeRequest("", "Sec-WebSocket-Extensions: "+offer), "EIO=4", query, 1))
	w.accepted()
	if w.pmd == nil {
		k.t.Fatalf("%q was not agreed to", offer)
	}
	if frames := w.frames(); len(frames) != 1 || !strings.HasPrefix(frames[0], "0{") {
		k.t.Fatalf("frames %q, want the open packet", frames)
	}
	w.pmd.plain = 0
	return w
}

// deflating are options for permessage-deflate with or without takeover.
func deflating(takeover bool) func(*Options) {
	return func(o *Options) {
		o.AllowEIO3 = true
		o.Deflate = &Deflate{
			Options: deflate.Options{
				ServerMaxWindowBits: 15, ClientMaxWindowBits: 15, ServerContextTakeover: takeover, ClientContextTakeover: takeover,
			},
			Level: 3, Threshold: 100, Compressors: 2,
		}
	}
}

const offersAll = "permessage-deflate; client_max_window_bits"

// ticks is an event of about size bytes; n makes it another one.
func ticksEvent(size, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `2["tick",{"seq":%d,"items":[`, n)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"id":%d,"bid":%d,"ask":%d},`, i, (i*7919+n*104729)%9973, (i*6991+n*7907)%9901)
	}
	return b.String()[:size]
}
