// A server loop for tests: Head, Body, a routing stub, and the answers read back by net/http.

package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/transport/http1"
)

var limits = http1.DefaultLimits()

// server serves one connection. Its buffer moves and the old one is wiped on every read, so a view kept too long shows.
type server struct {
	head   http1.Head
	req    http1.Request
	body   http1.Body
	buf    []byte
	data   []byte
	out    []byte
	inBody bool
	closed bool
	fault  error

	// Of the request whose body is being read, since views do not live that long.
	status int
	alive  bool
	minor  int
	method string

	methods []string // of each answer
	bodies  []string // of each request
}

// transcript is what the peer saw.
type transcript struct {
	statuses []int  // without interim ones
	bodies   string // of the requests, with | between
	closed   bool
	fault    error
}

func (t transcript) equal(o transcript) bool {
	return slices.Equal(t.statuses, o.statuses) && t.bodies == o.bodies && t.closed == o.closed && t.fault == o.fault
}

// serve feeds the reads to a new connection, then FIN, and reads the answers back.
func serve(reads ...[]byte) transcript {
	s := &server{}
	for _, read := range reads {
		s.feed(read)
	}
	if s.inBody || len(s.buf) > 0 {
		s.closed = true // FIN within a request
	}
	t := transcript{closed: s.closed, fault: s.fault, bodies: strings.Join(s.bodies, "|")}
	answers := bufio.NewReader(bytes.NewReader(s.out))
	for i := 0; ; i++ {
		method := "GET"
		if i < len(s.methods) {
			method = s.methods[i]
		}
		resp, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) || i < len(s.methods) {
				panic(fmt.Sprintf("answer %d of %q: %v", i, s.out, err))
			}
			return t
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			panic(fmt.Sprintf("body of answer %d of %q: %v", i, s.out, err))
		}
		if resp.StatusCode == 100 {
			i--
			continue
		}
		t.statuses = append(t.statuses, resp.StatusCode)
	}
}

func (s *server) feed(read []byte) {
	if s.closed {
		return
	}
	old := s.buf
	s.buf = slices.Concat(old, read)
	clear(old)
	for !s.closed {
		if !s.inBody && !s.readHead() {
			return
		}
		n, data, done, err := s.body.Feed(s.buf, s.data)
		s.buf, s.data = s.buf[n:], data
		if err != nil {
			s.refuse(err)
			return
		}
		if !done {
			return
		}
		s.inBody = false
		s.bodies = append(s.bodies, string(s.data))
		s.data = s.data[:0]
		s.answer()
	}
}

func (s *server) readHead() bool {
	if len(s.buf) == 0 {
		return false
	}
	n, err := s.head.Parse(s.buf, &limits, &s.req)
	if err == nil && n > 0 {
		err = s.body.Begin(&s.req, &limits)
	}
	if err != nil {
		s.refuse(err)
		return false
	}
	if n == 0 {
		return false
	}
	s.inBody = true
	s.status, s.alive, s.minor = route(&s.req), s.req.KeepAlive, s.req.Minor
	s.method = string(s.req.Method)
	if s.req.ExpectContinue && len(s.buf) == n {
		s.out = http1.AppendContinue(s.out)
	}
	s.buf = s.buf[n:]
	return true
}

func (s *server) refuse(err error) {
	s.fault = err
	s.closed, s.buf, s.inBody = true, nil, false
	s.methods = append(s.methods, "GET")
	s.out = http1.AppendError(s.out, err.(*http1.Error))
}

func (s *server) answer() {
	s.out = http1.AppendStatus(s.out, s.status)
	s.out = http1.AppendConnection(s.out, s.minor, s.alive)
	s.out = http1.AppendBody(s.out, s.status, s.method == "HEAD", "answer")
	s.methods = append(s.methods, s.method)
	s.closed = !s.alive
	if s.closed {
		s.buf = nil
	}
}

// route stands for Engine.IO without sessions: a handshake is 200, everything else on its path 400, all other paths 404.
func route(r *http1.Request) int {
	if string(r.Path) != "/socket.io/" {
		return 404
	}
	var q http1.Query
	q.Parse(r.RawQuery, nil)
	switch {
	case q.Duplicate, r.OriginLines > 1, len(q.SID) > 0:
		return 400
	case string(q.EIO) != "4" && string(q.EIO) != "3":
		return 400
	case string(q.Transport) != "polling", string(r.Method) != "GET":
		return 400
	}
	return 200
}

// eachByte cuts after every byte.
func eachByte(b []byte) [][]byte {
	reads := make([][]byte, len(b))
	for i := range b {
		reads[i] = b[i : i+1]
	}
	// A megabyte beyond every limit cut into single bytes shows nothing more.
	const enough = 20_000
	if len(reads) > enough {
		reads = append(reads[:enough], b[enough:])
	}
	return reads
}

// cutAtRandom cuts in up to eight places.
func cutAtRandom(random *rand.Rand, b []byte) [][]byte {
	cuts := []int{len(b)}
	for range 1 + random.IntN(7) {
		cuts = append(cuts, random.IntN(len(b)+1))
	}
	slices.Sort(cuts)
	var reads [][]byte
	at := 0
	for _, cut := range cuts {
		reads = append(reads, b[at:cut])
		at = cut
	}
	return reads
}

// parsed is all a caller can see of a head, in comparable form.
type parsed struct {
	n    int
	err  error
	text string
}

func parseWhole(b []byte, r *http1.Request) parsed {
	var h http1.Head
	n, err := h.Parse(b, &limits, r)
	return parsed{n, err, show(n, r)}
}

// parseCut feeds the reads to one Head, in a buffer that moves, and stops at the first verdict.
func parseCut(reads [][]byte) parsed {
	var h http1.Head
	var r http1.Request
	var buf []byte
	for _, read := range reads {
		old := buf
		buf = slices.Concat(old, read)
		clear(old)
		n, err := h.Parse(buf, &limits, &r)
		if n > 0 || err != nil {
			return parsed{n, err, show(n, &r)}
		}
	}
	return parsed{}
}

// show writes out a request, telling nil from empty; nothing for a head that is not complete or was refused.
func show(n int, r *http1.Request) string {
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf("%#v %#v %#v %#v %#v %d\n", r.Method, r.Target, r.Path, r.RawQuery, r.Authority, r.Minor)
	text += fmt.Sprintf("%#v %#v %#v %#v %#v %#v %#v\n", r.Host, r.Origin, r.ContentType, r.ContentEncoding, r.AcceptEncoding,
		r.UserAgent, r.Upgrade)
	text += fmt.Sprintf("%#v %#v %#v %#v\n", r.SecWebSocketKey, r.SecWebSocketVersion, r.SecWebSocketProtocol,
		r.SecWebSocketExtensions)
	text += fmt.Sprintln(r.OriginLines, r.UpgradeLines, r.KeyLines, r.VersionLines, r.ProtocolLines, r.ExtensionsLines,
		r.ContentLength, r.HasContentLength, r.Chunked, r.KeepAlive, r.UpgradeRequested, r.ExpectContinue)
	r.Each(func(name, value []byte) { text += fmt.Sprintf("%q: %q\n", name, value) })
	return text
}
