// The official browser client, served below the engine's path.

package loop

import (
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/coding"
	"github.com/sioserver/sioserver/transport/http1"
)

// clientNames are the files of the official client that servers hand out, each
// with its source map.
var clientNames = []string{
	"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js",
}

// clientFiles are the files by path. They are made once and not changed.
type clientFiles map[string]*clientFile

// clientFile is one file, ready to be sent; all forms are nil if there is none.
type clientFile struct {
	etag    string
	fields  []byte // of all forms
	plain   []byte
	gzip    []byte          // nil where it is no gain
	brotli  []byte          // nil unless ClientFiles has it
	codings []coding.Coding // of the forms there are, the shortest first
}

const noClientFile = "This server has no copy of the official client. Build sioserver with \"make build\", set Config.ClientFiles, or load the " +
	"client from elsewhere.\n"

// newClientFiles reads the files of a server. A file that does not exist is
// told to be missing; without any files they are left to other to serve, if
// that is true.
func newClientFiles(path string, files fs.FS, other bool) (clientFiles, error) {
	if files == nil && other {
		return nil, nil
	}
	list := clientFiles{}
	version := ""
	for _, name := range clientNames {
		for _, name := range []string{name, name + ".map"} {
			f := &clientFile{}
			list[path+name] = f
			if files == nil {
				continue
			}
			text, err := fs.ReadFile(files, name)
			if err != nil {
				continue
			}
			if m := clientVersion.FindSubmatch(text[:min(len(text), 200)]); m != nil {
				version = string(m[1])
			}
			f.plain, f.gzip = text, zipped(text)
			f.brotli, _ = fs.ReadFile(files, name+".br") // most have none
		}
	}
	if files == nil {
		return list, nil
	}
	if version == "" {
		return nil, fmt.Errorf("loop: ClientFiles has none of the official client's files (%s and others), or they do not tell their version", clientNames[0])
	}
	for name, f := range list {
		f.prepare(name, version)
	}
	return list, nil
}

// clientVersion is found at the head of every script of the client.
var clientVersion = regexp.MustCompile(`Socket\.IO v([0-9A-Za-z.+-]+)`)

// zipped is a text compressed as well as it goes, nil if that is no gain.
func zipped(text []byte) []byte {
	b := coding.Append(nil, text, coding.Gzip, coding.MaxLevel)
	if len(b) >= len(text) {
		return nil
	}
	return slices.Clip(b)
}

// prepare makes the field lines, and the list of codings.
func (f *clientFile) prepare(name, version string) {
	kind := "application/javascript; charset=utf-8"
	if strings.HasSuffix(name, ".map") {
		kind = "application/json; charset=utf-8"
	}
	if f.brotli != nil {
		f.codings = append(f.codings, coding.Brotli)
	}
	if f.gzip != nil {
		f.codings = append(f.codings, coding.Gzip)
	}
	f.etag = strconv.Quote(version)
	f.fields = fmt.Appendf(nil, "Content-Type: %s\r\nCache-Control: public, max-age=0\r\nETag: %s\r\nVary: Accept-Encoding\r\n", kind, f.etag)
}

// serveClientFile answers a request for a file of the client, and reports
// whether it was one.
func (l *Loop) serveClientFile(ref transport.ExchangeRef, h *transport.Hello) bool {
	f := l.server.files[string(h.Request.Path)]
	if f == nil {
		return false
	}
	cors := l.engine.Options().CORS
	if cors == nil || !cors.Ask || h.Request.OriginLines != 1 {
		status, fields, body := f.answer(h.Request, cors, false)
		ref.Respond(status, fields, body)
		return true
	}
	// OriginFunc and For are the user's and may block.
	head, from, s := clone(h.Head), peerOf(h), l.server
	s.workers.do(s, func() {
		rules, granted := cors, false
		defer func() {
			var parser http1.Head
			var r http1.Request
			_, _ = parser.Parse(head, &l.engine.Options().HTTP, &r) // it parsed before
			ref.Respond(f.answer(&r, rules, granted))
		}()
		r, err := s.newHTTPRequest(head, from)
		switch {
		case err != nil:
		case s.cfg.CORS.For == nil:
			granted = s.asksOrigin(s.cfg.CORS, r)
		default:
			if rules, granted, err = s.rulesFor(r); err != nil {
				s.fail(nil, fmt.Errorf("loop: CORS.For: %w", err))
			}
		}
	})
	return true
}

// answer is what a request for the file is told.
func (f *clientFile) answer(r *http1.Request, cors *transport.CORS, granted bool) (status int, fields, body []byte) {
	if cors != nil {
		fields = cors.AppendFields(fields, r, granted)
		if cors.Preflight(r) && !cors.Continue {
			return cors.PreflightStatus(), fields, nil
		}
	}
	switch method := string(r.Method); {
	case method != "GET" && method != "HEAD":
		return http.StatusMethodNotAllowed, append(fields, "Allow: GET, HEAD\r\n"...), nil
	case f.plain == nil:
		return http.StatusNotFound, append(fields, "Content-Type: text/plain; charset=utf-8\r\n"...), []byte(noClientFile)
	}
	fields = append(fields, f.fields...)
	if f.matches(r) {
		return http.StatusNotModified, fields, nil
	}
	var accepts coding.Accept
	r.EachValue("Accept-Encoding", accepts.Add)
	body = f.plain
	switch c := accepts.Best(f.codings...); c {
	case coding.Gzip:
		fields, body = appendCoding(fields, c), f.gzip
	case coding.Brotli:
		fields, body = appendCoding(fields, c), f.brotli
	}
	return http.StatusOK, fields, body
}

func appendCoding(fields []byte, c coding.Coding) []byte {
	return fmt.Appendf(fields, "Content-Encoding: %s\r\n", c)
}

// matches reports whether the client has the file already (RFC 9110 13.1.2).
func (f *clientFile) matches(r *http1.Request) (ok bool) {
	r.EachValue("If-None-Match", func(list []byte) {
		for tag := range strings.SplitSeq(string(list), ",") {
			tag = strings.TrimSpace(tag)
			ok = ok || tag == "*" || strings.TrimPrefix(tag, "W/") == f.etag
		}
	})
	return ok
}
