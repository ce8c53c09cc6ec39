// What a server sets for all its engines before they start.

package transport

import (
	"github.com/sioserver/sioserver/transport/coding"
	"github.com/sioserver/sioserver/transport/http1"
)

// Options are the settings shared by the engines of one server, and the limits
// that keep a peer from growing anything without end. They are read-only once
// an engine exists. All times are in milliseconds. [Defaults] returns the
// documented values; the zero value of a field is not a default.
type Options struct {
	Path          string // of the engine's requests, with its final slash
	Polling       bool   // HTTP long polling is offered
	WebSocket     bool   // websocket is offered
	AllowUpgrades bool   // a polling session is told that it may upgrade
	AllowEIO3     bool   // clients of Engine.IO revision 3 are let in, and JSONP

	PingInterval   int64
	PingTimeout    int64
	UpgradeTimeout int64 // for a websocket that wants to take a session over
	ConnectTimeout int64 // for a session that joins no namespace; 0 is no limit

	MaxPayload     int64 // bytes in a polling body or a websocket message
	PayloadPackets int   // packets in one polling body

	OutboundBytes  int   // bytes that may wait for one client, save for a burst
	OutboundGrace  int64 // for a burst to fall back to OutboundBytes
	OutboundBurst  int   // bytes that wait when no further message is taken
	SlowBytes      int   // bytes that wait from which the handler is told that a client is slow
	StallTimeout   int64 // without a byte written while bytes wait
	MessageTimeout int64 // from the first fragment of a message to its last

	Handshakes       int   // of TLS, at once in the group
	HandshakeTimeout int64 // for one, from accept

	SlowPolicy       SlowPolicy
	OutboundMessages int // that wait where the policy reaches them; 0 is no limit
	// Expendable reports whether a message may be dropped: a text, nil for none,
	// and what belongs to it. It is asked about those for slow clients only, on
	// their loops. Nil: none may.
	Expendable func(text []byte, bins [][]byte) bool

	HTTP           http1.Limits
	HeaderTimeout  int64 // for a request's head, from accept or its first byte
	KeepAlive      int64 // between requests, as clients are told; they are given keepAliveGrace more
	BodyTimeout    int64 // for a request's body
	BodyRate       int   // bytes a second that a body must keep up over 10 s
	MaxRequests    int   // on one connection
	MaxPipelined   int   // requests of one connection without an answer yet
	LingerTimeout  int64 // for the rest of a refused body, and for the peer to take the last answer
	LingerBytes    int   // discarded behind the last request or in it
	SessionLinger  int64 // for a polling client to fetch the news of a close
	RawInput       int   // bytes that another protocol leaves unused at once
	OutboundIntact int   // bytes of one connection written at once, uncorked
	Gather         Gather

	CompressFrom  int // bytes of an answer to a poll from which it is compressed, 0 for never
	CompressLevel int // from coding.MinLevel to coding.MaxLevel

	BarePath    bool     // requests for Path without its final slash are the engine's too
	CORS        *CORS    // nil: only pages of the same host
	Cookie      *Cookie  // nil: none
	Initial     *Initial // nil: none
	Deflate     *Deflate // nil: none
	Named       bool     // ids of sessions are those of verdicts
	Gated       int      // requests at the gates of the group
	GateTimeout int64    // for one of them
}

// Defaults are the values of the reference where it has the option, and the
// limits of this server where it has none. Any goroutine.
func Defaults() Options {
	return Options{
		Path:             "/socket.io/",
		Polling:          true,
		WebSocket:        true,
		AllowUpgrades:    true,
		PingInterval:     25_000,
		PingTimeout:      20_000,
		UpgradeTimeout:   10_000,
		ConnectTimeout:   45_000,
		MaxPayload:       1_000_000,
		PayloadPackets:   1000,
		OutboundBytes:    1 << 20,
		SlowBytes:        512 << 10,
		OutboundGrace:    1_000,
		OutboundBurst:    8 << 20,
		StallTimeout:     10_000,
		MessageTimeout:   30_000,
		Handshakes:       1024,
		HandshakeTimeout: 10_000,
		HTTP:             http1.DefaultLimits(),
		HeaderTimeout:    10_000,
		KeepAlive:        5_000,
		BodyTimeout:      30_000,
		BodyRate:         500,
		MaxRequests:      10_000,
		MaxPipelined:     100,
		LingerTimeout:    2_000,
		LingerBytes:      1 << 20,
		SessionLinger:    30_000,
		RawInput:         64 << 10,
		OutboundIntact:   64 << 10,
		CompressFrom:     1024,
		CompressLevel:    coding.DefaultLevel,
		Gated:            10_000,
		GateTimeout:      10_000,
	}
}

// bursts reports whether n bytes that join those waiting begin a burst. One
// message that is more than OutboundBytes by itself does not: it would hardly
// ever arrive, and is judged by its progress until another one joins it.
func (o *Options) bursts(waiting, n int) bool {
	return waiting+n > o.OutboundBytes && (waiting > o.OutboundBytes || n <= o.OutboundBytes)
}
