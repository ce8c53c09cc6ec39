// Running a vector: its steps as bytes on connections.

package loop_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
)

// vectorStep is one step; its fields say what it is.
type vectorStep struct {
	Text, Bin, Post   *string
	Parts             []part
	PostParts         []part `json:"post_parts"`
	PostHex           string `json:"post_hex"`
	BinRep            string `json:"bin_rep"`
	Repeat, Each      string
	N                 int
	CT                *string
	Get, Method       string
	Expect            string
	Get2, Post2, Drop int
	AbortGet          int `json:"abort_get"`
	AbortPost         int `json:"abort_post"`
	SecondWS          int `json:"second_ws"`
	WaitMS            int `json:"wait_ms"` // the runner waits for answers, not for time
}

// part is a text, or one repeated.
type part struct{ text string }

func (p *part) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &p.text)
	}
	var r struct {
		Rep string
		N   int
	}
	err := json.Unmarshal(b, &r)
	p.text = strings.Repeat(r.Rep, r.N)
	return err
}

func concat(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text)
	}
	return b.String()
}

// runner runs one vector and gathers what the client gets.
type runner struct {
	t        *testing.T
	c        *contract
	v        *vector
	ws       *wire
	polling  *overPolling
	upgraded bool
	question string // number of the server's last question

	toClient []string
	http     []string
	wsCode   int
}

func (r *runner) run(w *want) {
	query := "v=" + url.QueryEscape(r.v.Name)
	var err error
	if r.v.Proto == "eio4-ws" {
		var c *overWebSocket
		c, err = dialWebSocket(r.c.addr(), query)
		if err == nil {
			r.ws = c.wire
		}
	} else {
		r.polling, err = dialPolling(r.c.addr(), query)
	}
	r.must(err)
	r.t.Cleanup(r.drop)
	r.prepare()
	if r.v.Proto == "eio4-upgrade" {
		r.ws, err = dialWire(r.c.addr())
		r.must(err)
		r.must(r.ws.upgrade(target("websocket", r.polling.sid())))
	}
	for _, s := range r.v.Send {
		r.step(&s)
	}
	r.finish(w)
}

func (r *runner) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *runner) drop() {
	if r.ws != nil {
		_ = r.ws.Close()
	}
	if r.polling != nil {
		r.polling.drop()
	}
}

// prepare sends what comes before the vector and takes the answers.
func (r *runner) prepare() {
	for _, text := range r.v.Pre {
		var p packet
		var err error
		if r.polling != nil {
			r.must(r.polling.send(packet{text: text}))
			p, err = r.polling.recv()
		} else {
			r.must(r.write(text))
			p, err = r.ws.readPacket()
		}
		r.must(err)
		if !strings.HasPrefix(p.text, `40{"sid":"`) {
			r.t.Fatalf("answer to %q: %v", text, p)
		}
	}
}

// write sends a text packet on the websocket.
func (r *runner) write(text string) error {
	_, err := r.ws.Write(frames(packet{text: text}))
	return err
}

func (r *runner) step(s *vectorStep) {
	switch {
	case s.Text != nil:
		r.text(*s.Text)
	case s.Parts != nil:
		r.text(concat(s.Parts))
	case s.Bin != nil:
		b, err := hex.DecodeString(*s.Bin)
		r.must(err)
		r.frames(packet{bin: b, binary: true})
	case s.BinRep != "":
		b, err := hex.DecodeString(strings.Repeat(s.BinRep, s.N))
		r.must(err)
		r.frames(packet{bin: b, binary: true})
	case s.Repeat != "":
		list := make([]packet, s.N)
		for i := range list {
			list[i].text = s.Repeat
		}
		r.frames(list...)
	case s.Each != "":
		list := make([]packet, s.N)
		for i := range list {
			list[i].text = fmt.Sprintf(s.Each, i)
		}
		r.frames(list...)
	case s.Expect != "":
		if n := len(r.toClient); n == 0 || r.toClient[n-1] != s.Expect {
			r.t.Fatalf("got %q, want %q", r.toClient, s.Expect)
		}
	case s.SecondWS != 0:
		r.secondWebSocket()
	case s.Drop != 0:
		r.ws.reset()
		r.ws = nil
	case s.WaitMS != 0:
	default:
		r.httpStep(s)
	}
}

// frames writes packets. A server that has closed may have stopped reading;
// what it did is seen in the end.
func (r *runner) frames(list ...packet) { _, _ = r.ws.Write(frames(list...)) }

func (r *runner) text(text string) {
	if strings.Contains(text, "$ID") {
		r.awaitQuestion()
		text = strings.ReplaceAll(text, "$ID", r.question)
	}
	r.frames(packet{text: text})
	switch {
	case r.v.Proto != "eio4-upgrade":
	case text == "2probe":
		p, err := r.ws.readPacket()
		r.must(err)
		r.toClient = append(r.toClient, p.text)
	case text == "5" && len(r.toClient) > 0:
		r.upgraded = true
	}
}

// awaitQuestion reads up to the server's question.
func (r *runner) awaitQuestion() {
	for r.question == "" {
		p, err := r.ws.readPacket()
		r.must(err)
		r.toClient = append(r.toClient, p.String())
		if number, ok := strings.CutSuffix(p.text, `["q"]`); ok {
			r.question = strings.TrimPrefix(number, "42")
		}
	}
	if r.v.Name == "ack-real-wrong-nsp" && len(r.toClient) < 2 {
		p, err := r.ws.readPacket()
		r.must(err)
		r.toClient = append(r.toClient, p.String())
	}
}

