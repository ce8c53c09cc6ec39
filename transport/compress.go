// Compressed answers to polls: which ones, and long ones in pieces.

package transport

import (
	"github.com/sioserver/sioserver/transport/coding"
)

const (
	// compressSlice is how many bytes are compressed in one turn of the loop, 0.1
	// to 0.3 ms of work: longer answers are compressed piece by piece, and others
	// have their turn between two of them.
	compressSlice = 32 << 10
	// compressBacklog is how many bytes of long answers may wait on a loop to be
	// compressed. What comes beyond is answered as it is.
	compressBacklog = 8 << 20
)

// coding is the coding that the request at hand wants its answer in.
func (e *Engine) coding() coding.Coding {
	r := &e.req
	if e.opts.CompressFrom == 0 || r.AcceptEncoding == nil {
		return coding.Identity
	}
	last := &e.accepted
	if r.EncodingLines == 1 && string(r.AcceptEncoding) == string(last.line) {
		return last.coding
	}
	var a coding.Accept
	r.EachValue("Accept-Encoding", a.Add)
	c := a.Best(coding.Gzip, coding.Deflate)
	if r.EncodingLines == 1 && len(r.AcceptEncoding) <= acceptKeep {
		last.line, last.coding = append(last.line[:0], r.AcceptEncoding...), c
	}
	return c
}

// accepted is an Accept-Encoding line and what it means. Most clients send the
// same, so that the last one is remembered.
type accepted struct {
	line   []byte
	coding coding.Coding
}

// acceptKeep is the length in bytes up to which a line is remembered.
const acceptKeep = 100

// compressible reports whether a spool holds a message that may be compressed.
func compressible(spool []byte) bool {
	for len(spool) > 0 {
		kind := spool[0]
		if kind < spoolPacket {
			return true
		}
		_, spool = nextSpooled(spool)
	}
	return false
}

// answerCoded answers a request with a payload, compressed if that is worth it.
func (e *Engine) answerCoded(ref ExchangeRef, a answer, c coding.Coding) {
	n := len(a.body)
	if c == coding.Identity || n < e.opts.CompressFrom {
		e.answer(ref, a)
		return
	}
	if n > compressSlice {
		e.answerLater(ref, a, c)
		return
	}
	out := e.buffers.get()
	out.B = coding.Append(out.B, a.body, c, e.opts.CompressLevel)
	e.answerSmaller(ref, a, c, out.B)
	e.buffers.put(out)
}

// answerSmaller answers with the coded body, or with the plain one if that is
// not larger.
func (e *Engine) answerSmaller(ref ExchangeRef, a answer, c coding.Coding, coded []byte) {
	e.stats.CompressedIn += uint64(len(a.body))
	e.stats.CompressedOut += uint64(min(len(coded), len(a.body)))
	if len(coded) < len(a.body) {
		a.body, a.coding = coded, c
	}
	e.answer(ref, a)
}

// compression is a long answer that is being compressed or waits for it. A loop
// compresses one at a time, so that it needs one compressor for all of them.
type compression struct {
	ref    ExchangeRef
	answer answer // its body lies in plain
	coding coding.Coding
	plain  *buffer
	done   int // bytes of it
}

// compressions are the long answers of a loop, the one being compressed first.
type compressions struct {
	queue []*compression
	bytes int
	with  *coding.Compressor // has begun the first
	out   *buffer
}

// answerLater answers with a long body once it has been compressed.
func (e *Engine) answerLater(ref ExchangeRef, a answer, c coding.Coding) {
	l := &e.later
	if l.bytes > 0 && l.bytes+len(a.body) > compressBacklog {
		e.stats.Limits[LimitCompressing]++
		e.answer(ref, a)
		return
	}
	job := &compression{ref: ref, answer: a, coding: c, plain: e.buffers.get()}
	job.plain.B = append(job.plain.B, a.body...)
	job.answer.body = job.plain.B
	l.bytes += len(a.body)
	l.queue = append(l.queue, job)
	if len(l.queue) == 1 {
		e.Post(compressTask{})
	}
}

// compressTask compresses the next piece of a long answer.
type compressTask struct{}

// Run implements [Task].
func (compressTask) Run(e *Engine) {
	l := &e.later
	job := l.queue[0]
	if l.with == nil {
		l.with, l.out = coding.Borrow(e.opts.CompressLevel), e.buffers.get()
		l.with.Begin(l.out.B, job.coding)
	}
	piece := job.plain.B[job.done:]
	piece = piece[:min(len(piece), compressSlice)]
	l.with.Write(piece)
	if job.done += len(piece); job.done < len(job.plain.B) {
		e.Post(compressTask{})
		return
	}
	out := l.out
	out.B = l.with.End()
	l.with.Return()
	l.with, l.out = nil, nil
	l.bytes -= job.done
	l.queue[0] = nil
	if l.queue = l.queue[1:]; len(l.queue) > 0 {
		e.Post(compressTask{})
	} else {
		l.queue = nil
	}
	defer e.buffers.put(job.plain)
	defer e.buffers.put(out)
	e.answerSmaller(job.ref, job.answer, job.coding, out.B)
}
