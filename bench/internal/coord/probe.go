// One connection before all others, so that a wrong address costs a sentence and not a run.

package coord

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

const probeWithin = 5 * time.Second

// probe connects once to each address and asks for a handshake. Everything said
// goes to dump if that is not nil.
func probe(t *job.Target, dump io.Writer) error {
	for _, addr := range t.Addrs {
		if err := probeOne(t, addr, dump); err != nil {
			return err
		}
	}
	return nil
}

func probeOne(t *job.Target, addr string, dump io.Writer) error {
	c, err := net.DialTimeout("tcp", addr, probeWithin)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable("nothing listens on %s: start the server, or correct the URL", addr)
	case errors.Is(err, syscall.EMFILE):
		return usage("no descriptor is left for a connection: raise ulimit -n")
	case err != nil:
		return unreachable("%s cannot be reached: %v", addr, err)
	}
	defer c.Close()
	if t.Transport == job.RawTCP {
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(probeWithin))
	request := probeRequest(t)
	note(dump, ">", request)
	if _, err := c.Write(request); err != nil {
		return unreachable("%s takes no request: %v", addr, err)
	}
	answer, body, err := readAnswer(c)
	note(dump, "<", answer)
	if err != nil {
		return unreachable("%s does not answer like an HTTP server (%v): check the URL", addr, err)
	}
	m, _, _ := wire.ParseResponse(answer, 1<<20)
	return judgeProbe(t, addr, m, body, c, dump)
}

// probeRequest asks for what the run will ask for.
func probeRequest(t *job.Target) []byte {
	extra := ""
	for _, h := range t.Headers {
		extra += h + "\r\n"
	}
	query := ""
	if t.Query != "" {
		query = "&" + t.Query
	}
	switch t.Transport {
	case job.RawWS:
		return wire.AppendUpgradeRequest(nil, t.Host, t.Path, "AAAAAAAAAAAAAAAAAAAAAA==", extra)
	case job.WebSocket:
		target := fmt.Sprintf("%s?EIO=%d&transport=websocket%s", t.Path, t.Revision, query)
		return wire.AppendUpgradeRequest(nil, t.Host, target, "AAAAAAAAAAAAAAAAAAAAAA==", extra)
	}
	return fmt.Appendf(nil, "GET %s?EIO=%d&transport=polling%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", t.Path, t.Revision, query, t.Host, extra)
}

// readAnswer reads until the answer's head, and body if it has one, is there.
func readAnswer(c net.Conn) (answer, body []byte, err error) {
	buf := make([]byte, 64<<10)
	n := 0
	for n < len(buf) {
		got, err := c.Read(buf[n:])
		n += got
		m, size, perr := wire.ParseResponse(buf[:n], 1<<20)
		if perr != nil {
			return buf[:n], nil, perr
		}
		if size > 0 {
			return buf[:n], append(bytes.Clone(m.Body), buf[size:n]...), nil
		}
		if err != nil {
			return buf[:n], nil, err
		}
	}
	return buf, nil, errors.New("the answer is too long")
}

// judgeProbe turns the answer into a sentence if it is a refusal.
func judgeProbe(t *job.Target, addr string, m wire.Message, body []byte, c net.Conn, dump io.Writer) error {
	text := string(body)
	if len(text) > 120 {
		text = text[:120]
	}
	want := 200
	if t.Transport == job.WebSocket || t.Transport == job.RawWS {
		want = 101
	}
	switch {
	case m.Status == 404:
		return unreachable("%s has nothing at %s (HTTP 404): check the path; Socket.IO servers use /socket.io/ unless told otherwise", addr, t.Path)
	case m.Status == 401 || m.Status == 403:
		return unreachable("%s refuses the handshake (HTTP %d: %s): it may want --header or --auth", addr, m.Status, text)
	case m.Status == 400 && bytes.Contains(body, []byte(`"code":5`)):
		return unreachable("%s does not speak Engine.IO %d (HTTP 400: %s): try another --eio, or allow it on the server", addr, t.Revision, text)
	case m.Status != want:
		return unreachable("%s refuses the handshake over %s at %s: HTTP %d: %s", addr, t.Transport, t.Path, m.Status, text)
	case t.Transport == job.RawWS:
		return nil
	}
	if t.Transport == job.WebSocket {
		first, err := firstFrame(c, body)
		note(dump, "<", first)
		if err != nil {
			return unreachable("%s accepts a websocket at %s but does not greet like Engine.IO: for a plain websocket echo use --transport raw-ws", addr, t.Path)
		}
		body = first
	}
	if !bytes.Contains(body, []byte(`"sid":`)) {
		return unreachable("%s answers at %s, but not like Engine.IO: check the path", addr, t.Path)
	}
	return nil
}

// firstFrame reads the first frame of a websocket, some of which may be there.
func firstFrame(c net.Conn, got []byte) ([]byte, error) {
	buf := make([]byte, 16<<10)
	n := copy(buf, got)
	for {
		f, size, err := wire.ParseFrame(buf[:n], uint64(len(buf)))
		if err != nil {
			return nil, err
		}
		if size > 0 {
			if f.Op != wire.OpText {
				return nil, os.ErrInvalid
			}
			return f.Payload, nil
		}
		more, err := c.Read(buf[n:])
		if err != nil {
			return nil, err
		}
		n += more
	}
}

// note shows what was said.
func note(dump io.Writer, mark string, b []byte) {
	if dump == nil {
		return
	}
	for line := range bytes.Lines(b) {
		fmt.Fprintf(dump, "%s %s\n", mark, bytes.TrimRight(line, "\r\n"))
	}
}
