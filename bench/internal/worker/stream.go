// Streams: schedules, who sends, and the bytes of a message.

package worker

import (
	"iter"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/stamp"
)

// never is a time that does not come.
const never = math.MaxInt64

// stream is the state of one flow of messages at this worker.
type stream struct {
	job.Stream
	id uint8
	// The message is head, for acknowledgements an id, more, for rooms the number,
	// the stamp, tail.
	head, more, tail []byte
	due              schedule
	cursor           int
	// next is the number of the next message of each sender, track what each
	// receiver has of each sender. What the indexes mean depends on the kind.
	next  []uint32
	track []stamp.Tracker
	owed  int
	ackID uint64
	// refused counts publications that the server did not take.
	refused           uint64
	lasts             map[lastKey]last
	count             job.Count
	response, service *hist.Recorder
	baseline          *hist.Recorder
}

type lastKey struct{ sender, seq uint32 }

type last struct {
	got int
	ns  int64
}

// selfEcho reports whether the answer comes back to who sent the message.
func (s *stream) selfEcho() bool { return s.Kind == job.Echo || s.Kind == job.Ack }

// fansOut reports whether a message has many receivers.
func (s *stream) fansOut() bool {
	return s.Kind == job.Bcast || s.Kind == job.Room || s.Kind == job.API
}

// makeStreams prepares the streams of the job.
func (w *Worker) makeStreams() {
	j := &w.job
	for id, spec := range j.Streams {
		s := &stream{Stream: spec, id: uint8(id)}
		s.Turn = max(s.Turn, 1)
		w.makeMessage(s)
		locals := len(w.sessions)
		switch {
		case s.Kind == job.Bcast:
			s.Senders = min(max(s.Senders, 1), j.Total)
			s.next = make([]uint32, (s.Senders-j.Worker+j.Workers-1)/j.Workers)
			s.track = make([]stamp.Tracker, s.Senders*locals)
		case s.Kind == job.API:
			s.next = make([]uint32, 1)
			s.track = make([]stamp.Tracker, j.Workers*locals)
		default:
			s.next = make([]uint32, locals)
			if s.Kind != job.Sink {
				s.track = make([]stamp.Tracker, locals)
			}
		}
		if s.Kind == job.Bcast || s.Kind == job.API {
			s.lasts = map[lastKey]last{}
		}
		n := strconv.Itoa(id)
		s.response, s.service = w.hist("response."+n), w.hist("service."+n)
		if j.Slow != nil {
			s.baseline = w.hist("baseline." + n)
		}
		w.streams = append(w.streams, s)
	}
}

// makeMessage prepares the constant parts of a message.
func (w *Worker) makeMessage(s *stream) {
	t := &w.job.Target
	fill := filling(s.Payload, max(s.Size-stamp.Size, 0), w.rng)
	if t.Transport == job.RawTCP || t.Transport == job.RawWS {
		s.tail = fill
		return
	}
	s.head = []byte("42")
	if t.Namespace != "" && t.Namespace != "/" {
		s.head = append(append(s.head, t.Namespace...), ',')
	}
	event := s.Kind
	if s.Kind == job.Ack {
		event = job.Echo
	}
	s.more = []byte(`["` + event + `","`)
	if s.Kind == job.Room {
		s.more = []byte(`["room","r`)
	}
	if s.Kind == job.API {
		s.head = append(s.head[:0], `{"event":"bcast","args":["`...)
		s.more = nil
	}
	if s.Payload == "json" && len(fill) > 0 {
		s.tail = append([]byte(`",`), fill...)
	} else {
		s.tail = append(fill, '"')
	}
	s.tail = append(s.tail, ']')
	if s.Kind == job.API {
		s.tail = append(s.tail, '}')
	}
}

// words are what text and JSON payloads are made of.
var words = [...]string{"order", "price", "status", "pending", "user", "message", "room", "update", "amount", "delivered", "north", "river", "seven", "quick"}

