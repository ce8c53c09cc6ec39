// Client: Socket.IO from the other side, for people at a keyboard and for scripts.

// Package client is a small Socket.IO client, for the verb of this name: one
// namespace, over websocket, polling, or an upgrade from one to the other.
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say whom to connect to.
type Options struct {
	URL       string // of the server; a path that is not / is that of the engine
	Namespace string // "" is /
	Auth      json.RawMessage
	Transport string      // websocket, polling or both
	Header    http.Header // of all requests
	HTTP      *http.Client
}

// Event is what a client is told.
type Event struct {
	Kind string            `json:"kind"` // connect, event, ack, error, disconnect, close
	Name string            `json:"event,omitempty"`
	Args []json.RawMessage `json:"args,omitempty"` // binary values are {"base64": "..."}
	ID   int               `json:"id,omitempty"`   // of an ack
	SID  string            `json:"sid,omitempty"`
	Text string            `json:"text,omitempty"` // why

	Transport string        `json:"transport,omitempty"` // of a connect
	Time      time.Time     `json:"time"`
	After     time.Duration `json:"-"` // of an ack, since the event left
}

// Client is connected to one namespace. Its methods may be called from any
// goroutine.
type Client struct {
	link      link
	namespace string
	events    chan Event

	mu    sync.Mutex
	last  int // ack id
	sent  map[int]time.Time
	parts []json.RawMessage // of a binary packet under way
	open  *packet
}

// link is a connection of Engine.IO.
type link interface {
	// send sends a message: a text, or binary.
	send(ctx context.Context, text string) error
	// receive returns the next message. Pings are answered by it.
	receive(ctx context.Context) (data []byte, binary bool, err error)
	transport() string
	close()
}

// maxMessage is the largest message that is read.
const maxMessage = 16 << 20

// Dial connects, and asks to be let into the namespace. What comes is told by
// Events, the answer to that first.
func Dial(ctx context.Context, o Options) (*Client, error) {
	l, err := dial(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &Client{link: l, namespace: o.Namespace, events: make(chan Event, 64), sent: map[int]time.Time{}}
	if c.namespace == "/" {
		c.namespace = ""
	}
	connect := "0"
	if c.namespace != "" {
		connect += c.namespace + ","
	}
	if err := l.send(ctx, connect+string(o.Auth)); err != nil {
		l.close()
		return nil, err
	}
	go c.read(ctx)
	return c, nil
}

// Events are what comes. The channel is closed behind an event of the kind
// close.
func (c *Client) Events() <-chan Event { return c.events }

// Emit sends an event. With ack it returns the number that the acknowledgement
// will have, from 1 on.
func (c *Client) Emit(ctx context.Context, name string, args []json.RawMessage, ack bool) (id int, err error) {
	encoded, err := json.Marshal(name)
	if err != nil {
		return 0, err
	}
	list := append([]json.RawMessage{encoded}, args...)
	body, err := json.Marshal(list)
	if err != nil {
		return 0, err
	}
	head := "2"
	if c.namespace != "" {
		head += c.namespace + ","
	}
	if ack {
		c.mu.Lock()
		c.last++
		id = c.last
		c.sent[id] = time.Now()
		c.mu.Unlock()
		head += strconv.Itoa(id)
	}
	return id, c.link.send(ctx, head+string(body))
}

// Close leaves the namespace and closes the connection.
func (c *Client) Close(ctx context.Context) {
	leave := "1"
	if c.namespace != "" {
		leave += c.namespace + ","
	}
	_ = c.link.send(ctx, leave)
	c.link.close()
}

// read tells what comes until the connection ends.
func (c *Client) read(ctx context.Context) {
	defer close(c.events)
	for {
		data, binary, err := c.link.receive(ctx)
		if err != nil {
			c.tell(Event{Kind: "close", Text: err.Error()})
			return
		}
		if binary {
			c.attach(data)
			continue
		}
		p, err := parse(string(data))
		switch {
		case err != nil:
			c.tell(Event{Kind: "error", Text: err.Error()})
		case p.attachments > 0:
			c.open, c.parts = p, nil
		default:
			c.packet(p)
		}
	}
}

func (c *Client) tell(e Event) {
	e.Time = time.Now()
	c.events <- e
}

// attach adds a part to the binary packet that is open.
func (c *Client) attach(data []byte) {
	if c.open == nil {
		c.tell(Event{Kind: "error", Text: "a binary message without a packet"})
		return
	}
	part, _ := json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(data)})
	if c.parts = append(c.parts, part); len(c.parts) < c.open.attachments {
		return
	}
	p := c.open
	c.open = nil
	for i, a := range p.args {
		p.args[i] = fill(a, c.parts)
	}
	c.packet(p)
}

