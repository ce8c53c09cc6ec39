// HTTP long polling, and the way from it to a websocket.

package worker

import (
	"bytes"
	"strconv"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// appendRequest appends a request head of a polling session up to its headers.
func (w *Worker) appendRequest(dst []byte, method string, i int) []byte {
	dst = append(append(dst, method...), ' ')
	dst = append(dst, w.requests.target(&w.job.Target, job.Polling)...)
	dst = append(dst, "&sid="...)
	dst = append(dst, w.sid(i)...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, w.requests.host...)
	dst = append(dst, "\r\n"...)
	return append(dst, w.requests.headers...)
}

// poll sends the next GET, unless the upgrade wants quiet.
func (w *Worker) poll(i int, v *session) {
	if v.is(flagGetBusy|flagPaused) || !v.is(flagPolling) {
		return
	}
	if v.links[linkMain].fd < 0 {
		w.dial(i, linkMain)
		return
	}
	if !v.links[linkMain].up {
		return
	}
	v.flags |= flagGetBusy
	w.count.Requests++
	w.obuf = append(w.appendRequest(w.obuf[:0], "GET", i), "\r\n"...)
	w.write(i, linkMain, w.obuf)
}

// post sends what is queued in one POST, if none is on its way and the upgrade
// does not want quiet.
func (w *Worker) post(i int, v *session) {
	if v.queue == 0 || v.is(flagPostBusy|flagPaused) {
		return
	}
	l := &v.links[linkPost]
	if l.fd < 0 {
		w.dial(i, linkPost)
		return
	}
	if !l.up {
		return
	}
	v.flags |= flagPostBusy
	w.count.Requests++
	body := w.spills.get(v.queue)
	w.obuf = append(w.appendRequest(w.obuf[:0], "POST", i), "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: "...)
	w.obuf = strconv.AppendInt(w.obuf, int64(len(body)), 10)
	w.obuf = append(w.obuf, "\r\n\r\n"...)
	w.obuf = append(w.obuf, body...)
	w.spills.drop(&v.queue)
	w.write(i, linkPost, w.obuf)
}

// responses takes the complete answers in data.
func (w *Worker) responses(i int, v *session, k int, data []byte) (n int) {
	generation := v.generation
	fd := v.links[k].fd
	for n < len(data) {
		m, size, err := wire.ParseResponse(data[n:], messageLimit)
		if err != nil {
			w.end(i, phaseOf(v)+err.Error())
			return n
		}
		if size == 0 {
			return n
		}
		n += size
		v.links[k].used = true
		last := bytes.EqualFold(m.Header("Connection"), []byte("close"))
		if m.Status != 200 {
			w.end(i, phaseOf(v)+statusText(m))
			return n
		}
		if last {
			w.closeLink(v, k)
		}
		if k == linkPost {
			v.flags &^= flagPostBusy
			w.finishUpgrade(i, v)
			if v.generation == generation {
				w.post(i, v)
			}
		} else {
			w.polled(i, v, m.Body)
		}
		if v.generation != generation || v.links[k].fd != fd {
			return n
		}
	}
	return n
}

// polled takes the body of a GET's answer.
func (w *Worker) polled(i int, v *session, body []byte) {
	v.flags &^= flagGetBusy
	if v.state == stateHTTP {
		w.phase(v, w.rec.http)
		v.state = stateOpen
	}
	generation := v.generation
	for len(body) > 0 {
		packet, rest, err := wire.NextPacket(body, w.job.Target.Revision)
		if err != nil {
			w.end(i, phaseOf(v)+err.Error())
			return
		}
		body = rest
		w.packet(i, v, packet)
		if v.generation != generation {
			return
		}
	}
	w.finishUpgrade(i, v)
	if v.generation == generation {
		w.poll(i, v)
	}
}

// beginUpgrade opens the websocket that shall take the session over.
func (w *Worker) beginUpgrade(i int, v *session) {
	v.probed = w.clock.now()
	w.dial(i, linkProbe)
}

// sendProbe asks for the websocket.
func (w *Worker) sendProbe(i int, v *session) {
	t := &w.job.Target
	target := w.requests.target(t, job.WebSocket) + "&sid=" + string(w.sid(i))
	w.obuf = wire.AppendUpgradeRequest(w.obuf[:0], w.requests.host, target, w.requests.key, w.requests.headers+w.requests.extensions)
	w.write(i, linkProbe, w.obuf)
}

// sayProbe sends the probe.
func (w *Worker) sayProbe(i int, v *session) {
	w.obuf = wire.AppendFrame(w.obuf[:0], wire.OpText, false, []byte("2probe"), true, w.mask())
	w.write(i, linkProbe, w.obuf)
}

// probed takes the answer to the probe: from now on no request begins.
func (w *Worker) probed(i int, v *session, b []byte) {
	if string(b) != "3probe" {
		w.broken(i, linkProbe, "the probe was not answered with a pong")
		return
	}
	v.flags |= flagProbed | flagPaused
	w.finishUpgrade(i, v)
}

// finishUpgrade moves the session to the websocket once no request is on its
// way.
func (w *Worker) finishUpgrade(i int, v *session) {
	if !v.is(flagProbed) || v.is(flagGetBusy|flagPostBusy) || v.main == linkProbe {
		return
	}
	v.main = linkProbe
	v.flags &^= flagPolling | flagPaused
	w.closeLink(v, linkMain)
	w.closeLink(v, linkPost)
	w.count.Upgraded++
	w.hist("upgrade").Record(w.now - v.probed)
	w.obuf = w.obuf[:0]
	w.enqueue(i, v, []byte{wire.Upgrade})
	queued := bytes.Clone(w.spills.get(v.queue))
	w.spills.drop(&v.queue)
	for len(queued) > 0 {
		packet, rest, err := wire.NextPacket(queued, w.job.Target.Revision)
		if err != nil {
			break
		}
		queued = rest
		w.enqueue(i, v, packet)
	}
	w.send(i, v)
}

// probeFailed lets the session stay on polling.
func (w *Worker) probeFailed(i int, v *session, why string) {
	w.probesFailed++
	w.fault("upgrade: " + why)
	v.flags &^= flagPaused | flagProbed
	if v.state == stateUp {
		w.poll(i, v)
	}
	if v.state == stateUp {
		w.post(i, v)
	}
}
