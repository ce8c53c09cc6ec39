// Fuzz targets: no panic, the same verdict for any cut, agreement with the slow twin and with net/http.

package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

func seed(f *testing.F) {
	for _, v := range loadVectors(f) {
		if len(v.Raw) < 20_000 {
			f.Add([]byte(v.Raw), uint64(len(v.Raw)))
		}
	}
	for _, c := range ownCases {
		f.Add([]byte(c.raw), uint64(len(c.raw)))
	}
}

// FuzzHead holds Head.Parse against itself in pieces, and against the slow grammar in both directions.
func FuzzHead(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte, cuts uint64) {
		var r http1.Request
		whole := parseWhole(input, &r)
		random := rand.New(rand.NewPCG(cuts, 2))
		if got := parseCut(cutAtRandom(random, input)); got != whole {
			t.Errorf("cut %+v, whole %+v", got, whole)
		}
		if got := parseCut(eachByte(input)); got != whole {
			t.Errorf("byte by byte %+v, whole %+v", got, whole)
		}
		checkHead(t, input, &r, whole)
	})
}

// checkHead compares with the slow twin, which needs to be told where the head ends.
func checkHead(t *testing.T, input []byte, r *http1.Request, got parsed) {
	t.Helper()
	if got.n > 0 {
		slow, ok := slowHead(string(input[:got.n]))
		if !ok || !slow.agrees(r) {
			t.Errorf("accepted %q as %s\nthe grammar says %v %+v", input[:got.n], got.text, ok, slow)
		}
		return
	}
	text := input
	for bytes.HasPrefix(text, []byte("\r\n")) {
		text = text[2:]
	}
	at := bytes.Index(text, []byte("\r\n\r\n"))
	if at < 0 {
		return
	}
	if _, ok := slowHead(string(text[:at+4])); !ok {
		return
	}
	var fault *http1.Error
	if !errors.As(got.err, &fault) || fault.Limit == "" {
		t.Errorf("%q: got %v, the grammar accepts it", input, got.err)
	}
}

// FuzzChunked holds the chunked reader against itself in pieces, and against the slow one in both directions.
func FuzzChunked(f *testing.F) {
	for _, c := range ownCases {
		if body, ok := bytes.CutPrefix([]byte(c.raw), []byte(chunked)); ok {
			f.Add(body, uint64(len(body)))
		}
	}
	for _, v := range loadVectors(f) {
		if _, body, ok := bytes.Cut(v.Raw, []byte("\r\n\r\n")); ok && v.Group == "chunked" && len(body) < 20_000 {
			f.Add(body, uint64(len(body)))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte, cuts uint64) {
		whole := feedChunked([][]byte{input})
		random := rand.New(rand.NewPCG(cuts, 3))
		if got := feedChunked(cutAtRandom(random, input)); got != whole {
			t.Errorf("cut %+v, whole %+v", got, whole)
		}
		if got := feedChunked(eachByte(input)); got != whole {
			t.Errorf("byte by byte %+v, whole %+v", got, whole)
		}
		data, consumed, ok := slowChunks(string(input))
		var fault *http1.Error
		if errors.As(whole.err, &fault) && fault.Limit != "" {
			return
		}
		if ok != whole.done || ok && (data != whole.data || consumed != whole.consumed) {
			t.Errorf("%q: got %+v, the grammar says %q %d %v", input, whole, data, consumed, ok)
		}
	})
}

// fed is all a caller can see of a body.
type fed struct {
	data     string
	consumed int
	done     bool
	err      error
}

// feedChunked stops at the end of the body or at a fault. How much was taken before a fault is nobody's business.
func feedChunked(reads [][]byte) (got fed) {
	var b http1.Body
	if err := b.Begin(&http1.Request{Chunked: true}, &limits); err != nil {
		return fed{err: err}
	}
	var out []byte
	for _, read := range reads {
		n, grown, done, err := b.Feed(read, out)
		if err != nil {
			return fed{err: err}
		}
		out = grown
		got.consumed, got.done = got.consumed+n, done
		if done {
			break
		}
	}
	got.data = string(out)
	return got
}

// FuzzAgainstStd: what both accept must have the same method, target, fields and body.
func FuzzAgainstStd(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte, _ uint64) {
		var r http1.Request
		got := parseWhole(input, &r)
		if got.n == 0 {
			return
		}
		reader := bytes.NewReader(input)
		std, err := http.ReadRequest(bufio.NewReader(reader))
		if err != nil {
			return
		}
		if std.Method != string(r.Method) || std.RequestURI != string(r.Target) || std.ProtoMajor != 1 || std.ProtoMinor != r.Minor ||
			std.Host != string(r.Host) {
			t.Errorf("%q: got %s\nnet/http says %q %q %d.%d host %q", input, got.text, std.Method, std.RequestURI, std.ProtoMajor,
				std.ProtoMinor, std.Host)
		}
		compareFields(t, &r, std)

		var b http1.Body
		if b.Begin(&r, &limits) != nil {
			return
		}
		_, data, done, err := b.Feed(input[got.n:], nil)
		stdData, stdErr := io.ReadAll(std.Body)
		if !done || err != nil || stdErr != nil {
			return
		}
		if !bytes.Equal(data, stdData) {
			t.Errorf("%q: got body %q, net/http says %q", input, data, stdData)
		}
	})
}

// compareFields leaves out what net/http takes out of the header or puts in.
func compareFields(t *testing.T, r *http1.Request, std *http.Request) {
	t.Helper()
	fields := http.Header{}
	r.Each(func(name, value []byte) { fields.Add(textproto.CanonicalMIMEHeaderKey(string(name)), string(value)) })
	for _, h := range []http.Header{fields, std.Header} {
		for _, name := range []string{"Host", "Transfer-Encoding", "Trailer"} {
			h.Del(name)
		}
	}
	if _, ok := fields["Cache-Control"]; !ok && fields.Get("Pragma") == "no-cache" {
		std.Header.Del("Cache-Control")
	}
	for name, values := range fields {
		if !slices.Equal(values, std.Header[name]) {
			t.Errorf("field %s: got %q, net/http says %q", name, values, std.Header[name])
		}
	}
	for name := range std.Header {
		if _, ok := fields[name]; !ok {
			t.Errorf("field %s: net/http only", name)
		}
	}
}

// FuzzConnection drives the whole loop: any cut gives the same answers, and all of them are well-formed.
func FuzzConnection(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte, cuts uint64) {
		whole := serve(input)
		random := rand.New(rand.NewPCG(cuts, 4))
		if got := serve(cutAtRandom(random, input)...); !got.equal(whole) {
			t.Errorf("cut %v, whole %v", got, whole)
		}
	})
}

// FuzzQuery holds the known keys against the slow reading of all pairs.
func FuzzQuery(f *testing.F) {
	for _, c := range queryCases {
		f.Add([]byte(c.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > limits.RequestLine {
			return
		}
		checkQuery(t, raw)
	})
}
