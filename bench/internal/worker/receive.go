// What arrives: packets up to the stamp in them.

package worker

import (
	"bytes"
	"strconv"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/stamp"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// packet takes an Engine.IO packet of text. The session may have ended when it
// returns.
func (w *Worker) packet(i int, v *session, b []byte) {
	if len(b) == 0 {
		w.end(i, "an empty packet came")
		return
	}
	switch b[0] {
	case wire.Data:
		w.message(i, v, b[1:])
	case wire.Open:
		w.opened(i, v, b[1:])
	case wire.Ping:
		w.count.Pings++
		if v.lastPing != 0 {
			w.hist("ping_gap").Record(w.now - v.lastPing)
		}
		v.lastPing = w.now
		w.sendPacket(i, v, []byte{wire.Pong})
	case wire.Close:
		w.end(i, "the server closed the session")
	case wire.Pong, wire.Noop:
	default:
		w.end(i, "an unknown Engine.IO packet came: "+strconv.QuoteToASCII(string(b[:1])))
	}
}

// message takes a Socket.IO packet.
func (w *Worker) message(i int, v *session, b []byte) {
	p, ok := wire.ParsePacket(b)
	if !ok {
		w.end(i, "an unknown Socket.IO packet came")
		return
	}
	switch p.Type {
	case wire.Event:
		w.take(i, p.Args, false)
	case wire.Ack:
		if v.state == stateJoin {
			w.phase(v, w.rec.join)
			w.up(i, v)
			return
		}
		w.take(i, p.Args, true)
	case wire.Connect:
		w.joined(i, v, p)
	case wire.ConnectError:
		w.end(i, "connect_error: "+string(p.Args))
	case wire.Disconnect:
		w.end(i, "the server disconnected the namespace")
	}
}

// take accounts for a message with a stamp.
func (w *Worker) take(i int, b []byte, ack bool) {
	m, ok := stamp.Find(b)
	if !ok || int(m.Stream) >= len(w.streams) {
		w.fault("a message without a stamp came")
		return
	}
	s := w.streams[m.Stream]
	if s.Kind == job.Ack && !ack {
		// The relay sends the event back beside the acknowledgement.
		s.count.Extra++
		return
	}
	slot, ok := s.slot(w, i, m.Sender)
	if !ok {
		w.fault("a message came to a session that should not have got it")
		return
	}
	s.count.Received++
	verdict := s.track[slot].Take(m.Seq)
	switch verdict {
	case stamp.Duplicate:
		s.count.Duplicates++
		return
	case stamp.Stale:
		s.count.Stale++
		return
	case stamp.Reordered:
		s.count.Reordered++
	}
	s.count.Unique++
	if s.Closed {
		s.owed++
	}
	if w.running {
		if w.now >= w.from && w.now < w.until {
			s.count.Window++
		}
		if m.DueNs >= w.from && m.DueNs < w.until {
			w.measure(i, s, m)
		}
	}
	if s.lasts != nil {
		w.noteLast(s, m)
	}
}

// measure records the latencies of a message.
func (w *Worker) measure(i int, s *stream, m stamp.Stamp) {
	s.count.Answered++
	if w.job.Target.Across && w.number(i) < w.senders() {
		return // it came over no other server
	}
	// Reading the clock for each message of a read would cost more than it tells.
	if s.baseline != nil && m.DueNs < w.start+w.job.Slow.AfterNs {
		s.baseline.Record(w.now - m.DueNs)
		return
	}
	s.response.Record(w.now - m.DueNs)
	s.service.Record(w.now - m.SentNs)
}

// noteLast follows a message to everybody until all of this worker's sessions
// have it.
func (w *Worker) noteLast(s *stream, m stamp.Stamp) {
	at := lastKey{m.Sender, m.Seq}
	l := s.lasts[at]
	l.got++
	l.ns = max(l.ns, w.now-m.DueNs)
	if l.got < w.count.Up-int(w.count.Slow-w.count.Cut) {
		s.lasts[at] = l
		return
	}
	delete(s.lasts, at)
	if w.running && m.DueNs >= w.from && m.DueNs < w.until {
		w.count.Lasts = append(w.count.Lasts, job.Last{Stream: int(s.id), Sender: m.Sender, Seq: m.Seq, Ns: l.ns})
	}
}

// refill sends what closed streams owe for the answers that were just taken.
func (w *Worker) refill(i int) {
	for _, s := range w.streams {
		if n := s.owed; n > 0 {
			s.owed = 0
			if w.sessions[i].state == stateUp {
				w.fill(i, s, n)
			}
		}
	}
}

// raw takes messages of a fixed size from a plain TCP stream.
func (w *Worker) raw(i int, b []byte) (n int) {
	size := stamp.Size + len(w.streams[0].tail)
	for len(b)-n >= size {
		if b[n] != '~' {
			w.end(i, "the echo does not begin with a stamp")
			return len(b)
		}
		w.take(i, b[n:n+size], false)
		n += size
	}
	return n
}

// opened takes the Engine.IO open packet.
func (w *Worker) opened(i int, v *session, b []byte) {
	if v.state != stateOpen {
		w.end(i, "an open packet came twice")
		return
	}
	w.phase(v, w.rec.open)
	if w.sids != nil {
		if !w.setSID(i, b) {
			w.end(i, "the open packet has no usable sid")
			return
		}
	}
	v.state = stateSpace
	if w.job.Target.Revision == 3 {
		// Revision 3: the client pings, and "/" is joined without asking.
		w.requests.pingNs = jsonNumber(b, "pingInterval", 25000) * 1e6
		v.lastPing = w.now + w.rng.Int64N(w.requests.pingNs)
	}
	if w.job.Target.Revision == 4 || len(w.requests.spaceName) > 0 {
		w.sendPacket(i, v, w.requests.connect)
	}
}

// joined takes the answer to CONNECT.
func (w *Worker) joined(i int, v *session, p wire.Packet) {
	if !bytes.Equal(p.Namespace, w.requests.spaceName) {
		return
	}
	if v.state != stateSpace {
		w.end(i, "a CONNECT packet came unasked")
		return
	}
	w.phase(v, w.rec.namespace)
	if w.job.RoomSize == 0 {
		w.up(i, v)
		return
	}
	v.state = stateJoin
	w.pbuf = append(w.pbuf[:0], w.requests.join...)
	w.pbuf = strconv.AppendUint(w.pbuf, uint64(w.number(i))/uint64(w.job.RoomSize), 10)
	w.pbuf = append(w.pbuf, `"]`...)
	w.sendPacket(i, v, w.pbuf)
}

// jsonNumber is the number behind a key of a flat JSON object, or other.
func jsonNumber(b []byte, key string, other int64) int64 {
	_, rest, ok := bytes.Cut(b, []byte(`"`+key+`":`))
	if !ok {
		return other
	}
	v := int64(0)
	for _, c := range rest {
		if c < '0' || c > '9' || v > 1<<40 {
			break
		}
		v = v*10 + int64(c-'0')
	}
	if v == 0 {
		return other
	}
	return v
}