func (r *runner) secondWebSocket() {
	w, err := dialWire(r.c.addr())
	r.must(err)
	defer func() { _ = w.Close() }()
	r.must(w.upgrade(target("websocket", r.polling.sid())))
	if _, err = w.readPacket(); err == nil {
		r.t.Fatal("a second websocket of the session is served")
	}
	code, ok := isClosed(err)
	if got := fmt.Sprint("open ", code); !ok || got != r.v.Seen.SecondWS[0] {
		r.t.Fatalf("second websocket: %v, want %v", err, r.v.Seen.SecondWS)
	}
}

// httpStep is a request.
func (r *runner) httpStep(s *vectorStep) {
	base := target("polling", r.polling.sid())
	switch {
	case s.Post != nil || s.PostParts != nil:
		body := concat(s.PostParts)
		if s.Post != nil {
			body = *s.Post
		}
		fields := []string{"Content-Type: text/plain;charset=UTF-8"}
		if s.CT != nil {
			fields = []string{"X-None: 1"}
			if *s.CT != "" {
				fields = []string{"Content-Type: " + *s.CT}
			}
		}
		a, err := r.polling.postBody(body, fields...)
		r.answer(a, err)
	case s.Get == "eio3":
		a, err := r.polling.get.exchange("GET", strings.Replace(base, "EIO=4", "EIO=3", 1), "")
		r.answer(a, err)
	case s.Get != "":
		a, err := r.polling.get.exchange("GET", strings.Replace(base, "transport=polling", s.Get, 1), "")
		r.answer(a, err)
	case s.Method != "":
		a, err := r.polling.get.exchange(s.Method, base, "")
		r.answer(a, err)
	case s.Get2 != 0:
		r.must(r.polling.get.request("GET", base, ""))
		r.must(r.polling.post.request("GET", base, ""))
		first, err := r.polling.get.response("GET")
		r.must(err)
		second, err := r.polling.post.response("GET")
		r.must(err)
		if first.status != 200 {
			first, second = second, first // it overtook the other on its way
		}
		r.answer(first, nil)
		r.answer(second, nil)
	case s.Post2 != 0:
		// The interim answer tells that the first has begun.
		all := requestText("POST", base, strings.Repeat("x", 100), "Content-Type: text/plain", "Expect: 100-continue")
		_, err := r.polling.get.Write([]byte(all[:len(all)-100]))
		r.must(err)
		line, err := r.polling.get.line()
		r.must(err)
		if line != "HTTP/1.1 100 Continue" {
			r.t.Fatalf("answer to the first POST: %q", line)
		}
		_, err = r.polling.get.Write([]byte(all[len(all)-100 : len(all)-50]))
		r.must(err)
		a, err := r.polling.postBody(`42["echo",1]`)
		r.answer(a, err)
		if rest, err := io.ReadAll(r.polling.get.r); err == nil && len(rest) > len("\r\n") {
			r.t.Errorf("the first POST is answered: %q", rest)
		}
	case s.AbortGet != 0:
		r.must(r.polling.get.request("GET", base, ""))
		_ = r.polling.get.Close()
	case s.AbortPost != 0:
		half := requestText("POST", base, strings.Repeat("x", 100), "Content-Type: text/plain")
		_, err := r.polling.post.Write([]byte(half[:len(half)-50]))
		r.must(err)
		_ = r.polling.post.Close()
	default:
		r.t.Fatalf("unknown step %+v", s)
	}
}

func (r *runner) answer(a *response, err error) {
	r.t.Helper()
	r.must(err)
	r.http = append(r.http, fmt.Sprintf("%d %s", a.status, a.body))
}

// finish reads the rest: up to the close, or up to the answer to a last
// message.
func (r *runner) finish(w *want) {
	switch {
	case r.v.Proto == "eio4-upgrade" && !r.upgraded:
		if r.ws != nil {
			r.readToClose()
		}
		r.must(r.polling.send(packet{text: `42["echo","` + endOfVector + `"]`}))
		r.readToEnd(r.polling.recv, false)
	case r.v.Proto == "eio4-polling":
		if w.closed == "" {
			r.must(r.polling.send(packet{text: `42["echo","` + endOfVector + `"]`}))
			r.readToEnd(r.polling.recv, false)
		}
	case w.closed != "":
		r.readToClose()
	case r.inRoot():
		r.must(r.write(`42["echo","` + endOfVector + `"]`))
		r.readToEnd(r.ws.readPacket, true)
	default:
		r.must(r.write("40/sentinel,"))
		r.readToEnd(r.ws.readPacket, true)
	}
	for w.closed == "" && r.v.Proto == "eio4-ws" && len(r.toClient) < len(w.toClient) {
		// Another namespace's answer; a middleware may take its time.
		p, err := r.ws.readPacket()
		r.must(err)
		r.toClient = append(r.toClient, p.String())
	}
}

// inRoot tells whether the client is in the namespace "/" in the end.
func (r *runner) inRoot() bool {
	return len(r.v.Pre) > 0 || strings.HasPrefix(strings.Join(r.v.Seen.ToClient, ""), "40{")
}

func (r *runner) readToEnd(recv func() (packet, error), keep bool) {
	for {
		p, err := recv()
		r.must(err)
		if strings.Contains(p.text, endOfVector) || strings.HasPrefix(p.text, "40/sentinel") {
			return
		}
		if keep {
			r.toClient = append(r.toClient, p.String())
		}
	}
}

func (r *runner) readToClose() {
	for {
		p, err := r.ws.readPacket()
		if code, ok := isClosed(err); ok {
			r.wsCode = code
			return
		}
		r.must(err)
		r.toClient = append(r.toClient, p.String())
	}
}
