// Cases of our own, in the form of the shared vectors: what those leave out, and every byte around a limit.

package http1_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

const (
	get     = "GET /probe HTTP/1.1\r\n"
	post    = "POST /probe HTTP/1.1\r\nHost: a\r\n"
	chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	host    = "Host: a\r\n"
	end     = "\r\n"
)

// ownCase is answered with 404, or refused with fault.
type ownCase struct {
	name  string
	raw   string
	fault *http1.Error // nil: accepted
	body  string       // received, when accepted
}

var ownCases = []ownCase{
	{name: "leading-crlf", raw: "\r\n" + get + host + end},
	{name: "leading-crlf-4", raw: strings.Repeat("\r\n", 4) + get + host + end},
	{name: "leading-crlf-5", raw: strings.Repeat("\r\n", 5) + get + host + end, fault: http1.ErrEmptyLines},
	{name: "leading-cr-x", raw: "\rX" + get + host + end, fault: http1.ErrControl},
	{name: "leading-space", raw: " " + get + host + end, fault: http1.ErrRequestLine},
	{name: "tls-hello", raw: "\x16\x03\x01\x02\x00", fault: http1.ErrControl},
	{name: "method-other", raw: "M-SEARCH /probe HTTP/1.1\r\n" + host + end},
	{name: "method-empty", raw: " /probe HTTP/1.1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "method-alone", raw: "GET\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-0.9", raw: "GET /probe HTTP/0.9\r\n" + host + end, fault: http1.ErrVersion},
	{name: "version-3.0", raw: "GET /probe HTTP/3.0\r\n" + host + end, fault: http1.ErrVersion},
	{name: "version-lower", raw: "GET /probe http/1.1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-comma", raw: "GET /probe HTTP/1,1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-letter", raw: "GET /probe HTTP/1.x\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-glued", raw: "GET /probeHTTP/1.1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-tab", raw: "GET /probe\tHTTP/1.1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "version-only", raw: "GET HTTP/1.1\r\n" + host + end, fault: http1.ErrRequestLine},
	{name: "request-line-lf", raw: "GET /probe HTTP/1.1\n" + host + end, fault: http1.ErrControl},
	{name: "request-line-cr", raw: "GET /probe HTTP/1.1\r" + host + end, fault: http1.ErrControl},

	{name: "target-tab", raw: "GET /pro\tbe HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "target-brackets", raw: "GET /probe?a[0]=1 HTTP/1.1\r\n" + host + end},
	{name: "target-loose-query", raw: "GET /probe?{a}|b^c` HTTP/1.1\r\n" + host + end},
	{name: "target-bar-path", raw: "GET /pro|be HTTP/1.1\r\n" + host + end},
	{name: "target-braces-path", raw: "GET /{} HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "target-empty-query", raw: "GET /probe? HTTP/1.1\r\n" + host + end},
	{name: "pct-short", raw: "GET /probe%4 HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "pct-last", raw: "GET /probe% HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "pct-not-hex", raw: "GET /probe%4g HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "pct-lone-query", raw: "GET /probe?q=100%&x=%4g HTTP/1.1\r\n" + host + end},
	{name: "pct-nul-query", raw: "GET /probe?%00 HTTP/1.1\r\n" + host + end},
	{name: "asterisk-options", raw: "OPTIONS * HTTP/1.1\r\n" + host + end},
	{name: "asterisk-more", raw: "OPTIONS *x HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-https", raw: "GET HTTPS://a:1/probe HTTP/1.1\r\n" + host + end},
	{name: "absolute-no-path", raw: "GET http://a HTTP/1.1\r\n" + host + end},
	{name: "absolute-query-only", raw: "GET http://a?x HTTP/1.1\r\n" + host + end},
	{name: "absolute-ws", raw: "GET ws://a/ HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-no-host", raw: "GET http:///probe HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-port-only", raw: "GET http://:80/probe HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-user", raw: "GET http://u@a/ HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-bad-path", raw: "GET http://a/% HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-bare", raw: "GET http:// HTTP/1.1\r\n" + host + end, fault: http1.ErrTarget},
	{name: "absolute-still-needs-host", raw: "GET http://a/ HTTP/1.1\r\n\r\n", fault: http1.ErrHost},

	{name: "host-twice-same", raw: get + host + host + end, fault: http1.ErrHost},
	{name: "host-twice-10", raw: "GET /probe HTTP/1.0\r\nConnection: keep-alive\r\n" + host + host + end, fault: http1.ErrHost},
	{name: "host-bad-10", raw: "GET /probe HTTP/1.0\r\nHost: a b\r\n\r\n", fault: http1.ErrHost},
	{name: "host-port-letter", raw: get + "Host: a:x\r\n\r\n", fault: http1.ErrHost},
	{name: "host-port-65535", raw: get + "Host: a:65535\r\n\r\n"},
	{name: "host-port-65536", raw: get + "Host: a:65536\r\n\r\n", fault: http1.ErrHost},
	{name: "host-pct", raw: get + "Host: a%41\r\n\r\n"},
	{name: "host-pct-bad", raw: get + "Host: a%4\r\n\r\n", fault: http1.ErrHost},
	{name: "host-question", raw: get + "Host: a?b\r\n\r\n", fault: http1.ErrHost},
	{name: "host-v6-empty", raw: get + "Host: []\r\n\r\n", fault: http1.ErrHost},
	{name: "host-v6-zone", raw: get + "Host: [fe80::1%25eth0]\r\n\r\n", fault: http1.ErrHost},
	{name: "host-v6-v4", raw: get + "Host: [::ffff:192.0.2.1]:80\r\n\r\n"},

	{name: "space-before-colon", raw: get + "Host : a\r\n\r\n", fault: http1.ErrField},
	{name: "tab-before-colon", raw: get + "Host\t: a\r\n\r\n", fault: http1.ErrField},
	{name: "value-del", raw: get + host + "X: a\x7fb\r\n\r\n", fault: http1.ErrControl},
	{name: "value-vt", raw: get + host + "X: a\x0bb\r\n\r\n", fault: http1.ErrControl},
	{name: "value-tabs-only", raw: get + host + "X:\t\t\t\t\t\t\t\t\t\t\t\r\n\r\n"},
	{name: "value-colon", raw: get + host + "X: a:b\r\n\r\n"},
	{name: "line-lf", raw: get + "Host: a\nX: y\r\n\r\n", fault: http1.ErrControl},
	{name: "line-lfcr", raw: get + "Host: a\n\rX: y\r\n\r\n", fault: http1.ErrControl},
	{name: "end-lf", raw: get + host + "\n", fault: http1.ErrControl},

	{name: "cl-comma-same", raw: post + "Content-Length: 5, 5\r\n\r\nhello", fault: http1.ErrContentLength},
	{name: "cl-twice-same", raw: post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", fault: http1.ErrFraming},
	{name: "cl-lead-zeros", raw: post + "Content-Length: " + strings.Repeat("0", 30) + "5\r\n\r\nhello", body: "hello"},
	{name: "cl-plus", raw: post + "Content-Length: +5\r\n\r\nhello", fault: http1.ErrContentLength},
	{name: "cl-u64-max", raw: post + "Content-Length: 18446744073709551615\r\n\r\n", fault: http1.ErrBodyTooLarge},
	{name: "cl-u64-max-plus-1", raw: post + "Content-Length: 18446744073709551616\r\n\r\n", fault: http1.ErrBodyTooLarge},
	{name: "cl-u64-wrap", raw: post + "Content-Length: 18446744073709551621\r\n\r\nhello", fault: http1.ErrBodyTooLarge},
	{name: "cl-wrap-then-junk", raw: post + "Content-Length: 18446744073709551621x\r\n\r\n", fault: http1.ErrContentLength},
	{name: "cl-name-long", raw: post + "Content-Length" + strings.Repeat("x", 256) + ": 5\r\n\r\n"},
	{name: "cl-http10", raw: "POST /probe HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	{name: "get-with-body", raw: get + host + "Content-Length: 5\r\n\r\nhello", body: "hello"},
	{name: "te-upper", raw: post + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
	{name: "te-empty", raw: post + "Transfer-Encoding:\r\n\r\n0\r\n\r\n", fault: http1.ErrTransferEncoding},
	{name: "te-ows", raw: post + "Transfer-Encoding:\t chunked \t\r\n\r\n0\r\n\r\n"},
	{name: "te-vt", raw: post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", fault: http1.ErrControl},
	{name: "cl-0-te", raw: post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", fault: http1.ErrFraming},

	{name: "chunk-two", raw: chunked + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", body: "hello world"},
	{name: "chunk-300", raw: chunked + strings.Repeat("1\r\nx\r\n", 300) + "0\r\n\r\n", body: strings.Repeat("x", 300)},
	{name: "chunk-hex", raw: chunked + "0A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", body: "01234567890123456789"},
	{name: "chunk-size-lf", raw: chunked + "5\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-minus", raw: chunked + "-5\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-space", raw: chunked + "5 \r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-lead-space", raw: chunked + " 5\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-empty", raw: chunked + "\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-16-digits", raw: chunked + "0000000000000005\r\nhello\r\n0\r\n\r\n", body: "hello"},
	{name: "chunk-size-17-digits", raw: chunked + "00000000000000005\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-size-ext-only", raw: chunked + ";a\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-data-cr-x", raw: chunked + "5\r\nhello\rX0\r\n\r\n", fault: http1.ErrChunk},
	{name: "chunk-last-blind-2-bytes", raw: chunked + "5\r\nhello\r\n0\r\nXX" + get, fault: http1.ErrTrailer},
	{name: "chunk-last-lf", raw: chunked + "0\r\n\n", fault: http1.ErrTrailer},
	{name: "chunk-last-cr-x", raw: chunked + "0\r\n\rX", fault: http1.ErrTrailer},

	{name: "ext-bws", raw: chunked + "5 \t; \ta \t= \tb;c ;d=\"e\" ; f\r\nhello\r\n0\r\n\r\n", body: "hello"},
	{name: "ext-quoted-cases", raw: chunked + "5;a=\"\\\"\\\\;=\t\xff\"\r\nhello\r\n0\r\n\r\n", body: "hello"},
	{name: "ext-200-each", raw: chunked + strings.Repeat("1;"+strings.Repeat("e", 200)+"\r\nx\r\n", 9) + "0\r\n\r\n", body: "xxxxxxxxx"},
	{name: "ext-empty", raw: chunked + "5;\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-no-value", raw: chunked + "5;a=\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-no-name", raw: chunked + "5;=b\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-double-semicolon", raw: chunked + "5;;a\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-two-words", raw: chunked + "5;a b\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-two-equals", raw: chunked + "5;a=b=c\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-space-word", raw: chunked + "5 a\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-space-end", raw: chunked + "5;a \r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-after-quote", raw: chunked + "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-open-quote", raw: chunked + "5;a=\"b\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-lf", raw: chunked + "5;a\nb\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-quoted-lf", raw: chunked + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},
	{name: "ext-escaped-cr", raw: chunked + "5;a=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n", fault: http1.ErrChunk},

	{name: "trailer-ok", raw: chunked + "0\r\nX: y\r\nZ:\r\n\r\n"},
	{name: "trailer-nearly-host", raw: chunked + "0\r\nHos: y\r\nHosts: y\r\nContent-Lengths: 5\r\n\r\n"},
	{name: "trailer-host", raw: chunked + "0\r\nX: y\r\nhOST: y\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-cl", raw: chunked + "0\r\nContent-Length: 1\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-te", raw: chunked + "0\r\nTransfer-Encoding: x\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-name-300", raw: chunked + "0\r\n" + strings.Repeat("n", 300) + ": y\r\n\r\n"},
	{name: "trailer-name-256", raw: chunked + "0\r\n" + strings.Repeat("n", 256) + ": y\r\n\r\n"},
	{name: "trailer-empty-name", raw: chunked + "0\r\n: y\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-fold", raw: chunked + "0\r\nX: y\r\n z\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-nul", raw: chunked + "0\r\nX: \x00\r\n\r\n", fault: http1.ErrTrailer},
	{name: "trailer-cr-x", raw: chunked + "0\r\nX: y\rz\r\n\r\n", fault: http1.ErrTrailer},

	{name: "expect-upper", raw: post + "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	{name: "expect-empty", raw: get + host + "Expect:\r\n\r\n", fault: http1.ErrExpect},
	{name: "expect-two", raw: get + host + "Expect: 100-continue, x\r\n\r\n", fault: http1.ErrExpect},
	{name: "connection-empty-elements", raw: get + host + "Connection: ,, ,\r\n\r\n"},
}

func TestOwnCases(t *testing.T) {
	names := map[string]bool{}
	for _, c := range ownCases {
		if names[c.name] {
			t.Errorf("%s twice", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) { checkOwnCase(t, c) })
	}
}

func checkOwnCase(t *testing.T, c ownCase) {
	v := vector{Name: c.name, Raw: rawBytes(c.raw)}
	v.Expect.Class, v.Expect.Status = "accept", []int{404}
	if c.fault != nil {
		v.Expect.Class, v.Expect.Status, v.Expect.Close = "reject", []int{c.fault.Status}, true
	}
	checkVector(t, v)
	got := serve(v.Raw)
	if c.fault != nil && got.fault != c.fault {
		t.Errorf("got fault %v, want %v", got.fault, c.fault)
	}
	if c.fault == nil && got.bodies != c.body {
		t.Errorf("got body %q, want %q", got.bodies, c.body)
	}
}

// Each limit is met from below, exactly, and passed by one, at the very byte.
func TestLimits(t *testing.T) {
	repeat := strings.Repeat
	field := func(length int) string { return "X: " + repeat("v", length-len("X: ")) + "\r\n" }
	ext := func(length int) string { return chunked + "1;" + repeat("e", length-1) + "\r\nx\r\n0\r\n\r\n" }
	// The last size line counts as well: 16384 = 3 + 5*3276 + 1, the 1 from a leading zero.
	overhead := func(length int) string {
		return chunked + repeat("0", (length-3)%5+1)[1:] + repeat("1\r\nx\r\n", (length-3)/5) + "0\r\n\r\n"
	}
	tests := []struct {
		name  string
		limit int
		fault *http1.Error
		make  func(length int) string
	}{
		{"request_line", limits.RequestLine, http1.ErrRequestLineTooLong, func(n int) string {
			return "GET /" + repeat("p", n-len("GET / HTTP/1.1")) + " HTTP/1.1\r\n" + host + end
		}},
		{"request_line behind empty lines", limits.RequestLine, http1.ErrRequestLineTooLong, func(n int) string {
			return "\r\n\r\nGET /" + repeat("p", n-len("GET / HTTP/1.1")) + " HTTP/1.1\r\n" + host + end
		}},
		{"header_field", limits.HeaderField, http1.ErrFieldTooLong, func(n int) string {
			return get + host + field(n) + end
		}},
		{"header_total", limits.HeaderTotal, http1.ErrFieldsTooLong, func(n int) string {
			return get + host + field(8000) + field(4000) + field(n-len(host)-8002-4002-2) + end
		}},
		{"header_total in small lines", limits.HeaderTotal, http1.ErrFieldsTooLong, func(n int) string {
			return get + host + repeat(field(198), 80) + field(n-len(host)-200*80-2) + end
		}},
		{"header_count", limits.HeaderCount, http1.ErrTooManyFields, func(n int) string {
			return get + host + repeat("a:b\r\n", n-1) + end
		}},
		{"leading_empty_lines", limits.LeadingEmptyLines, http1.ErrEmptyLines, func(n int) string {
			return repeat("\r\n", n) + get + host + end
		}},
		{"chunk_ext", limits.ChunkExt, http1.ErrChunkExtTooLong, ext},
		{"chunk_overhead", limits.ChunkOverhead, http1.ErrChunkOverhead, overhead},
		{"trailers", limits.Trailers, http1.ErrTrailersTooLong, func(n int) string {
			return chunked + "0;" + repeat("e", 200) + "\r\n" + field(n-2) + end
		}},
		{"body", int(limits.Body), http1.ErrBodyTooLarge, func(n int) string {
			return post + fmt.Sprintf("Content-Length: %d\r\n\r\n", n) + repeat("b", n)
		}},
		{"body in chunks", int(limits.Body), http1.ErrBodyTooLarge, func(n int) string {
			return chunked + "8\r\n12345678\r\n" + fmt.Sprintf("%x\r\n", n-8) + repeat("b", n-8) + "\r\n0\r\n\r\n"
		}},
	}
	for _, test := range tests {
		for length := test.limit - 1; length <= test.limit+1; length++ {
			t.Run(fmt.Sprintf("%s %d", test.name, length), func(t *testing.T) {
				raw := []byte(test.make(length))
				var want error
				if length > test.limit {
					want = test.fault
				}
				whole := serve(raw)
				if whole.fault != want {
					t.Errorf("got %v, want %v", whole.fault, want)
				}
				if cut := serve(slices.Collect(slices.Chunk(raw, 61))...); !cut.equal(whole) {
					t.Errorf("in pieces %v %v, whole %v %v", cut.statuses, cut.fault, whole.statuses, whole.fault)
				}
			})
		}
	}
}

// A line that never ends is refused at the limit, not when it ends.
func TestRefusedBeforeTheEnd(t *testing.T) {
	tests := []struct {
		name  string
		raw   string
		fault *http1.Error
	}{
		{"request line", "GET /" + strings.Repeat("a", limits.RequestLine-4), http1.ErrRequestLineTooLong},
		{"field", get + "X: " + strings.Repeat("a", limits.HeaderField-2), http1.ErrFieldTooLong},
		{"fields", get + strings.Repeat("X: "+strings.Repeat("a", 1019)+"\r\n", 16) + "Y", http1.ErrFieldsTooLong},
		{"count", get + strings.Repeat("a:b\r\n", limits.HeaderCount) + "c", http1.ErrTooManyFields},
		{"chunk size", chunked + "f4241\r", http1.ErrBodyTooLarge},
		{"extension", chunked + "1;" + strings.Repeat("a", limits.ChunkExt), http1.ErrChunkExtTooLong},
		{"trailer", chunked + "0\r\n" + strings.Repeat("a", limits.Trailers+1), http1.ErrTrailersTooLong},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := serve([]byte(test.raw)); got.fault != test.fault {
				t.Errorf("got %v, want %v", got.fault, test.fault)
			}
			short := test.raw[:len(test.raw)-1]
			if got := serve([]byte(short)); got.fault != nil {
				t.Errorf("one byte less: got %v, want none", got.fault)
			}
		})
	}
}
