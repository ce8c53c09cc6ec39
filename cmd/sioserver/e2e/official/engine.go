// The server of the suites of engine.io-client, versions 3 and 6.

package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// What the server sends to who asks it for more than ASCII.
const (
	utf8Of6 = "пойду спать всем спокойной ночи"
	utf8Of3 = "пойду сать всем мпокойной ночи"
)

// engineClientConfig are the options of the server for a version of the client.
func engineClientConfig(version int) loop.Config {
	cfg := loop.Config{EngineOnly: true, PingInterval: 500 * time.Millisecond, AllowEIO3: version == 3}
	if version == 6 {
		cfg.MaxHTTPBufferSize = 100
		cfg.AllowRequest = func(r *http.Request) error {
			if r.URL.Query().Has("deny") {
				return errors.New("denied")
			}
			return nil
		}
	}
	return cfg
}

// engineClient registers what the server does; text is its answer to "give utf8".
func engineClient(text string) func(*loop.Server) {
	return func(s *loop.Server) {
		var posts posts
		s.UseEngine(posts.note)
		s.OnInitialHeaders(cookies)
		s.OnConnection(func(s *loop.Socket) {
			posts.Store(s.ID(), "{}")
			_ = s.Send("hi")
		}, loop.Inline())
		s.OnDisconnect(func(s *loop.Socket, _ loop.DisconnectReason, _ error) { posts.Delete(s.ID()) })
		s.On("message", func(s *loop.Socket, e *loop.Event) {
			var question string
			if e.Args().Binary(0) == nil {
				_ = e.Args().Decode(0, &question)
			}
			switch question {
			case "give binary":
				_ = s.Send([]byte{0, 1, 2, 3, 4})
			case "give utf8":
				_ = s.Send(text)
			case "sendHeaders":
				fields, _ := posts.Load(s.ID())
				_ = s.Send(fields)
			default:
				_ = s.EmitArgs("message", e.Args())
			}
		})
	}
}

// posts holds the fields of the last POST of each session that is connected, as
// JSON.
type posts struct{ sync.Map }

// note is a middleware that looks at every request of the engine.
func (p *posts) note(_ http.ResponseWriter, r *http.Request) error {
	sid := r.URL.Query().Get("sid")
	if _, connected := p.Load(sid); !connected || r.Method != http.MethodPost {
		return nil
	}
	fields := map[string]string{}
	for name, values := range r.Header {
		fields[strings.ToLower(name)] = strings.Join(values, "; ")
	}
	text, err := json.Marshal(fields)
	p.Store(sid, string(text))
	return err
}

// cookies gives the client some to keep and some that it must not send back.
func cookies(h http.Header, _ *http.Request) {
	for _, c := range []string{
		"1=1; Max-Age=86400",
		"2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
		"3=3; Max-Age=0",
		"4=4; Expires=" + time.Now().UTC().Format(http.TimeFormat),
	} {
		h.Add("Set-Cookie", c)
	}
}
