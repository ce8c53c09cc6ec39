// What a server counts.

package loop

import (
	"context"

	"github.com/sioserver/sioserver/transport"
)

// The limits of this package, behind those of the transport.
const (
	limitNamespaces = iota
	limitRefusedNamespaces
	limitAttachmentTime
	limitAcks
	limitUnknownAcks
	limitPendingEvents
	limitCount
)

var limitNames = [...]string{
	limitNamespaces:        "namespaces",
	limitRefusedNamespaces: "refused_namespaces",
	limitAttachmentTime:    "attachment_time",
	limitAcks:              "acks",
	limitUnknownAcks:       "unknown_acks",
	limitPendingEvents:     "pending_events",
}

// loopStats are the counters of one loop.
type loopStats struct {
	connects, disconnects, refusals uint64
	events                          uint64
	deliveries, volatileDropped     uint64
	limits                          [limitCount]uint64

	acks                        uint64 // that were due, from clients
	ackTimeouts, ackDisconnects uint64
	ackTimes                    [len(ackBounds) + 1]uint64
	ackMillis                   uint64 // of all together
	// broadcasts are those from this loop to sockets of it, by all their receivers;
	// others are counted by receivers.
	broadcasts [len(receiverBounds) + 1]uint64

	live   [transport.Kinds]int
	opened [transport.Kinds]uint64
	closed [transport.Kinds][transport.CloseReasons]uint64
}

func (s *loopStats) limit(i int) { s.limits[i]++ }

// acked counts an acknowledgement by the milliseconds that it took.
func (s *loopStats) acked(ms int64) {
	s.acks++
	s.ackMillis += uint64(ms)
	s.ackTimes[place(ackBounds[:], float64(ms)/1000)]++
}

// Stats are counters of a server since it was made, and present numbers.
type Stats struct {
	Connections int // open now
	Sessions    int // Engine.IO sessions now
	Sockets     int // connected to a namespace now

	ConnectionsOpened  uint64
	ConnectionsRefused uint64 // because of MaxConnections
	SessionsOpened     uint64
	Upgrades           uint64 // from polling to websocket
	Connects           uint64 // joins of namespaces
	Refusals           uint64 // joins refused
	Disconnects        uint64
	BytesIn, BytesOut  uint64
	Writes             uint64 // system calls, about
	CompressedIn       uint64 // bytes of answers to polls that were compressed, before
	CompressedOut      uint64 // and after
	Inflated           uint64 // websocket messages that came compressed
	InflatedIn         uint64 // their bytes as they came
	InflatedOut        uint64 // and inflated
	Deflated           uint64 // websocket messages that went out compressed, for each receiver
	DeflatedIn         uint64 // their bytes before
	DeflatedOut        uint64 // and after
	Deflations         uint64 // times that one was compressed, for any number of receivers
	IOUring            IOUringStats
	MessagesIn         uint64 // Engine.IO messages
	MessagesOut        uint64
	Events             uint64 // from clients
	EventsUnhandled    uint64 // without a handler
	Deliveries         uint64 // of broadcasts
	VolatileDropped    uint64
	SlowClients        uint64            // times that a client was found not to keep up, see [Server.OnSlow]
	SlowDropped        map[string]uint64 // messages that were dropped for such clients, by "drop_newest", "drop_oldest" and "conflate"
	TLSHandshakes      uint64            // completed
	TLSFailures        uint64            // handshakes that were begun and failed
	TLSFaults          uint64            // connections that broke TLS after their handshake
	ProxyFailures      uint64            // connections closed because of their PROXY header, or because they were not of a trusted proxy
	Panics             uint64
	Restarts           uint64            // of the event loops, after accepting failed
	Recovered          uint64            // sockets that came back
	RecoveryFailures   map[string]uint64 // clients that could not, by [Socket.RecoveryFailure]
	RecoveryGaps       uint64            // times that a namespace's events got lost between servers
	LimitHits          map[string]uint64 // by name of the limit

	Acks           uint64 // acknowledgements from clients that were due
	AckTimeouts    uint64 // that did not come while somebody waited
	AckDisconnects uint64 // that did not come because the client went
	// AckSeconds is how long those that came took, to the millisecond.
	AckSeconds Histogram
	// BroadcastReceivers is to how many sockets of this server each broadcast went.
	BroadcastReceivers Histogram

	RefusedAdmission uint64 // handshakes, by [Server.SetAdmission]
	// Transports are the sessions by what carries them now, or did last:
	// "polling", "websocket", and "custom" for those of [Server.Bind].
	Transports map[string]TransportStats
	Loops      []LoopStats // of the event loops, in their order
}

