// Reading and writing of links; frames of websocket.

package worker

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// read takes what has arrived on a link.
func (w *Worker) read(i int, v *session, k int, events uint32) {
	if v.is(flagSlow) {
		if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			w.end(i, "a slow session was cut off")
		}
		return
	}
	l := &v.links[k]
	kept := copy(w.rbuf, w.spills.get(l.in))
	w.spills.drop(&l.in)
	n, err := unix.Read(int(l.fd), w.rbuf[kept:])
	w.now = w.clock.now()
	if n <= 0 {
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			w.spills.add(&l.in, w.rbuf[:kept])
		case err == nil:
			w.broken(i, k, phaseOf(v)+"the server closed the connection")
		default:
			w.broken(i, k, phaseOf(v)+err.Error())
		}
		return
	}
	w.count.BytesIn += uint64(n)
	data := w.rbuf[:kept+n]
	generation, fd := v.generation, l.fd
	used := w.consume(i, v, k, data)
	if v.generation == generation && l.fd == fd {
		w.spills.add(&l.in, data[used:])
		if used == 0 && len(data) == len(w.rbuf) {
			w.growRead(i)
		}
	}
	w.refill(i)
}

// growRead makes room for a message that is longer than the read buffer.
func (w *Worker) growRead(i int) {
	if len(w.rbuf) >= messageLimit {
		w.end(i, "a message is larger than the generator takes")
		return
	}
	w.rbuf = make([]byte, 2*len(w.rbuf))
}

// phaseOf is the phase of a session in front of an error's text.
func phaseOf(v *session) string {
	if v.state == stateUp {
		return ""
	}
	return phaseNames[v.state] + ": "
}

// consume takes what is complete in data.
func (w *Worker) consume(i int, v *session, k int, data []byte) (n int) {
	t := w.job.Target.Transport
	switch {
	case t == job.RawTCP:
		return w.raw(i, data)
	case k == linkPost || k == linkMain && v.is(flagPolling):
		return w.responses(i, v, k, data)
	case !v.links[k].used:
		if n = w.accepted(i, v, k, data); n == 0 || v.links[k].fd < 0 {
			return n
		}
	}
	return n + w.frames(i, v, k, data[n:])
}

// accepted takes the answer to a websocket's opening request. It returns 0 as
// long as that is not complete.
func (w *Worker) accepted(i int, v *session, k int, data []byte) int {
	l := &v.links[k]
	m, n, err := wire.ParseResponse(data, messageLimit)
	switch {
	case err != nil:
		w.broken(i, k, phaseOf(v)+err.Error())
	case n == 0:
	case m.Status != 101:
		w.broken(i, k, phaseOf(v)+statusText(m))
	case string(m.Header("Sec-WebSocket-Accept")) != w.requests.accept:
		w.broken(i, k, phaseOf(v)+"a wrong Sec-WebSocket-Accept came")
	default:
		l.used = true
		if ext := m.Header("Sec-WebSocket-Extensions"); len(ext) > 0 {
			v.flags |= flagDeflate
			if !bytes.Contains(ext, []byte("server_no_context_takeover")) {
				v.flags |= flagTakeover
			}
		}
		if k == linkProbe {
			w.sayProbe(i, v)
			return n
		}
		w.phase(v, w.rec.http)
		v.state = stateOpen
		if w.job.Target.Transport == job.RawWS {
			w.up(i, v)
		}
	}
	return n
}

// statusText is the refusal of a request.
func statusText(m wire.Message) string {
	body := m.Body
	if len(body) > 100 {
		body = body[:100]
	}
	return "HTTP " + strconv.Itoa(m.Status) + " " + string(body)
}

// frames takes the complete frames in data.
func (w *Worker) frames(i int, v *session, k int, data []byte) (n int) {
	generation := v.generation
	for n < len(data) {
		f, size, err := wire.ParseFrame(data[n:], messageLimit)
		if err != nil {
			w.broken(i, k, err.Error())
			return n
		}
		if size == 0 {
			return n
		}
		n += size
		w.frame(i, v, k, f)
		if v.generation != generation || v.links[k].fd < 0 {
			return n
		}
	}
	return n
}

// frame takes one frame.
func (w *Worker) frame(i int, v *session, k int, f wire.Frame) {
	switch {
	case f.Op == wire.OpClose:
		code := ""
		if len(f.Payload) >= 2 {
			code = " with " + strconv.Itoa(int(f.Payload[0])<<8|int(f.Payload[1]))
		}
		w.broken(i, k, phaseOf(v)+"the server closed the websocket"+code)
	case f.Op == wire.OpPing:
		w.obuf = wire.AppendFrame(w.obuf[:0], wire.OpPong, false, f.Payload, true, w.mask())
		w.write(i, k, w.obuf)
	case f.Op == wire.OpPong:
	case f.Fin && v.part == 0 && f.Op != wire.OpContinuation:
		w.text(i, v, k, f.RSV1, f.Payload)
	default:
		// A message in fragments (RFC 6455 section 5.4). The first may be empty, so
		// a byte in front marks that there is one.
		if (v.part == 0) == (f.Op == wire.OpContinuation) {
			w.broken(i, k, "a fragment does not belong to a message")
			return
		}
		if v.part == 0 {
			v.partRSV = f.RSV1
			w.spills.add(&v.part, []byte{0})
		}
		w.spills.add(&v.part, f.Payload)
		if f.Fin {
			whole := bytes.Clone(w.spills.get(v.part)[1:])
			w.spills.drop(&v.part)
			w.text(i, v, k, v.partRSV, whole)
		}
	}
}

