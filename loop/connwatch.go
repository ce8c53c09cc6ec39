// What can be heard of an Engine.IO session.

package loop

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport"
)

// ConnPacket is an Engine.IO packet. Type is its official name: "open", "close",
// "ping", "pong", "message", "upgrade" or "noop".
type ConnPacket struct {
	Type   string
	Data   []byte // of a message; the receiver's for good
	Binary bool
}

// watchers are the callbacks of a Conn.
type watchers struct {
	upgrading, upgrade, drain, heartbeat []watcher[func()]
	close                                []watcher[func(DisconnectReason, error)]
	packet, create                       []watcher[func(ConnPacket)]
}

// watcher is a callback and the Conn it was registered on.
type watcher[F any] struct {
	conn Conn
	run  F
}

// OnUpgrading adds a callback for the moment when the client has tried a
// websocket: it is about to go over to it.
func (c Conn) OnUpgrading(f func()) {
	c.watch(func(w *watchers) { w.upgrading = append(w.upgrading, watcher[func()]{c, f}) })
}

// OnUpgrade adds a callback for the change from polling to websocket.
func (c Conn) OnUpgrade(f func()) {
	c.watch(func(w *watchers) { w.upgrade = append(w.upgrade, watcher[func()]{c, f}) })
}

// OnDrain adds a callback for the moment when all that waited for a slow client
// has been sent.
func (c Conn) OnDrain(f func()) {
	c.watch(func(w *watchers) { w.drain = append(w.drain, watcher[func()]{c, f}) })
}

// OnHeartbeat adds a callback for the heartbeats of the client: its pongs, or the
// pings of one of version 2.
func (c Conn) OnHeartbeat(f func()) {
	c.watch(func(w *watchers) { w.heartbeat = append(w.heartbeat, watcher[func()]{c, f}) })
}

// OnClose adds a callback for the end of the connection.
func (c Conn) OnClose(f func(reason DisconnectReason, err error)) {
	c.watch(func(w *watchers) {
		w.close = append(w.close, watcher[func(DisconnectReason, error)]{c, f})
	})
}

// OnPacket adds a callback for every packet that comes from the client.
func (c Conn) OnPacket(f func(ConnPacket)) {
	c.watch(func(w *watchers) { w.packet = append(w.packet, watcher[func(ConnPacket)]{c, f}) })
}

// OnPacketCreate adds a callback for every packet that is sent to the client.
func (c Conn) OnPacketCreate(f func(ConnPacket)) {
	c.watch(func(w *watchers) { w.create = append(w.create, watcher[func(ConnPacket)]{c, f}) })
}

func (c Conn) watch(add func(*watchers)) {
	c.do(func(l *Loop, s *transport.Session) {
		k := l.client(s).keep()
		if k.watchers == nil {
			k.watchers = new(watchers)
		}
		add(k.watchers)
		w := k.watchers
		s.Observe(len(w.packet)+len(w.create)+len(w.heartbeat) > 0)
	})
}

// notify calls callbacks behind the events of those they belong to.
func notify[F any](l *Loop, list []watcher[F], call func(F)) {
	for _, w := range list {
		l.run(w.conn.actor(), job{call: func() { w.conn.protect(func() { call(w.run) }) }})
	}
}

// watched returns the callbacks of a session's Conn, nil if there are none.
func (l *Loop) watched(s *transport.Session) *watchers {
	if k := l.client(s).kept; k != nil {
		return k.watchers
	}
	return nil
}

// OnPacket implements [transport.Observer].
func (l upcalls) OnPacket(s *transport.Session, p engineio.Packet, sent bool) {
	w := l.watched(s)
	if w == nil {
		return
	}
	list := w.packet
	if sent {
		list = w.create
	} else if p.Type == engineio.Pong || p.Type == engineio.Ping {
		notify(l.Loop, w.heartbeat, func(f func()) { f() })
	}
	if len(list) > 0 {
		packet := ConnPacket{Type: p.Type.String(), Data: clone(p.Data), Binary: p.Binary}
		notify(l.Loop, list, func(f func(ConnPacket)) { f(packet) })
	}
}

// OnUpgrading implements [transport.Handler].
func (l upcalls) OnUpgrading(s *transport.Session, on bool) {
	l.moved(s)
	if w := l.watched(s); on && w != nil {
		notify(l.Loop, w.upgrading, func(f func()) { f() })
	}
}

// OnUpgrade implements [transport.Handler].
func (l upcalls) OnUpgrade(s *transport.Session) {
	l.stats.live[transport.KindPolling]--
	l.stats.live[transport.KindWebSocket]++
	l.moved(s)
	if w := l.watched(s); w != nil {
		notify(l.Loop, w.upgrade, func(f func()) { f() })
	}
}

// moved notes which transport a client is on.
func (l *Loop) moved(s *transport.Session) {
	c, via := l.client(s), viaOf(s)
	for at := c.first; at != 0; {
		e := l.sockets.At(at - 1)
		if e.handle != nil {
			e.handle.via.Store(via)
			e.handle.deflates.Store(s.Deflates())
		}
		at = e.next
	}
	if c.kept != nil && c.kept.conn != nil {
		c.kept.conn.via.Store(via)
	}
}

// OnDrain implements [transport.Handler].
func (l upcalls) OnDrain(s *transport.Session) {
	if w := l.watched(s); w != nil {
		notify(l.Loop, w.drain, func(f func()) { f() })
	}
}
