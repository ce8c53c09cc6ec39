// The shared vectors of clients of version 2, which the server puts into the
// namespace "/" by itself.

package loop_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sioserver/sioserver/loop"
)

func TestVectorsRevision3(t *testing.T) {
	c := serveContract(t, loop.Config{AllowEIO3: true})
	seen := 0
	t.Run("all", func(t *testing.T) {
		for _, v := range readVectors(t) {
			if !strings.HasPrefix(v.Proto, "eio3") {
				continue
			}
			seen++
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				w, other := otherwise[v.Name]
				if !other {
					w = v.reference()
					if v.Ours != "same" {
						t.Fatalf("we are stricter, and the test does not know how")
					}
				}
				r := &runner3{runner: runner{t: t, c: c, v: &v}}
				r.run(&w)
				compareTexts(t, "to the client", r.toClient, w.toClient)
				compareTexts(t, "http", r.http, w.http)
				if r.wsCode != w.wsCode {
					t.Errorf("close frame %d, want %d", r.wsCode, w.wsCode)
				}
				c.compare(t, &v, &w)
			})
		}
	})
	if seen != 38 {
		t.Errorf("%d vectors, want 38", seen)
	}
}

// runner3 runs a vector of revision 3.
type runner3 struct {
	runner
	target    string // of polling requests
	get, post *wire
	packets   []string // of polls, not looked at yet
}

func (r *runner3) run(w *want) {
	query := "&v=" + url.QueryEscape(r.v.Name)
	var err error
	if r.v.Proto == "eio3-ws" {
		r.ws, err = dialWire(r.c.addr())
		r.must(err)
		r.t.Cleanup(func() { _ = r.ws.Close() })
		r.must(r.ws.upgrade("/socket.io/?EIO=3&transport=websocket" + query))
	} else {
		r.target = "/socket.io/?EIO=3&transport=polling&b64=1" + query
		r.get, err = dialWire(r.c.addr())
		r.must(err)
		r.post, err = dialWire(r.c.addr())
		r.must(err)
		r.t.Cleanup(func() { _, _ = r.get.Close(), r.post.Close() })
	}
	open := r.next()
	if !strings.HasPrefix(open, `0{"sid":"`) {
		r.t.Fatalf("open packet %q", open)
	}
	if r.get != nil {
		r.target += "&sid=" + strings.Split(open, `"`)[3]
	}
	if p := r.next(); p != "40" {
		r.t.Fatalf("packet %q, want the welcome to the main namespace", p)
	}
	for _, s := range r.v.Send {
		r.step3(&s)
	}
	r.finish3(w)
}

func (r *runner3) step3(s *vectorStep) {
	switch {
	case s.PostHex != "":
		body, err := hex.DecodeString(s.PostHex)
		r.must(err)
		r.deliver(string(body), *s.CT)
	case s.Post != nil:
		r.deliver(*s.Post, "text/plain;charset=UTF-8")
	default:
		r.step(s)
	}
}

func (r *runner3) deliver(body, kind string) {
	a, err := r.post.exchange("POST", r.target, body, "Content-Type: "+kind)
	r.answer(a, err)
}

// next is the next packet.
func (r *runner3) next() string {
	if r.ws != nil {
		p, err := r.ws.readPacket()
		r.must(err)
		return p.String()
	}
	if len(r.packets) == 0 {
		a, err := r.get.exchange("GET", r.target, "")
		r.must(err)
		if a.status != 200 {
			r.t.Fatalf("poll: %d %s", a.status, a.body)
		}
		for body := utf16.Encode([]rune(a.body)); len(body) > 0; {
			var n int
			length, _, _ := strings.Cut(string(utf16.Decode(body)), ":")
			if _, err := fmt.Sscan(length, &n); err != nil || len(length)+1+n > len(body) {
				r.t.Fatalf("payload %q", a.body)
			}
			body = body[len(length)+1:]
			r.packets = append(r.packets, string(utf16.Decode(body[:n])))
			body = body[n:]
		}
	}
	p := r.packets[0]
	r.packets = r.packets[1:]
	return p
}

// finish3 reads the rest: up to the close, or up to the answer to a last
// message.
func (r *runner3) finish3(w *want) {
	last := `42["echo","` + endOfVector + `"]`
	switch {
	case w.closed != "" && r.ws != nil:
		r.readToClose()
		return
	case w.closed != "":
		return
	case r.ws != nil:
		r.must(r.write(last))
	default:
		a, err := r.post.exchange("POST", r.target, fmt.Sprintf("%d:%s", len(last), last))
		if r.must(err); a.body != "ok" {
			r.t.Fatalf("last message: %d %s", a.status, a.body)
		}
	}
	// A middleware's answer may come behind that to the last message.
	for ended := false; !ended || r.ws != nil && len(r.toClient) < len(w.toClient); {
		p := r.next()
		switch {
		case strings.Contains(p, endOfVector):
			ended = true
		case r.ws != nil:
			r.toClient = append(r.toClient, p)
		}
	}
}
