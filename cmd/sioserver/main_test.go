// The command line: what it takes, what it refuses, and a server's life.

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args []string
		want options
		err  string
	}{
		{nil, options{listen: ":3000"}, ""},
		{[]string{"--dev"}, options{listen: "127.0.0.1:3000", dev: true}, ""},
		{[]string{"--dev", "--listen", "[::1]:80"}, options{listen: "[::1]:80", dev: true}, ""},
		{[]string{"--dev", "--listen", "localhost:80", "--reuse-port"}, options{listen: "localhost:80", dev: true, reusePort: true}, ""},
		{[]string{"--listen", "0.0.0.0:80"}, options{listen: "0.0.0.0:80"}, ""},
		{[]string{"--io-uring", "on"}, options{listen: ":3000", ioUring: loop.Enabled}, ""},
		{[]string{"--io-uring", "off"}, options{listen: ":3000", ioUring: loop.Disabled}, ""},
		{[]string{"--io-uring=auto"}, options{listen: ":3000"}, ""},
		{[]string{"--io-uring", "yes"}, options{}, "on, off or auto"},
		{[]string{"--dev", "--listen", "0.0.0.0:80"}, options{}, "loopback"},
		{[]string{"--dev", "--listen", ":80"}, options{}, "loopback"},
		{[]string{"--tls-cert", "a", "--tls-key", "b"}, options{listen: ":3000", cert: "a", key: "b"}, ""},
		{[]string{"--tls-cert", "a"}, options{}, "--tls-cert and --tls-key go together"},
		{[]string{"--tls-key", "a"}, options{}, "--tls-cert and --tls-key go together"},
		{[]string{"--per-message-deflate", "512", "--context-takeover"}, options{listen: ":3000", compress: 512, takeover: true}, ""},
		{[]string{"--per-message-deflate", "-1"}, options{}, "--per-message-deflate is -1"},
		{[]string{"--context-takeover"}, options{}, "--context-takeover needs --per-message-deflate"},
		{[]string{"--devel"}, options{}, "-devel"},
		{[]string{"dev"}, options{}, `unexpected argument "dev"`},
	} {
		o, err := parse(test.args, io.Discard)
		switch {
		case test.err == "" && (err != nil || o != test.want):
			t.Errorf("%q: %+v, %v", test.args, o, err)
		case test.err != "" && (!errors.As(err, new(usageError)) || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: %v, want a usage error with %q", test.args, err, test.err)
		}
	}
}

// output is a writer that tells when a line is complete.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan string
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	for {
		line, err := o.buf.ReadString('\n')
		if err != nil {
			o.buf.Reset()
			o.buf.WriteString(line)
			return len(p), nil
		}
		o.lines <- line
	}
}

func TestDevServesThePage(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &output{lines: make(chan string, 100)}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"--dev", "--listen", "127.0.0.1:0"}, out, io.Discard) }()
	var url string
	for url == "" {
		select {
		case line := <-out.lines:
			for _, word := range strings.Fields(line) {
				if strings.HasPrefix(word, "http://127.0.0.1:") {
					url = word
				}
			}
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(20 * time.Second):
			t.Fatal("no URL was printed")
		}
	}
	for path, want := range map[string]int{"": 200, "socket.io/?EIO=4&transport=polling": 200, "socket.io/?EIO=4&transport=x": 400, "nothing": 404} {
		res, err := http.Get(strings.TrimSuffix(url, "/") + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want || len(body) == 0 {
			t.Errorf("/%s: %d with %d bytes, %v; want %d", path, res.StatusCode, len(body), err, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
