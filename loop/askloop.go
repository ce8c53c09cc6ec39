// Polling over somebody else's connections: requests asked of a loop, answers written by package net/http.

package loop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
)

// askLoop asks a loop a request as if it had come over a connection of its own,
// so that all that is true of those is true of it, and answers what the loop
// says.
func (s *Server) askLoop(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		local = textAddr("")
	}
	b, err := s.reactor.Bridge(s.loopFor(r), textAddr(r.RemoteAddr), local, s.originFor(r, r.URL.Query().Has("sid")))
	if err != nil {
		refuseAttached(w, "the server has as many connections as it may have (MaxConnections)")
		return
	}
	defer b.Close()
	a := &asking{
		bridge: b, control: http.NewResponseController(w), head: r.Method == http.MethodHead,
		readTime: milliseconds(s.engines[0].Options().BodyTimeout), writeTime: s.cfg.Limits.OutboundStall,
	}
	// A limit on how long requests take to be read is none on how long they wait.
	_ = a.control.SetReadDeadline(time.Time{})
	if err = b.Feed(appendHead(nil, r, false)); err == nil {
		err = a.feedBody(r)
	}
	if err == nil {
		err = a.wait(r.Context())
	}
	switch {
	case err == nil:
		a.answer(w, r)
	case errors.Is(err, errCut) || r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // which cuts the connection or the stream
	default:
		refuseAttached(w, "the server is shutting down")
	}
}

// errCut says that the engine has cut the connection of a request.
var errCut = errors.New("loop: the request is cut off")

// asking is a request on its way to a loop and back.
type asking struct {
	bridge              *reactor.Bridge
	control             *http.ResponseController
	readTime, writeTime time.Duration
	head                bool // HEAD: an answer without a body

	text []byte // of the answer, as far as it has come
	body int    // where the body of a complete answer begins, else 0
}

// bodyPiece is how much of a body is read at a time, in bytes.
const bodyPiece = 16 << 10

// feedBody hands the body over as it comes, in the framing the head announces.
func (a *asking) feedBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	chunked := r.ContentLength < 0 || len(r.TransferEncoding) > 0
	buf := make([]byte, bodyPiece)
	defer func() { _ = a.control.SetReadDeadline(time.Time{}) }()
	for {
		_ = a.control.SetReadDeadline(time.Now().Add(a.readTime))
		n, err := r.Body.Read(buf)
		if n > 0 {
			p := buf[:n]
			if chunked {
				p = append(strconv.AppendInt(nil, int64(n), 16), "\r\n"...)
				p = append(append(p, buf[:n]...), "\r\n"...)
			}
			if err := a.bridge.Feed(p); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF && chunked:
			return a.bridge.Feed([]byte("0\r\n\r\n"))
		case err == io.EOF:
			return nil
		case err != nil:
			return errCut
		}
		if complete, end := a.look(); complete || end {
			return nil // an answer that does not wait for the body
		}
	}
}

// look takes what there is of the answer, and reports whether it is complete and
// whether nothing more comes.
func (a *asking) look() (complete, end bool) {
	p, end := a.bridge.Take()
	if a.text == nil {
		a.text = p
	} else {
		a.text = append(a.text, p...)
	}
	if a.body == 0 {
		n := bytes.Index(a.text, []byte("\r\n\r\n"))
		if n < 0 {
			return false, end
		}
		a.body = n + 4
	}
	return len(a.text) >= a.body+a.length(), end
}

// status is the status of the answer, whose head is there.
func (a *asking) status() int {
	n, _ := strconv.Atoi(string(a.text[9:12]))
	return n
}

// length is the length of the answer's body.
func (a *asking) length() (n int) {
	if code := a.status(); a.head || code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		return 0
	}
	a.fields(func(name, value string) {
		if name == "Content-Length" {
			n, _ = strconv.Atoi(value)
		}
	})
	return n
}

// fields calls f with each field of the answer, which the engine has written and
// users' header handlers.
func (a *asking) fields(f func(name, value string)) {
	lines := a.text[:a.body-2]
	for rest := lines[bytes.IndexByte(lines, '\n')+1:]; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		f(http.CanonicalHeaderKey(string(name)), string(value))
	}
}

// wait waits for the answer.
func (a *asking) wait(ctx context.Context) error {
	for {
		switch complete, end := a.look(); {
		case complete:
			return nil
		case end:
			return errCut
		}
		select {
		case <-a.bridge.News():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer writes the answer. What cannot be written is lost to the session, as
// the engine learns when the bridge is closed.
func (a *asking) answer(w http.ResponseWriter, r *http.Request) {
	h, seen := w.Header(), map[string]bool{}
	h["Content-Type"] = nil // and not what package net/http finds likely
	a.fields(func(name, value string) {
		switch {
		case name == "Date", name == "Keep-Alive": // of the host, whose connection it is; HTTP/2 has no such field
		case name == "Connection" && (r.ProtoMajor > 1 || value != "close"):
		case name == "Set-Cookie" || name == "Vary" || seen[name]:
			h.Add(name, value) // to those of others
		default:
			seen[name] = true
			h.Set(name, value)
		}
	})
	_ = a.control.SetWriteDeadline(time.Now().Add(a.writeTime))
	w.WriteHeader(a.status())
	for body := a.text[a.body:]; len(body) > 0; {
		n, err := w.Write(body[:min(len(body), bodyPiece)])
		if err != nil {
			return
		}
		body = body[n:]
		_ = a.control.SetWriteDeadline(time.Now().Add(a.writeTime))
	}
	if err := a.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	_ = a.control.SetWriteDeadline(time.Time{})
	a.bridge.Sent(len(a.text))
}
