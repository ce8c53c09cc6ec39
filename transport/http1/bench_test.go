// Benchmarks of the requests that make up the traffic.

package http1_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

const (
	browserGet = "GET /socket.io/?EIO=4&transport=polling&t=PqXc2Ab&sid=lv_VI97HAXpY6yYWAAAC HTTP/1.1\r\n" +
		"Host: chat.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\", \"Google Chrome\";v=\"140\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: */*\r\n" +
		"Origin: https://www.example.com\r\n" +
		"Sec-Fetch-Site: same-site\r\n" +
		"Sec-Fetch-Mode: cors\r\n" +
		"Referer: https://www.example.com/rooms/42\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n\r\n"
	browserUpgrade = "GET /socket.io/?EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC HTTP/1.1\r\n" +
		"Host: chat.example.com\r\n" +
		"Connection: Upgrade\r\n" +
		"Pragma: no-cache\r\n" +
		"Cache-Control: no-cache\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Upgrade: websocket\r\n" +
		"Origin: https://www.example.com\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
	clientPost = "POST /socket.io/?EIO=4&transport=polling&sid=lv_VI97HAXpY6yYWAAAC HTTP/1.1\r\n" +
		"Host: chat.example.com\r\n" +
		"Content-Type: text/plain;charset=UTF-8\r\n" +
		"Content-Length: 22\r\n\r\n" +
		`42["message","hello!"]`
)

func BenchmarkHead(b *testing.B) {
	for name, raw := range map[string]string{
		"get": browserGet, "upgrade": browserUpgrade, "post": clientPost,
		"bare": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			buf := []byte(raw)
			var h http1.Head
			var r http1.Request
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := h.Parse(buf, &limits, &r); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// The cost of a head that comes in pieces, as a multiple of one that comes whole.
func BenchmarkHeadInPieces(b *testing.B) {
	for _, size := range []int{1, 100, 400} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			buf := []byte(browserGet)
			var h http1.Head
			var r http1.Request
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for end := size; n == 0; end += size {
					var err error
					if n, err = h.Parse(buf[:min(end, len(buf))], &limits, &r); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	raw := []byte("EIO=4&transport=polling&t=PqXc2Ab&sid=lv_VI97HAXpY6yYWAAAC")
	var q http1.Query
	b.ReportAllocs()
	for b.Loop() {
		q.Parse(raw, nil)
	}
}

func BenchmarkBody(b *testing.B) {
	var body http1.Body
	out := make([]byte, 0, 1<<17)
	for name, c := range map[string]struct {
		r  http1.Request
		in string
	}{
		"length":     {http1.Request{ContentLength: 1 << 16}, strings.Repeat("x", 1<<16)},
		"chunks 4Ki": {http1.Request{Chunked: true}, strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n"},
		"chunks 64":  {http1.Request{Chunked: true}, strings.Repeat("40\r\n"+strings.Repeat("x", 64)+"\r\n", 1024) + "0\r\n\r\n"},
	} {
		b.Run(name, func(b *testing.B) {
			in := []byte(c.in)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := body.Begin(&c.r, &limits); err != nil {
					b.Fatal(err)
				}
				if _, _, done, err := body.Feed(in, out[:0]); !done || err != nil {
					b.Fatal(done, err)
				}
			}
		})
	}
}

func BenchmarkResponse(b *testing.B) {
	dst := make([]byte, 0, 1024)
	date := []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	b.ReportAllocs()
	for b.Loop() {
		dst = http1.AppendStatus(dst[:0], 200)
		dst, _ = http1.AppendField(dst, "Content-Type", "text/plain; charset=UTF-8")
		dst, _ = http1.AppendField(dst, "Cache-Control", "no-store")
		dst = http1.AppendDate(dst, date)
		dst = http1.AppendConnection(dst, 1, true)
		dst = http1.AppendBody(dst, 200, false, "2")
	}
}
