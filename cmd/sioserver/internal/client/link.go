// Engine.IO, revision 4: websocket, polling, and the way from one to the other.

package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/coder/websocket"
)

// separator stands between packets of a polling payload.
const separator = "\x1e"

// dial opens a session.
func dial(ctx context.Context, o Options) (link, error) {
	base, err := address(o.URL)
	if err != nil {
		return nil, err
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Transport == "websocket" {
		return dialWebsocket(ctx, o, base, "")
	}
	p := &polling{o: o, base: base}
	if err := p.handshake(ctx); err != nil {
		return nil, err
	}
	if o.Transport == "polling" {
		return p, nil
	}
	return upgrade(ctx, o, p)
}

// address is the URL of the engine.
func address(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL", text)
	}
	switch u.Scheme {
	case "ws", "wss":
		u.Scheme = "http" + u.Scheme[2:]
	case "http", "https":
	default:
		return nil, fmt.Errorf("%q must begin with http://, https://, ws:// or wss://", text)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("%q has no host", text)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/socket.io/"
	}
	return u, nil
}

// with is the URL with the engine's parameters.
func with(base *url.URL, transport, sid string) string {
	u := *base
	q := u.Query()
	q.Set("EIO", "4")
	q.Set("transport", transport)
	if sid != "" {
		q.Set("sid", sid)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// handshakeFault tells of a session that was refused.
func handshakeFault(res *http.Response, body []byte) error {
	var refusal struct {
		Code    int
		Message string
	}
	if json.Unmarshal(body, &refusal) == nil && refusal.Message != "" {
		return fmt.Errorf("the server refuses the session: %s (%s)", refusal.Message, res.Status)
	}
	return fmt.Errorf("the server answers %s; is this the address of a Socket.IO server?", res.Status)
}

// socket is a session over websocket.
type socket struct {
	c   *websocket.Conn
	how string
}

// dialWebsocket opens a session over websocket, or with a sid takes one over.
func dialWebsocket(ctx context.Context, o Options, base *url.URL, sid string) (*socket, error) {
	c, res, err := websocket.Dial(ctx, with(base, "websocket", sid), &websocket.DialOptions{HTTPClient: o.HTTP, HTTPHeader: o.Header})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(res.Body, 10_000))
			return nil, handshakeFault(res, body)
		}
		return nil, err
	}
	c.SetReadLimit(maxMessage)
	s := &socket{c, "websocket"}
	if sid != "" {
		return s, nil
	}
	data, _, err := s.packet(ctx)
	if err == nil && !bytes.HasPrefix(data, []byte("0")) {
		err = fmt.Errorf("the server begins with %.80q, not with a handshake", data)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// packet reads a packet of the engine.
func (s *socket) packet(ctx context.Context) ([]byte, bool, error) {
	kind, data, err := s.c.Read(ctx)
	if code := websocket.CloseStatus(err); code >= 0 {
		err = fmt.Errorf("%w (code %d)", errClosed, code)
	} else if errors.Is(err, io.EOF) {
		err = errClosed
	}
	return data, kind == websocket.MessageBinary, err
}

func (s *socket) receive(ctx context.Context) ([]byte, bool, error) {
	for {
		data, binary, err := s.packet(ctx)
		if err != nil || binary {
			return data, binary, err
		}
		switch {
		case len(data) == 0:
		case data[0] == '1':
			return nil, false, errClosed
		case data[0] == '2':
			if err := s.c.Write(ctx, websocket.MessageText, append([]byte("3"), data[1:]...)); err != nil {
				return nil, false, err
			}
		case data[0] == '4':
			return data[1:], false, nil
		}
	}
}

func (s *socket) send(ctx context.Context, text string) error {
	return s.c.Write(ctx, websocket.MessageText, []byte("4"+text))
}

func (s *socket) transport() string { return s.how }
func (s *socket) close()            { _ = s.c.Close(websocket.StatusNormalClosure, "") }

// polling is a session over polling.
type polling struct {
	o    Options
	base *url.URL
	sid  string

	mu      sync.Mutex // one POST at a time
	waiting [][]byte   // packets that came together with others
}

// handshake opens the session.
func (p *polling) handshake(ctx context.Context) error {
	body, err := p.do(ctx, http.MethodGet, nil)
	if err != nil {
		return err
	}
	var hello struct{ SID string }
	first, rest, _ := strings.Cut(string(body), separator)
	if !strings.HasPrefix(first, "0") || json.Unmarshal([]byte(first[1:]), &hello) != nil {
		return fmt.Errorf("the server begins with %.80q, not with a handshake", body)
	}
	p.sid = hello.SID
	p.keep(rest)
	return nil
}

func (p *polling) do(ctx context.Context, method string, body io.Reader) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, with(p.base, "polling", p.sid), body)
	if err != nil {
		return nil, err
	}
	for k, v := range p.o.Header {
		q.Header[k] = v
	}
	res, err := p.o.HTTP.Do(q)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	if err == nil && res.StatusCode != http.StatusOK {
		err = handshakeFault(res, b)
	}
	return b, err
}

// keep keeps the packets of a payload.
func (p *polling) keep(payload string) {
	if payload == "" {
		return
	}
	for _, packet := range strings.Split(payload, separator) {
		p.waiting = append(p.waiting, []byte(packet))
	}
}

func (p *polling) receive(ctx context.Context) ([]byte, bool, error) {
	for {
		for len(p.waiting) > 0 {
			data := p.waiting[0]
			p.waiting = p.waiting[1:]
			switch {
			case len(data) == 0:
			case data[0] == '1':
				return nil, false, errClosed
			case data[0] == '2':
				if err := p.post(ctx, "3"); err != nil {
					return nil, false, err
				}
			case data[0] == '4':
				return data[1:], false, nil
			case data[0] == 'b':
				b, err := base64.StdEncoding.DecodeString(string(data[1:]))
				return b, true, err
			}
		}
		body, err := p.do(ctx, http.MethodGet, nil)
		if err != nil {
			return nil, false, err
		}
		p.keep(string(body))
	}
}

func (p *polling) post(ctx context.Context, packet string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.do(ctx, http.MethodPost, strings.NewReader(packet))
	return err
}

func (p *polling) send(ctx context.Context, text string) error { return p.post(ctx, "4"+text) }
func (p *polling) transport() string                           { return "polling" }
func (p *polling) close()                                      { _ = p.post(context.Background(), "1") }

// upgrade takes a session over polling to websocket, before anything is sent.
func upgrade(ctx context.Context, o Options, p *polling) (link, error) {
	s, err := dialWebsocket(ctx, o, p.base, p.sid)
	if err != nil {
		return nil, err
	}
	s.how = "polling, then websocket"
	fail := func(err error) (link, error) {
		s.close()
		return nil, fmt.Errorf("the upgrade to websocket: %w", err)
	}
	if err := s.c.Write(ctx, websocket.MessageText, []byte("2probe")); err != nil {
		return fail(err)
	}
	data, _, err := s.packet(ctx)
	if err != nil || string(data) != "3probe" {
		return fail(fmt.Errorf("the probe was answered by %.80q: %w", data, err))
	}
	if err := s.c.Write(ctx, websocket.MessageText, []byte("5")); err != nil {
		return fail(err)
	}
	return s, nil
}