// filling is n bytes of a kind that stand in a JSON string, or for json a value
// of about n bytes.
func filling(kind string, n int, rng *rand.Rand) []byte {
	b := make([]byte, 0, n+64)
	switch kind {
	case "random":
		const set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		for len(b) < n {
			b = append(b, set[rng.IntN(len(set))])
		}
	case "text":
		for len(b) < n {
			b = append(append(b, words[rng.IntN(len(words))]...), ' ')
		}
		b = b[:n]
	case "json":
		if n < 24 {
			return b
		}
		b = append(b, '{')
		for i := 0; len(b) < n-24; i++ {
			b = append(b, '"')
			b = append(b, words[i%len(words)]...)
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, `":`...)
			if i%2 == 0 {
				b = strconv.AppendInt(b, rng.Int64N(100000), 10)
			} else {
				b = append(append(append(b, '"'), words[rng.IntN(len(words))]...), '"')
			}
			b = append(b, ',')
		}
		b = append(b, `"end":0}`...)
	default:
		for len(b) < n {
			b = append(b, '0')
		}
	}
	return b
}

// appendMessage appends one message to dst.
func (s *stream) appendMessage(dst []byte, m stamp.Stamp, room uint32) []byte {
	dst = append(dst, s.head...)
	if s.Kind == job.Ack {
		s.ackID++
		dst = strconv.AppendUint(dst, s.ackID, 10)
	}
	dst = append(dst, s.more...)
	if s.Kind == job.Room {
		dst = strconv.AppendUint(dst, uint64(room), 10)
		dst = append(dst, `","`...)
	}
	dst = m.Append(dst)
	return append(dst, s.tail...)
}

// senderAt is the number of the session behind an index of next.
func (s *stream) senderAt(w *Worker, n int) (sender uint32, ok bool) {
	if s.Kind == job.API {
		return uint32(w.job.Worker), true
	}
	g := w.number(n)
	return g, s.Kind != job.Room || g == w.roomSender(g)
}

// refusedBy is how many of a sender's messages the server did not take.
func (s *stream) refusedBy(int) uint64 { return s.refused }

// sendersTo yields who sends to a session: the index in track and the sender.
func (s *stream) sendersTo(w *Worker, i int) iter.Seq2[int, uint32] {
	return func(yield func(int, uint32) bool) {
		switch s.Kind {
		case job.Room:
			yield(i, w.roomSender(w.number(i)))
		case job.Bcast:
			for n := range s.Senders {
				if !yield(n*len(w.sessions)+i, uint32(n)) {
					return
				}
			}
		case job.API:
			for n := range w.job.Workers {
				if !yield(n*len(w.sessions)+i, uint32(n)) {
					return
				}
			}
		}
	}
}

// slot is the index in track of a sender at a session; it reports false for a
// message that the session should not have got.
func (s *stream) slot(w *Worker, i int, sender uint32) (int, bool) {
	switch s.Kind {
	case job.Echo, job.Ack:
		return i, sender == w.number(i)
	case job.Room:
		return i, sender == w.roomSender(w.number(i))
	case job.Bcast:
		return int(sender)*len(w.sessions) + i, int(sender) < s.Senders
	case job.API:
		return int(sender)*len(w.sessions) + i, int(sender) < w.job.Workers
	}
	return 0, false
}

// number is the number of a session among all workers.
func (w *Worker) number(i int) uint32 { return uint32(w.job.Worker + i*w.job.Workers) }

// roomSender is the number of the session that sends to the room of session g.
// It is another member in each room, so that the senders spread over the
// workers.
func (w *Worker) roomSender(g uint32) uint32 {
	size := uint32(w.job.RoomSize)
	room := g / size
	if sender := room*size + room%size; sender < uint32(w.job.Total) {
		return sender
	}
	return room * size
}

// schedule is a series of absolute times.
type schedule struct {
	start   int64
	gap     float64
	phase   float64
	k       int64
	poisson float64
	rng     *rand.Rand
	next    int64
}

// newSchedule begins a schedule of rate times a second; with a rate of 0 no time
// comes.
func newSchedule(start int64, rate, phase float64, rng *rand.Rand) schedule {
	if rate <= 0 {
		return schedule{next: never}
	}
	s := schedule{start: start, gap: 1e9 / rate, phase: phase, rng: rng}
	s.k = -1
	s.step()
	return s
}

// step goes on to the next time. Equal gaps are computed from the start, so that
// no error adds up.
func (s *schedule) step() {
	s.k++
	if s.rng != nil {
		s.poisson += s.rng.ExpFloat64() * s.gap
		s.next = s.start + int64(s.poisson)
		return
	}
	s.next = s.start + int64((float64(s.k)+s.phase)*s.gap)
}