// TransportStats are the sessions of one transport.
type TransportStats struct {
	Sessions int                         // now
	Opened   uint64                      // that began with it
	Closed   map[DisconnectReason]uint64 // that ended with it
}

// LoopStats are the numbers of one event loop.
type LoopStats struct {
	Connections, Sessions, Sockets int // now
	Events, Deliveries             uint64
	BytesIn, BytesOut              uint64
}

// kindNames are the transports in [Stats.Transports].
var kindNames = [...]string{
	transport.KindPolling: Polling, transport.KindWebSocket: WebSocket, transport.KindCarried: "custom",
}

// IOUringStats count output that left by io_uring.
type IOUringStats struct {
	InUse     bool   // on every loop
	Submits   uint64 // system calls
	Sends     uint64 // writes
	Short     uint64 // of these, those that did not take all; the rest went on without io_uring
	Fallbacks uint64 // writes for which the kernel had no room; they went without io_uring
}

// Stats asks every loop for its counters. It waits for the answers, so an
// inline handler must not call it ([ErrOnLoop]).
func (s *Server) Stats(ctx context.Context) (Stats, error) {
	shaking := s.engines[0].Handshakes()
	total := Stats{
		Connections: s.reactor.Conns(), ConnectionsRefused: s.reactor.Refused(),
		Restarts: s.reactor.Restarts(), ProxyFailures: s.reactor.Untrusted(), Panics: s.panics.Load(),
		TLSHandshakes: shaking.Done, TLSFailures: shaking.Failed,
		Recovered:    s.recoveries.recovered.Load(),
		RecoveryGaps: s.recoveries.gaps.Load(),
		RecoveryFailures: map[string]uint64{
			RecoveryUnknownSession: s.recoveries.unknownSession.Load(),
			RecoveryUnknownOffset:  s.recoveries.unknownOffset.Load(),
			RecoveryTimeout:        s.recoveries.timeout.Load(),
			RecoveryFailed:         s.recoveries.failed.Load(),
			RecoveryBusy:           s.recoveries.busy.Load(),
		},
		LimitHits: map[string]uint64{
			"dynamic_namespaces": s.full.Load(),
			"connection_errors":  s.refusals.missed.Load(),
			"room_events":        s.roomEvents.Load(),
			"recovery_bytes":     s.recoveries.bytes.Load(),
			"recovery_sessions":  s.recoveries.sessions.Load(),
			"http_connections":   s.web.hits.Load(),
			"tls_handshakes":     shaking.Queued,
			"tls_evicted":        shaking.Evicted,
			"loop_tasks":         s.refusedTasks(),
		},
	}
	ring := s.reactor.Flush()
	total.IOUring = IOUringStats{InUse: ring.Ring, Submits: ring.Submits, Sends: ring.Sends, Short: ring.Short, Fallbacks: ring.Fallbacks}
	total.SlowDropped = map[string]uint64{}
	if s.onLoop() {
		return total, ErrOnLoop
	}
	answers := make(chan func(*Stats), len(s.loops))
	for _, l := range s.loops {
		l.engine.Post(&statsTask{l, answers})
	}
	total.RefusedAdmission = s.notAdmitted.Load()
	total.AckSeconds, total.BroadcastReceivers = newHistogram(ackBounds[:]), newHistogram(receiverBounds[:])
	s.receivers.addTo(&total.BroadcastReceivers)
	total.Loops = make([]LoopStats, len(s.loops))
	total.Transports = map[string]TransportStats{}
	for _, name := range kindNames {
		total.Transports[name] = TransportStats{Closed: map[DisconnectReason]uint64{}}
	}
	for range s.loops {
		select {
		case add := <-answers:
			add(&total)
		case <-ctx.Done():
			return total, ctx.Err()
		case <-s.done:
			return total, ErrClosed
		}
	}
	return total, nil
}

