// HTTP messages: a table, cut at every byte, and net/http as the twin.

package wire_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

var responses = []struct {
	name   string
	in     string
	status int
	body   string
	err    error
}{
	{name: "with a length", in: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "name in another case", in: "HTTP/1.1 200 OK\r\ncontent-length:  2 \r\n\r\nok", status: 200, body: "ok"},
	{name: "no body", in: "HTTP/1.1 200 OK\r\n\r\n", status: 200},
	{name: "chunked", in: "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", status: 400, body: "abc0123456789"},
	{name: "chunked with a trailer", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n", status: 200, body: "x"},
	{name: "switching protocols", in: "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 9\r\n\r\n", status: 101},
	{name: "not HTTP", in: "SSH-2.0-OpenSSH\r\n\r\n", err: wire.ErrHTTPHead},
	{name: "no status", in: "HTTP/1.1 abc\r\n\r\n", err: wire.ErrHTTPHead},
	{name: "length is not a number", in: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", err: wire.ErrHTTPHead},
	{name: "length beyond the limit", in: "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", err: wire.ErrHTTPSize},
	{name: "length beyond all numbers", in: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", err: wire.ErrHTTPHead},
	{name: "chunk size is not a number", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", err: wire.ErrHTTPChunk},
	{name: "chunk without its end", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz", err: wire.ErrHTTPChunk},
	{name: "chunk beyond the limit", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", err: wire.ErrHTTPSize},
}

func TestParseResponse(t *testing.T) {
	for _, c := range responses {
		t.Run(c.name, func(t *testing.T) {
			m, n, err := wire.ParseResponse([]byte(c.in), limit)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if n != len(c.in) || m.Status != c.status || string(m.Body) != c.body {
				t.Errorf("took %d of %d: status %d, body %q", n, len(c.in), m.Status, m.Body)
			}
			for cut := range c.in {
				if _, n, err := wire.ParseResponse([]byte(c.in[:cut]), limit); n != 0 || err != nil {
					t.Fatalf("%d bytes: took %d, error %v", cut, n, err)
				}
			}
			if c.status == 101 {
				return
			}
			std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader([]byte(c.in))), nil)
			if err != nil {
				t.Fatalf("net/http: %v", err)
			}
			body, _ := io.ReadAll(std.Body)
			if c.body != "" && (std.StatusCode != m.Status || string(body) != string(m.Body)) {
				t.Errorf("net/http has status %d, body %q", std.StatusCode, body)
			}
		})
	}
}

func TestParseRequest(t *testing.T) {
	in := "POST /socket.io/?EIO=4&sid=abc&b= HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n40x"
	m, n, err := wire.ParseRequest([]byte(in+"GET"), limit)
	if err != nil || n != len(in) {
		t.Fatalf("took %d of %d, error %v", n, len(in), err)
	}
	for name, want := range map[string]string{"EIO": "4", "sid": "abc", "b": "", "none": ""} {
		if got := m.Query(name); string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(m.Method) != "POST" || string(m.Body) != "40x" || string(m.Header("HOST")) != "x" || m.Header("Ho") != nil {
		t.Errorf("got %s, body %q, head %q", m.Method, m.Body, m.Head)
	}
	for _, bad := range []string{"GET\r\n\r\n", "GET / SPDY/3\r\n\r\n"} {
		if _, _, err := wire.ParseRequest([]byte(bad), limit); !errors.Is(err, wire.ErrHTTPHead) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
	if _, _, err := wire.ParseRequest(make([]byte, wire.MaxHeadBytes+1), limit); !errors.Is(err, wire.ErrHTTPHead) {
		t.Errorf("an endless head: error %v", err)
	}
}

func FuzzParseResponse(f *testing.F) {
	for _, c := range responses {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, n, err := wire.ParseResponse(b, limit)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("took %d of %d, error %v", n, len(b), err)
		}
	})
}
