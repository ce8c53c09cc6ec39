// The test client, middle layer: an Engine.IO session over each transport.

package loop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// carrier is an Engine.IO session as a client has it.
type carrier interface {
	// send hands packets to the server, in one write or one request.
	send(packets ...packet) error
	// recv waits for a packet.
	recv() (packet, error)
	// drop cuts all connections without a word. The server does not notice if
	// that is a polling client without an open request.
	drop()
	// close ends the session as clients do.
	close()
	// SetDeadline limits the time of what is done from now on.
	SetDeadline(at time.Time) error
}

// opening is the open packet.
type opening struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func readOpening(p packet) (o opening, err error) {
	if p.binary || !strings.HasPrefix(p.text, "0{") {
		return o, fmt.Errorf("open packet %v", p)
	}
	return o, json.Unmarshal([]byte(p.text[1:]), &o)
}

// target is the path of a request to the engine.
func target(transport, query string) string {
	t := "/socket.io/?EIO=4&transport=" + transport
	if query != "" {
		t += "&" + query
	}
	return t
}

// overWebSocket is a session that began on websocket, or was upgraded.
type overWebSocket struct {
	*wire
	opening opening
}

func dialWebSocket(addr, query string) (*overWebSocket, error) {
	w, err := dialWire(addr)
	if err != nil {
		return nil, err
	}
	return openWebSocket(w, query)
}

func openWebSocket(w *wire, query string, fields ...string) (c *overWebSocket, err error) {
	c = &overWebSocket{wire: w}
	if err = w.upgrade(target("websocket", query), fields...); err == nil {
		var p packet
		if p, err = w.readPacket(); err == nil {
			c.opening, err = readOpening(p)
		}
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return c, nil
}

func (c *overWebSocket) send(packets ...packet) error {
	_, err := c.Write(frames(packets...))
	return err
}

func (c *overWebSocket) recv() (packet, error) { return c.readPacket() }
func (c *overWebSocket) drop()                 { c.reset() }
func (c *overWebSocket) close() {
	_, _ = c.Write(frame(opClose, nil))
	_ = c.Close()
}

// overPolling is a polling session. Its two connections are used like those of
// a browser: one for the open GET, one for POSTs.
type overPolling struct {
	addr    string
	opening opening
	get     *wire
	waiting []packet

	mu   sync.Mutex // of post
	post *wire
}

func dialPolling(addr, query string) (*overPolling, error) {
	w, err := dialWire(addr)
	if err != nil {
		return nil, err
	}
	c := &overPolling{addr: addr, get: w}
	r, err := w.exchange("GET", target("polling", query), "")
	if err == nil && r.status != 200 {
		err = &statusError{r}
	}
	if err == nil {
		c.opening, err = readOpening(packet{text: r.body})
	}
	if err == nil {
		c.post, err = dialWire(addr)
	}
	if err != nil {
		c.drop()
		return nil, err
	}
	return c, nil
}

// exchange sends a request and waits for the answer.
func (w *wire) exchange(method, target, body string, fields ...string) (*response, error) {
	if err := w.request(method, target, body, fields...); err != nil {
		return nil, err
	}
	return w.response(method)
}

// sid is the query that names the session.
func (c *overPolling) sid() string { return "sid=" + c.opening.SID }

func (c *overPolling) send(packets ...packet) error {
	r, err := c.postBody(payload(packets...))
	if err == nil && (r.status != 200 || r.body != "ok") {
		err = &statusError{r}
	}
	return err
}

// postBody sends a body as it is.
func (c *overPolling) postBody(body string, fields ...string) (*response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(fields) == 0 {
		fields = []string{"Content-Type: text/plain;charset=UTF-8"}
	}
	return c.post.exchange("POST", target("polling", c.sid()), body, fields...)
}

// errPolledOut says that the server has closed the session.
var errPolledOut = errors.New("close packet")

func (c *overPolling) recv() (packet, error) {
	for len(c.waiting) == 0 {
		if err := c.poll(); err != nil {
			return packet{}, err
		}
	}
	p := c.waiting[0]
	c.waiting = c.waiting[1:]
	if p.text == "1" {
		return packet{}, errPolledOut
	}
	return p, nil
}

// poll makes one GET.
func (c *overPolling) poll() error {
	r, err := c.get.exchange("GET", target("polling", c.sid()), "")
	if err != nil {
		return err
	}
	if r.status != 200 {
		return &statusError{r}
	}
	list, err := splitPayload(r.body)
	c.waiting = append(c.waiting, list...)
	return err
}

// SetDeadline implements carrier.
func (c *overPolling) SetDeadline(at time.Time) error {
	_ = c.post.SetDeadline(at)
	return c.get.SetDeadline(at)
}

func (c *overPolling) drop() {
	for _, w := range []*wire{c.get, c.post} {
		if w != nil {
			w.reset()
		}
	}
}

func (c *overPolling) close() {
	_ = c.send(packet{text: "1"})
	_ = c.get.Close()
	_ = c.post.Close()
}

// upgradeTo does what a client does to go on over websocket: probe, wait for
// the open GET to end, switch. Packets that came by polling stay in order.
func (c *overPolling) upgradeTo() (*upgradedCarrier, error) {
	w, err := dialWire(c.addr)
	if err != nil {
		return nil, err
	}
	if err := w.upgrade(target("websocket", c.sid())); err != nil {
		return nil, err
	}
	if err := c.get.request("GET", target("polling", c.sid()), ""); err != nil {
		return nil, err
	}
	if _, err := w.Write(frames(packet{text: "2probe"})); err != nil {
		return nil, err
	}
	if p, err := w.readPacket(); err != nil || p.text != "3probe" {
		return nil, fmt.Errorf("answer to the probe: %v, %w", p, err)
	}
	r, err := c.get.response("GET")
	if err != nil {
		return nil, err
	}
	if r.status != 200 {
		return nil, &statusError{r}
	}
	list, err := splitPayload(r.body)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(frames(packet{text: "5"})); err != nil {
		return nil, err
	}
	_, _ = c.get.Close(), c.post.Close()
	return &upgradedCarrier{overWebSocket{w, c.opening}, append(c.waiting, list...)}, nil
}

// upgradedCarrier is a session after its upgrade.
type upgradedCarrier struct {
	overWebSocket
	waiting []packet // came by polling
}

func (c *upgradedCarrier) recv() (packet, error) {
	if len(c.waiting) > 0 {
		p := c.waiting[0]
		c.waiting = c.waiting[1:]
		return p, nil
	}
	return c.readPacket()
}
