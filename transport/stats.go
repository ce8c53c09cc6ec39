// What an engine counts.

package transport

// Limit names a limit that a peer can hit.
type Limit uint8

// The limits of the transport. What waits for a client is outbound on a
// connection, buffered for the next poll.
const (
	LimitOutbound Limit = iota
	LimitStall
	LimitMessageTime
	LimitBodyRate
	LimitRequestTime
	LimitUpgradeTime
	LimitRequest
	LimitRequests
	LimitPipelined
	LimitPayloadPackets
	LimitMessage
	LimitPongs
	LimitConnectTime
	LimitBuffered
	LimitOutboundBurst
	LimitBufferedBurst
	LimitDiscarded
	LimitGated
	LimitGateTime
	LimitGateBytes
	LimitCompressing
	LimitInflated
	LimitHandshakeTime
	LimitHandshakeBytes
	LimitProxyTime
	LimitRawInput
	LimitRawIdle
	limitCount
)

var limitNames = [...]string{
	LimitOutbound:       "outbound",
	LimitStall:          "stall",
	LimitMessageTime:    "message_time",
	LimitBodyRate:       "body_rate",
	LimitRequestTime:    "request_time",
	LimitUpgradeTime:    "upgrade_time",
	LimitRequest:        "request",
	LimitRequests:       "requests",
	LimitPipelined:      "pipelined",
	LimitPayloadPackets: "payload_packets",
	LimitMessage:        "message",
	LimitPongs:          "pongs",
	LimitConnectTime:    "connect_time",
	LimitBuffered:       "buffered",
	LimitOutboundBurst:  "outbound_burst",
	LimitBufferedBurst:  "buffered_burst",
	LimitDiscarded:      "discarded",
	LimitGated:          "gated",
	LimitGateTime:       "gate_time",
	LimitGateBytes:      "gate_bytes",
	LimitCompressing:    "compressing",
	LimitInflated:       "inflated",
	LimitHandshakeTime:  "tls_handshake_time",
	LimitHandshakeBytes: "tls_handshake_bytes",
	LimitProxyTime:      "proxy_time",
	LimitRawInput:       "raw_input",
	LimitRawIdle:        "raw_idle",
}

// String is the name of the limit for logs and metrics. Any goroutine.
func (l Limit) String() string { return limitNames[l] }

// Stats are the counters of one engine, or the sum of several. All but the
// first ones only grow.
type Stats struct {
	Conns, Sessions, Timers int // at present
	Buffers                 int // in use at present; they wander, so only the sum of all engines means something

	ConnsOpened, ConnsClosed       uint64
	SessionsOpened, SessionsClosed uint64
	Upgrades                       uint64
	BytesIn, BytesOut, Writes      uint64
	MessagesIn, MessagesOut        uint64
	Requests, Panics               uint64
	CompressedIn, CompressedOut    uint64 // bytes of answers to polls before and after
	TLSFaults                      uint64 // connections that broke TLS after their handshake
	ProxyFailures                  uint64 // connections closed because of their PROXY header

	// Clients that were told to be slow, and messages for them that were dropped.
	SlowClients                             uint64
	DroppedNewest, DroppedOldest, Conflated uint64

	// Websocket messages that came compressed, their bytes as they came and
	// inflated; those that went out compressed, counted for each client, their
	// bytes before and after; and runs of compressors, one for many clients.
	Inflated, InflatedIn, InflatedOut uint64
	Deflated, DeflatedIn, DeflatedOut uint64
	Deflations                        uint64

	Limits [limitCount]uint64 // hits, by Limit
}

// Stats returns the counters of the engine. Loop only.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Conns, s.Sessions, s.Timers = e.live.conns, e.live.sessions, e.timers.Len()
	s.Buffers = e.buffers.lent
	if e.deflaters != nil && e.index == 0 {
		s.Deflations += e.deflaters.runs.Load()
	}
	return s
}

// deflated counts compressed messages on their way to one client.
func (s *Stats) deflated(messages, before, after int) {
	s.Deflated += uint64(messages)
	s.DeflatedIn += uint64(before)
	s.DeflatedOut += uint64(after)
}

// Add adds the counters of another engine. Any goroutine.
func (s *Stats) Add(o *Stats) {
	s.Conns += o.Conns
	s.Sessions += o.Sessions
	s.Timers += o.Timers
	s.Buffers += o.Buffers
	s.ConnsOpened += o.ConnsOpened
	s.ConnsClosed += o.ConnsClosed
	s.SessionsOpened += o.SessionsOpened
	s.SessionsClosed += o.SessionsClosed
	s.Upgrades += o.Upgrades
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.Writes += o.Writes
	s.MessagesIn += o.MessagesIn
	s.MessagesOut += o.MessagesOut
	s.Requests += o.Requests
	s.Panics += o.Panics
	s.CompressedIn += o.CompressedIn
	s.CompressedOut += o.CompressedOut
	s.Inflated += o.Inflated
	s.InflatedIn += o.InflatedIn
	s.InflatedOut += o.InflatedOut
	s.Deflated += o.Deflated
	s.DeflatedIn += o.DeflatedIn
	s.DeflatedOut += o.DeflatedOut
	s.Deflations += o.Deflations
	s.TLSFaults += o.TLSFaults
	s.ProxyFailures += o.ProxyFailures
	s.SlowClients += o.SlowClients
	s.DroppedNewest += o.DroppedNewest
	s.DroppedOldest += o.DroppedOldest
	s.Conflated += o.Conflated
	for i := range s.Limits {
		s.Limits[i] += o.Limits[i]
	}
}