// text takes a whole message.
func (w *Worker) text(i int, v *session, k int, compressed bool, b []byte) {
	if compressed {
		var ok bool
		if b, ok = w.inflate(i, v, k, b); !ok {
			return
		}
	}
	switch {
	case w.job.Target.Transport == job.RawWS:
		w.take(i, b, false)
	case k == linkProbe && v.main != linkProbe:
		w.probed(i, v, b)
	default:
		w.packet(i, v, b)
	}
}

// inflate takes a compressed message apart.
func (w *Worker) inflate(i int, v *session, k int, b []byte) ([]byte, bool) {
	if !v.is(flagDeflate) {
		w.broken(i, k, "a compressed message came though none was agreed on")
		return nil, false
	}
	w.count.Deflated++
	w.count.DeflatedBytes += uint64(len(b))
	out, err := w.inflater.Inflate(b, w.windows[int32(i)], messageLimit)
	if err != nil {
		w.broken(i, k, err.Error())
		return nil, false
	}
	if v.is(flagTakeover) {
		w.windows[int32(i)] = wire.AppendWindow(w.windows[int32(i)], out)
	}
	w.count.InflatedBytes += uint64(len(out))
	return out, true
}

// mask is the key for the next frame.
func (w *Worker) mask() uint32 {
	if w.job.ZeroMask {
		return 0
	}
	return w.rng.Uint32()
}

// enqueue appends a packet to what goes out next: to obuf, or for a polling
// session to its queue.
func (w *Worker) enqueue(i int, v *session, b []byte) {
	switch {
	case v.is(flagPolling):
		w.zbuf = w.zbuf[:0]
		if w.job.Target.Revision == 3 {
			w.zbuf = wire.AppendPacket(w.zbuf, b, 3)
		} else {
			if v.queue != 0 {
				w.zbuf = append(w.zbuf, wire.Separator)
			}
			w.zbuf = append(w.zbuf, b...)
		}
		w.spills.add(&v.queue, w.zbuf)
	case w.job.Target.Transport == job.RawTCP:
		w.obuf = append(w.obuf, b...)
	case v.is(flagDeflate) && len(b) >= w.job.Deflate.Threshold:
		w.zbuf = w.deflater.Append(w.zbuf[:0], b)
		w.obuf = wire.AppendFrame(w.obuf, wire.OpText, true, w.zbuf, true, w.mask())
	default:
		w.obuf = wire.AppendFrame(w.obuf, wire.OpText, false, b, true, w.mask())
	}
}

// send sends what enqueue gathered.
func (w *Worker) send(i int, v *session) {
	if v.is(flagPolling) {
		w.post(i, v)
		return
	}
	w.write(i, int(v.main), w.obuf)
}

// sendPacket sends one Engine.IO packet.
func (w *Worker) sendPacket(i int, v *session, b []byte) {
	w.obuf = w.obuf[:0]
	w.enqueue(i, v, b)
	w.send(i, v)
}

// write writes to a link and keeps what the kernel does not take.
func (w *Worker) write(i, k int, b []byte) {
	v := &w.sessions[i]
	l := &v.links[k]
	if l.fd < 0 {
		return
	}
	w.count.BytesOut += uint64(len(b))
	if l.out != 0 {
		w.spills.add(&l.out, b)
		return
	}
	n, err := unix.Write(int(l.fd), b)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		w.broken(i, k, phaseOf(v)+err.Error())
		return
	}
	if n = max(n, 0); n < len(b) {
		w.spills.add(&l.out, b[n:])
		w.arm(i, k, w.interest(v)|unix.EPOLLOUT)
	}
}

// interest is the events that a link waits for apart from room to write.
func (w *Worker) interest(v *session) uint32 {
	if v.is(flagSlow) {
		return unix.EPOLLRDHUP
	}
	return unix.EPOLLIN | unix.EPOLLRDHUP
}

// flush writes what was kept. It reports false if the link is gone.
func (w *Worker) flush(i, k int) bool {
	v := &w.sessions[i]
	l := &v.links[k]
	n, err := unix.Write(int(l.fd), w.spills.get(l.out))
	if err != nil {
		if err == unix.EAGAIN || err == unix.EINTR {
			return true
		}
		w.now = w.clock.now()
		w.broken(i, k, phaseOf(v)+err.Error())
		return false
	}
	w.spills.cut(&l.out, n)
	if l.out == 0 {
		w.arm(i, k, w.interest(v))
	}
	return true
}