// packet tells what a packet says.
func (c *Client) packet(p *packet) {
	if p.namespace != c.namespace {
		return
	}
	switch p.kind {
	case '0':
		var hello struct{ SID string }
		_ = json.Unmarshal(p.body, &hello)
		c.tell(Event{Kind: "connect", SID: hello.SID, Transport: c.link.transport()})
	case '1':
		c.tell(Event{Kind: "disconnect", Text: "io server disconnect"})
	case '2', '5':
		var name string
		if len(p.args) == 0 || json.Unmarshal(p.args[0], &name) != nil {
			c.tell(Event{Kind: "error", Text: "an event without a name"})
			return
		}
		c.tell(Event{Kind: "event", Name: name, Args: p.args[1:]})
	case '3', '6':
		c.mu.Lock()
		at := c.sent[p.id]
		delete(c.sent, p.id)
		c.mu.Unlock()
		c.tell(Event{Kind: "ack", ID: p.id, Args: p.args, After: time.Since(at)})
	case '4':
		var refusal struct{ Message string }
		_ = json.Unmarshal(p.body, &refusal)
		c.tell(Event{Kind: "error", Name: "connect_error", Text: refusal.Message, Args: []json.RawMessage{p.body}})
	}
}

// packet is one of Socket.IO.
type packet struct {
	kind        byte
	attachments int
	namespace   string // "" for /
	id          int
	body        json.RawMessage
	args        []json.RawMessage // if the body is a list
}

// parse takes a packet apart.
func parse(text string) (*packet, error) {
	fault := fmt.Errorf("no packet of Socket.IO: %.80q", text)
	if text == "" || text[0] < '0' || text[0] > '6' {
		return nil, fault
	}
	p := &packet{kind: text[0]}
	rest := text[1:]
	if p.kind >= '5' {
		n, after, ok := strings.Cut(rest, "-")
		v, err := strconv.Atoi(n)
		if !ok || err != nil || v < 0 || v > 1000 {
			return nil, fault
		}
		p.attachments, rest = v, after
	}
	if strings.HasPrefix(rest, "/") {
		p.namespace, rest, _ = strings.Cut(rest, ",")
		p.namespace, _, _ = strings.Cut(p.namespace, "?")
		if p.namespace == "/" {
			p.namespace = ""
		}
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		p.id, _ = strconv.Atoi(rest[:digits])
		rest = rest[digits:]
	}
	if rest == "" {
		return p, nil
	}
	p.body = json.RawMessage(rest)
	if !json.Valid(p.body) {
		return nil, fault
	}
	if p.body[0] == '[' {
		_ = json.Unmarshal(p.body, &p.args)
	}
	return p, nil
}

// fill puts binary values where a packet names them.
func fill(value json.RawMessage, parts []json.RawMessage) json.RawMessage {
	switch trimmed := bytes.TrimSpace(value); {
	case bytes.HasPrefix(trimmed, []byte("{")):
		var place struct {
			Placeholder bool `json:"_placeholder"`
			Num         int
		}
		if json.Unmarshal(value, &place) == nil && place.Placeholder && place.Num >= 0 && place.Num < len(parts) {
			return parts[place.Num]
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(value, &m) != nil {
			return value
		}
		for k, v := range m {
			m[k] = fill(v, parts)
		}
		b, _ := json.Marshal(m)
		return b
	case bytes.HasPrefix(trimmed, []byte("[")):
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			return value
		}
		for i, v := range list {
			list[i] = fill(v, parts)
		}
		b, _ := json.Marshal(list)
		return b
	}
	return value
}

// errClosed is what a link says that was closed.
var errClosed = errors.New("the server closed the connection")
