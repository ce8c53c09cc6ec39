// Appended answers, read back by net/http.

package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

type response struct {
	code   int
	reason string
	header http.Header
	body   string
	length int64
	close  bool
}

// readResponse fails unless answer is exactly one response to method.
func readResponse(t *testing.T, answer []byte, method string) response {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(answer))
	resp, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	if rest, _ := io.ReadAll(reader); len(rest) > 0 {
		t.Fatalf("%q: %q is left over", answer, rest)
	}
	return response{resp.StatusCode, resp.Status, resp.Header, string(body), resp.ContentLength, resp.Close}
}

func TestStatus(t *testing.T) {
	for code := 100; code < 1000; code++ {
		line := string(http1.AppendStatus(nil, code))
		if !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %d ", code)) || !strings.HasSuffix(line, "\r\n") {
			t.Fatalf("got %q", line)
		}
		reason := line[len("HTTP/1.1 200 ") : len(line)-2]
		want := http.StatusText(code)
		// RFC 9110 renamed one since.
		if code == http.StatusRequestEntityTooLarge {
			want = "Content Too Large"
		}
		if code == http.StatusRequestURITooLong {
			want = "URI Too Long"
		}
		if reason != "" && reason != want {
			t.Errorf("%d: got %q, want %q", code, reason, want)
		}
	}
	for _, code := range []int{-1, 0, 99, 1000} {
		if got := string(http1.AppendStatus([]byte("x"), code)); got != "xHTTP/1.1 500 Internal Server Error\r\n" {
			t.Errorf("%d: got %q", code, got)
		}
	}
}

func TestField(t *testing.T) {
	tests := []struct {
		name, value string
		ok          bool
	}{
		{"X-A", "b", true},
		{"X-A", "", true},
		{"X-A", "a\tb \xff", true},
		{"X-A", "a\rb", false},
		{"X-A", "a\nb", false},
		{"X-A", "a\x00b", false},
		{"X-A", "\r\n", false},
		{"", "b", false},
		{"X A", "b", false},
		{"X:", "b", false},
		{"X\r\n", "b", false},
		{"X\xff", "b", false},
	}
	for _, test := range tests {
		want := "kept"
		wantErr := http1.ErrResponseField
		if test.ok {
			want, wantErr = "kept"+test.name+": "+test.value+"\r\n", nil
		}
		got, err := http1.AppendField([]byte("kept"), test.name, test.value)
		if string(got) != want || err != wantErr {
			t.Errorf("%q %q: got %q, %v", test.name, test.value, got, err)
		}
		got, err = http1.AppendField([]byte("kept"), test.name, []byte(test.value))
		if string(got) != want || err != wantErr {
			t.Errorf("%q %q as bytes: got %q, %v", test.name, test.value, got, err)
		}
	}
}

func TestResponses(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	tests := []struct {
		name   string
		method string
		code   int
		body   string
		want   string // body received
		length int64  // as net/http sees it: -1 not said
	}{
		{"body", "GET", 200, "hello", "hello", 5},
		{"empty body", "GET", 200, "", "", 0},
		{"error", "POST", 400, `{"code":2}`, `{"code":2}`, 10},
		{"head", "HEAD", 200, "hello", "", 5},
		{"no content", "OPTIONS", 204, "hello", "", 0},
		{"not modified", "GET", 304, "hello", "", 0},
		{"head of nothing", "HEAD", 204, "hello", "", -1},
	}
	for _, test := range tests {
		for _, minor := range []int{0, 1, 2} {
			for _, alive := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s 1.%d %v", test.name, minor, alive), func(t *testing.T) {
					dst := http1.AppendStatus(nil, test.code)
					dst = http1.AppendDate(dst, []byte(date))
					dst = http1.AppendDate(dst, nil)
					dst = http1.AppendConnection(dst, minor, alive)
					dst = http1.AppendBody(dst, test.code, test.method == "HEAD", []byte(test.body))
					if text := string(http1.AppendBody(nil, test.code, test.method == "HEAD", test.body)); !strings.HasSuffix(string(dst), text) {
						t.Errorf("as string %q, as bytes %q", text, dst)
					}
					got := readResponse(t, dst, test.method)
					if got.code != test.code || got.body != test.want || got.header.Get("Date") != date || got.close == alive {
						t.Errorf("%q is %+v", dst, got)
					}
					if bodiless := test.code == 204 || test.code == 304; bodiless == strings.Contains(string(dst), "Content-Length") {
						t.Errorf("length in %q", dst)
					} else if !bodiless && got.length != test.length {
						t.Errorf("got length %d, want %d", got.length, test.length)
					}
					connection := strings.Contains(string(dst), "Connection: keep-alive\r\n")
					if connection != (minor == 0 && alive) {
						t.Errorf("connection in %q", dst)
					}
				})
			}
		}
	}
}

func TestInterimResponse(t *testing.T) {
	got := readResponse(t, http1.AppendContinue(nil), "POST")
	if got.code != 100 || len(got.header) != 0 || got.body != "" {
		t.Errorf("got %+v", got)
	}
	dst := http1.AppendStatus(nil, 101)
	dst, err := http1.AppendField(dst, "Upgrade", "websocket")
	if err != nil {
		t.Fatal(err)
	}
	if text := string(http1.AppendBody(dst, 101, false, "x")); text != "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" {
		t.Errorf("got %q", text)
	}
}
