// Clients of Engine.IO revision 3: they send the pings, and their silence is what ends them.

package transport

import "github.com/sioserver/sioserver/proto/engineio"

// heard moves the time by which a client of revision 3 must have sent another
// packet. Its timer stays where it is until it is due, since nearly every
// packet of such a client moves the time.
func (s *Session) heard() {
	e := s.engine
	s.due = e.heartbeat(e.Now() + e.opts.PingInterval + e.opts.PingTimeout)
}

// ping answers a ping of the client, without its data. A client that pings and
// does not read is held to the limits of messages.
func (s *Session) ping() {
	if !s.dialect.revision3() {
		s.close(TransportError, ErrHeartbeat)
		return
	}
	if c := s.conn; c != nil {
		if !s.engine.roomForPong(c, 1) {
			return
		}
	} else if !s.spoolRoom(spoolHead) {
		return
	}
	s.sendPacket(engineio.Pong)
}
