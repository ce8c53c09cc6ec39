// A network that takes everything and costs nothing, for measuring the engine alone.

package transport

import (
	"bytes"
	"net"
	"strings"
)

// nullNetwork is the network and the clock of one engine.
type nullNetwork struct {
	engine  *Engine
	woken   bool
	bytes   int
	last    []byte // what was written last, a view
	now     int64
	handler nullHandler
}

// nullHandler echoes.
type nullHandler struct{ opened int }

func newNull() *nullNetwork { return newNullWith(func(*Options) {}) }

// newNullWith is newNull with other options.
func newNullWith(change func(*Options)) *nullNetwork {
	n := &nullNetwork{now: 1000}
	opts := Defaults()
	change(&opts)
	opts.MaxRequests = 1 << 30
	opts.AllowEIO3 = true
	opts.Gather = wantedGather()
	n.engine = NewGroup(1, &opts, func() int64 { return n.now })[0]
	n.engine.Attach(&n.handler, n)
	n.engine.Enter()
	return n
}

func (n *nullNetwork) Write(_ *Conn, p []byte) error {
	n.bytes += len(p)
	n.last = p
	return nil
}

func (n *nullNetwork) Send(batch []Output) {
	for i := range batch {
		o := &batch[i]
		n.bytes += len(o.Data)
		n.last, o.Sent = o.Data, len(o.Data)
	}
}

func (n *nullNetwork) Buffered(*Conn) int               { return 0 }
func (n *nullNetwork) Shutdown(*Conn)                   {}
func (n *nullNetwork) Close(c *Conn)                    { n.engine.Closed(c) }
func (n *nullNetwork) Move(*Conn, *Engine, []byte) bool { return false }
func (n *nullNetwork) Leave(*Conn, []byte) bool         { return false }
func (n *nullNetwork) Wake()                            { n.woken = true }
func (n *nullNetwork) Alarm(int64)                      {}

// rest ends the batch if the engine has asked for it.
func (n *nullNetwork) rest() {
	for n.woken {
		n.woken = false
		n.engine.RunTasks()
	}
}

// nullWire has no addresses.
type nullWire struct{}

func (nullWire) RemoteAddr() net.Addr { return nil }
func (nullWire) LocalAddr() net.Addr  { return nil }

func (h *nullHandler) OnOpen(*Session, *Hello) { h.opened++ }
func (h *nullHandler) OnMessage(s *Session, data []byte, binary bool) {
	if binary {
		s.SendBinary(data)
	} else {
		s.Send(data)
	}
}
func (h *nullHandler) OnUpgrade(*Session)                          {}
func (h *nullHandler) OnUpgrading(*Session, bool)                  {}
func (h *nullHandler) OnDrain(*Session)                            {}
func (h *nullHandler) OnSlow(*Session)                             {}
func (h *nullHandler) OnClose(*Session, CloseReason, error)        {}
func (h *nullHandler) OnForeign(*Hello) bool                       { return false }
func (h *nullHandler) OnRequest(r ExchangeRef, _ *Hello, _ []byte) { r.Respond(200, nil, nil) }
func (h *nullHandler) OnGate(r GateRef, _ *Question)               { r.Resume(Verdict{}) }
func (h *nullHandler) OnRefuse(*Hello, *HandshakeError)            {}
func (h *nullHandler) OnTLSFailure(net.Addr, error)                {}
func (h *nullHandler) OnTimer(uint32)                              {}

// feed gives bytes to a connection; they are copied first, since the engine unmasks in place.
func (n *nullNetwork) feed(c *Conn, buf []byte, text []byte) {
	n.engine.Feed(c, buf[:copy(buf, text)])
	n.rest()
}

// websocket opens a session over websocket.
func (n *nullNetwork) websocket() *Conn { return n.websocketOf("EIO=4") }

// websocketOf is websocket for another dialect.
func (n *nullNetwork) websocketOf(query string) *Conn {
	c := n.engine.Open(nullWire{}, 0)
	n.engine.Feed(c, []byte(strings.Replace(upgradeRequest(""), "EIO=4", query, 1)))
	n.rest()
	return c
}

// polled opens a session over polling and returns its id and two connections.
func (n *nullNetwork) polled(query string) (sid string, get, post *Conn) {
	get, post = n.engine.Open(nullWire{}, 0), n.engine.Open(nullWire{}, 0)
	n.engine.Feed(get, []byte(strings.Replace(request("GET", "", ""), "EIO=4", query, 1)))
	sid = string(sidPattern.FindSubmatch(bytes.ReplaceAll(n.last, []byte(`\"`), []byte(`"`)))[1])
	n.rest()
	return sid, get, post
}

// pmdAudience opens many sessions over websocket that offer permessage-deflate.
func (n *nullNetwork) pmdAudience(size int, offer string) (all []*Session) {
	for range size {
		c := n.engine.Open(nullWire{}, 0)
		n.engine.Feed(c, []byte(upgradeRequest("", "Sec-WebSocket-Extensions: "+offer)))
		n.rest()
		all = append(all, c.session)
	}
	return all
}

// audience opens many sessions over websocket.
func (n *nullNetwork) audience(size int, query string) (all []*Session) {
	for range size {
		all = append(all, n.websocketOf(query).session)
	}
	return all
}