// statsTask copies the counters of a loop.
type statsTask struct {
	loop    *Loop
	answers chan<- func(*Stats)
}

// Run implements [transport.Task].
func (t *statsTask) Run(e *transport.Engine) {
	own, below, unhandled, index := t.loop.stats, e.Stats(), t.loop.unhandled.Load(), t.loop.index
	t.answers <- func(s *Stats) {
		own.addTo(s)
		s.Loops[index] = LoopStats{
			Connections: below.Conns, Sessions: below.Sessions, Sockets: int(own.connects - own.disconnects),
			Events: own.events, Deliveries: own.deliveries, BytesIn: below.BytesIn, BytesOut: below.BytesOut,
		}
		s.Sessions += below.Sessions
		s.ConnectionsOpened += below.ConnsOpened
		s.SessionsOpened += below.SessionsOpened
		s.Upgrades += below.Upgrades
		s.BytesIn += below.BytesIn
		s.BytesOut += below.BytesOut
		s.Writes += below.Writes
		s.CompressedIn += below.CompressedIn
		s.CompressedOut += below.CompressedOut
		s.Inflated += below.Inflated
		s.InflatedIn += below.InflatedIn
		s.InflatedOut += below.InflatedOut
		s.Deflated += below.Deflated
		s.DeflatedIn += below.DeflatedIn
		s.DeflatedOut += below.DeflatedOut
		s.Deflations += below.Deflations
		s.MessagesIn += below.MessagesIn
		s.MessagesOut += below.MessagesOut
		s.EventsUnhandled += unhandled
		s.SlowClients += below.SlowClients
		s.SlowDropped[SlowDropNewest.String()] += below.DroppedNewest
		s.SlowDropped[SlowDropOldest.String()] += below.DroppedOldest
		s.SlowDropped[SlowConflate.String()] += below.Conflated
		s.Panics += below.Panics
		s.TLSFaults += below.TLSFaults
		s.ProxyFailures += below.ProxyFailures
		for i, n := range below.Limits {
			s.LimitHits[transport.Limit(i).String()] += n
		}
	}
}

// addTo adds what a loop of this package has counted.
func (own *loopStats) addTo(s *Stats) {
	s.Sockets += int(own.connects - own.disconnects)
	s.Connects += own.connects
	s.Refusals += own.refusals
	s.Disconnects += own.disconnects
	s.Events += own.events
	s.Acks += own.acks
	s.AckTimeouts += own.ackTimeouts
	s.AckDisconnects += own.ackDisconnects
	s.AckSeconds.Sum += float64(own.ackMillis) / 1000
	for i, n := range own.ackTimes {
		s.AckSeconds.Counts[i] += n
	}
	for i, n := range own.broadcasts {
		s.BroadcastReceivers.Counts[i] += n
	}
	s.BroadcastReceivers.Sum += float64(own.deliveries)
	s.Deliveries += own.deliveries
	s.VolatileDropped += own.volatileDropped
	for i, n := range own.limits {
		s.LimitHits[limitNames[i]] += n
	}
	for kind, name := range kindNames {
		t := s.Transports[name]
		t.Sessions += own.live[kind]
		t.Opened += own.opened[kind]
		for reason, n := range own.closed[kind] {
			if n > 0 {
				t.Closed[DisconnectReason(transport.CloseReason(reason).String())] += n
			}
		}
		s.Transports[name] = t
	}
}
