// Config: the options of a server, their defaults, and what is wrong with them.

package loop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// Switch is an option that is on or off and has a default.
type Switch int8

// The positions of a Switch.
const (
	Default Switch = iota
	Enabled
	Disabled
)

// or returns the position, or def if none was chosen.
func (s Switch) or(def bool) bool {
	if s == Default {
		return def
	}
	return s == Enabled
}

// maxLoops is how many loops the ids of sessions can tell apart.
const maxLoops = 256

// The transports of Engine.IO.
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Config holds the options of a server. The zero Config is valid: each option
// has the default of the reference implementation, which its comment names.
// Options keep their official names. [New] copies the Config; changing it
// afterwards has no effect.
type Config struct {
	// Listen are the addresses to serve on: host:port, and the other forms that
	// [Listener] has. Port 0 takes a free port, told by [Server.Addrs]. Default:
	// ":3000", unless there are Listeners.
	Listen []string
	// TLS makes Listen speak TLS, see [Listener]. Default: nil, without TLS.
	TLS *tls.Config
	// Listeners are further addresses to serve on, each with settings of its own.
	// Default: none.
	Listeners []Listener
	// NoListen serves on no address: all clients come by [Server.Handler].
	NoListen bool
	// ReusePort lets other processes listen on the same addresses; the kernel
	// spreads connections over them. The path of a unix socket it lets a new server
	// take over, which gets all connections from then on. Default: false, and an
	// address in use is an error.
	ReusePort bool
	// Loops is the number of event loops, at most 256. Default: GOMAXPROCS. At low
	// load a server costs least if GOMAXPROCS is one more than that.
	Loops int
	// IOUring sends what leaves for several clients at a time by io_uring, which
	// costs less than a system call for each. By default it is used where the
	// system allows it; if it is enabled, [New] fails where it does not. See
	// [Stats.IOUring].
	IOUring Switch
	// MaxConnections is the number of connections beyond which new ones are
	// closed at once. Default: what the limit of open files leaves after a
	// reserve for everything else.
	MaxConnections int

	// Path is the path of the engine's requests; the final slash is added.
	// Default: "/socket.io", or "/engine.io" with EngineOnly.
	Path string
	// Transports are the transports offered. Default: polling and websocket.
	Transports []string
	// AllowUpgrades tells polling clients that they may go on over websocket.
	// Default: enabled.
	AllowUpgrades Switch
	// PingInterval is the time between heartbeats. Default: 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer one. Default: 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade may take. Default: 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is how long a client may be in no namespace before its
	// connection is closed. Default: 45 s.
	ConnectTimeout time.Duration
	// KeepAliveTimeout is how long a connection is kept between two requests, to
	// the second; clients are told (Keep-Alive). A proxy that keeps connections
	// for other requests should give them up earlier than this server does.
	// Default: 5 s, as under Node.js.
	KeepAliveTimeout time.Duration
	// MaxHTTPBufferSize is the size of a polling body or a websocket message, in
	// bytes, beyond which the client is refused. Default: 1,000,000.
	MaxHTTPBufferSize int64
	// HTTPCompression compresses long answers to polls. Default: enabled, from
	// 1024 bytes on.
	HTTPCompression HTTPCompression
	// PerMessageDeflate compresses websocket messages. Default: nil, it does not;
	// &PerMessageDeflate{} does.
	PerMessageDeflate *PerMessageDeflate

	// AddTrailingSlash lets only requests for Path and a slash in. If it is
	// disabled, the engine answers at Path without the slash too, as clients with
	// this option off want it. Default: enabled.
	AddTrailingSlash Switch
	// CORS lets pages of other origins use the server. Default: nil, those of its
	// own host only.
	CORS *CORS
	// AllowRequest decides whether a client may open a session; with an error it
	// may not, and is told the error's text with code 4. It is asked once for each
	// handshake that the engine would let in. It runs off the event loops and may
	// block for Limits.GateTime, which is the deadline of the request's context;
	// the request's body is empty. Default: everybody may.
	AllowRequest func(r *http.Request) error
	// GenerateID makes the id of a session for the request that opens it: 1 to 128
	// letters, digits and - . _ ~ : @ =, which no other session has. Who knows it
	// can take part in the session, so it must not be guessable. With an error, or
	// another text, the handshake is refused with code 3. It runs like
	// AllowRequest, behind it. Default: nil, 20 random characters.
	GenerateID func(r *http.Request) (string, error)
	// Cookie tells proxies the id of a session. Default: nil, none is set.
	Cookie *Cookie
	// InitialPacket is a message of Engine.IO that each client gets with its
	// handshake: a string, which official clients take for a Socket.IO packet, or
	// a []byte. Default: nil, none.
	InitialPacket any
	// TrustedProxies are the addresses of proxies in front of the server, whose
	// X-Forwarded-For, X-Forwarded-Proto and Forwarded fields are believed, and whose
	// PROXY headers where a [Listener] has those: for
	// [Handshake.Address], [Handshake.Secure] and the RemoteAddr of every request
	// that is handed out. Default: none.
	TrustedProxies []netip.Prefix
	// ServeClient hands out the official browser client below Path:
	// socket.io.js, socket.io.min.js, socket.io.esm.min.js,
	// socket.io.msgpack.min.js and their source maps. Default: enabled; without
	// ClientFiles and with HTTP these requests go to HTTP.
	ServeClient Switch
	// ClientFiles has these files in its root directory. They are read by [New]
	// and kept in memory, plain and with gzip; where there is one of the same name
	// with ".br" at its end, that goes to clients that accept brotli. Default: none, and requests for them are told how to
	// get them.
	ClientFiles fs.FS

	// AllowEIO3 lets clients of version 2 (Engine.IO 3) in beside the others. It
	// offers JSONP too, to which no rule about origins applies: pages of any
	// origin can connect then, with the cookies of their visitors.
	// Default: false, and they are told that their protocol is not supported.
	AllowEIO3 bool
	// EngineOnly leaves Socket.IO out, for clients that speak Engine.IO and no
	// more. Each session is a socket of "/" with the session's id, each message
	// an event "message" whose one argument is a string or a []byte, and
	// [Socket.Send] with one of these sends a message, as does the event "message"
	// to rooms. What else would be sent is answered with [ErrEngineOnly],
	// [Namespace.Use] panics, and no other namespace can be joined. The default of
	// Path is "/engine.io" then, that of ServeClient disabled. Default: false.
	EngineOnly bool
	// Parser is the form of packets on the wire: [JSON], [MsgPack], or one of the
	// user's own. Default: [JSON].
	Parser Parser
	// Adapter connects the rooms with those of other servers: the Adapter of a
	// Cluster of package rooms/redis or rooms/redisstreams, or one of your own.
	// Default: [rooms.InProcess], no other servers.
	Adapter rooms.Factory
	// ConnectionStateRecovery lets clients come back as the socket they were.
	// It works with the default Adapter, and with one that is a [rooms.Recoverer].
	// Default: nil, they cannot.
	ConnectionStateRecovery *RecoveryConfig
	// CleanupEmptyChildNamespaces removes a namespace that was made for a parent
	// namespace when its last socket disconnects. Default: false.
	CleanupEmptyChildNamespaces bool
	// DropHandshake gives up what is kept of a client's handshake (request head
	// and auth payload) when its connection handlers have returned. It saves
	// that memory for each client; [Socket.Handshake] is empty afterwards, and in
	// a namespace that the client joins later it holds the auth payload only.
	DropHandshake bool
	// ReleaseMemory gives memory back to the system within seconds after a crowd of
	// clients has come or gone, or a burst of messages is over, instead of in the
	// minutes that Go's runtime takes. It calls [debug.FreeOSMemory], which collects
	// the garbage of the whole process: in a program with gigabytes of its own in
	// use that may cost more than it gives. Default: false.
	ReleaseMemory bool
	// Handlers is the number of goroutines that run handlers at most. They
	// exist only while there is work. Default: 256.
	Handlers int
	// Limits bound what a client can make the server keep.
	Limits Limits

	// HTTP serves the requests outside Path that no pattern of
	// [Server.HandleHTTP] matches, in the same way. Default: 404 for all of them.
	HTTP http.Handler
	// SlowPolicy is what becomes of events for a client that does not keep up.
	// Default: [SlowClose].
	SlowPolicy SlowPolicy
	// Logger receives what an operator should know. Default: [slog.Default].
	Logger *slog.Logger
	// OnError is told of what goes wrong on behalf of a client: a handler that
	// returned an error or panicked, an argument of another type than the
	// handler's. s is nil where no socket is concerned. It runs on the goroutine
	// of the fault, which may be an event loop, and must not block. Default: such errors are logged at debug level,
	// panics at error level.
	OnError func(s *Socket, err error)
}

// Limits bound what one client can make the server keep. A field of 0 takes
// the default.
type Limits struct {
	// OutboundBytes is how many bytes may wait for a client. One for which more
	// wait, and all the time for OutboundGrace, is cut off; not for a single
	// message that is larger. Default: 1 MiB.
	OutboundBytes int
	// OutboundGrace is how long a burst of more than OutboundBytes may take to
	// fall back to them. Default: 1 s.
	OutboundGrace time.Duration
	// OutboundBurst is how many bytes may wait even for a moment: a client for
	// which they do when the next message comes is cut off. The last message
	// before may pass it, however large. Default: 8 MiB, or OutboundBytes if
	// those are more.
	OutboundBurst int
	// OutboundSlow is how many bytes wait when a client counts as one that does
	// not keep up, see [Server.OnSlow]. Default: half of OutboundBytes.
	OutboundSlow int
	// OutboundMessages is how many messages may wait for a client beyond those
	// that a [SlowPolicy] does not reach any more. Default: 0, which is no limit:
	// their bytes are limited.
	OutboundMessages int
	// OutboundStall is how long bytes may wait without one being read. Default:
	// 10 s.
	OutboundStall time.Duration
	// Namespaces is how many namespaces a connection may be in. Default: 16.
	Namespaces int
	// RefusedNamespaces is how many refused joins a connection may have before
	// it is closed. Default: 16.
	RefusedNamespaces int
	// DynamicNamespaces is how many children the server's parent namespaces may
	// have together. Clients that ask for more are told that the namespace is
	// invalid. Default: 10,000.
	DynamicNamespaces int
	// Rooms is how many rooms a socket may be in. Default: 1024.
	Rooms int
	// RoomEvents is how many room events of a namespace may wait for those who
	// listen. Default: 100,000.
	RoomEvents int
	// Acks is how many acknowledgements a socket may owe. Default: 1000.
	Acks int
	// UnknownAcks is how many acknowledgements nobody asked for a connection may
	// send in a minute. Default: 100.
	UnknownAcks int
	// PendingEvents and PendingBytes are how many events, and bytes in them, may
	// wait for the handlers of one socket. A client that reaches one of them is
	// cut off. Default: 16384 and 4 MiB.
	PendingEvents int
	PendingBytes  int
	// LoopTasks is how many functions of [Loop.Execute] and [Loop.After] may wait
	// for one loop. Default: 1,000,000.
	LoopTasks int
	// RawInput is how many bytes of a connection with a [Protocol] may wait because
	// its handler does not use them yet. One that has more is closed. Default:
	// 64 KiB.
	RawInput int
	// AttachmentTime is how long the attachments of a packet may take to
	// arrive. Default: 10 s.
	AttachmentTime time.Duration
	// PayloadPackets is how many packets one polling body may hold. Default:
	// 1000.
	PayloadPackets int
	// GatedRequests is how many requests may wait for what AllowRequest, engine
	// middleware and header handlers say about them, and GateTime how long one of
	// them may. Others are answered 503. Default: 10,000 and 10 s.
	GatedRequests int
	GateTime      time.Duration
	// HTTPConnections is how many connections at once may be served by HTTP and
	// the handlers of [Server.HandleHTTP], each with a goroutine or two. Requests
	// beyond are answered 503. Default: 10,000.
	HTTPConnections int
	// HTTPBody is how many bytes of a body these handlers may read; -1 is no limit.
	// Default: MaxHTTPBufferSize.
	HTTPBody int64
	// TLSHandshakes is how many handshakes of TLS may be under way at once. More
	// wait for a place; one that waits for its client loses its place to them
	// after a second. Default: 1024.
	TLSHandshakes int
	// TLSHandshakeTime is how long one may take from the moment of the connection.
	// Default: 10 s.
	TLSHandshakeTime time.Duration
	// Packet bounds the grammar of single packets. Default, for each of its
	// fields: [socketio.DefaultLimits].
	Packet socketio.Limits
}

// withDefaults returns the Config with every default filled in.
func (c Config) withDefaults() Config {
	d := transport.Defaults()
	if len(c.Listen)+len(c.Listeners) == 0 && !c.NoListen {
		c.Listen = []string{":3000"}
	}
	c.Listen, c.Listeners = slices.Clone(c.Listen), slices.Clone(c.Listeners)
	setDefault(&c.Loops, min(runtime.GOMAXPROCS(0), maxLoops))
	if c.Path == "" {
		c.Path = "/socket.io"
		if c.EngineOnly {
			c.Path = "/engine.io"
		}
	}
	c.Path = strings.TrimSuffix(c.Path, "/") + "/"
	if len(c.Transports) == 0 {
		c.Transports = []string{Polling, WebSocket}
	}
	if c.Parser == nil {
		c.Parser = JSON
	}
	setDefault(&c.PingInterval, milliseconds(d.PingInterval))
	setDefault(&c.PingTimeout, milliseconds(d.PingTimeout))
	setDefault(&c.UpgradeTimeout, milliseconds(d.UpgradeTimeout))
	setDefault(&c.ConnectTimeout, milliseconds(d.ConnectTimeout))
	setDefault(&c.KeepAliveTimeout, milliseconds(d.KeepAlive))
	setDefault(&c.MaxHTTPBufferSize, d.MaxPayload)
	c.HTTPCompression = c.HTTPCompression.withDefaults()
	c.PerMessageDeflate = c.PerMessageDeflate.withDefaults(c.Loops)
	if c.ConnectionStateRecovery != nil {
		r := *c.ConnectionStateRecovery
		r.setDefaults()
		c.ConnectionStateRecovery = &r
	}
	if c.Adapter == nil {
		c.Adapter = rooms.InProcess
	}
	c.CORS = c.CORS.clone()
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	setDefault(&c.Handlers, 256)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	l := &c.Limits
	setDefault(&l.OutboundBytes, d.OutboundBytes)
	setDefault(&l.OutboundGrace, milliseconds(d.OutboundGrace))
	setDefault(&l.OutboundBurst, max(d.OutboundBurst, l.OutboundBytes))
	setDefault(&l.OutboundSlow, max(l.OutboundBytes/2, 1))
	setDefault(&l.OutboundStall, milliseconds(d.StallTimeout))
	setDefault(&l.Namespaces, 16)
	setDefault(&l.RefusedNamespaces, 16)
	setDefault(&l.DynamicNamespaces, 10_000)
	setDefault(&l.Rooms, 1024)
	setDefault(&l.RoomEvents, 100_000)
	setDefault(&l.Acks, 1000)
	setDefault(&l.UnknownAcks, 100)
	setDefault(&l.PendingEvents, 16384)
	setDefault(&l.PendingBytes, 4<<20)
	setDefault(&l.LoopTasks, 1_000_000)
	setDefault(&l.RawInput, d.RawInput)
	setDefault(&l.AttachmentTime, 10*time.Second)
	setDefault(&l.GatedRequests, d.Gated)
	setDefault(&l.GateTime, milliseconds(d.GateTimeout))
	setDefault(&l.PayloadPackets, d.PayloadPackets)
	setDefault(&l.HTTPConnections, 10_000)
	setDefault(&l.HTTPBody, max(c.MaxHTTPBufferSize, 1))
	setDefault(&l.TLSHandshakes, d.Handshakes)
	setDefault(&l.TLSHandshakeTime, milliseconds(d.HandshakeTimeout))
	setPacketDefaults(&l.Packet)
	return c
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// setPacketDefaults fills in the fields of 0.
func setPacketDefaults(p *socketio.Limits) {
	d := socketio.DefaultLimits()
	setDefault(&p.Depth, d.Depth)
	setDefault(&p.Arguments, d.Arguments)
	setDefault(&p.EventName, d.EventName)
	setDefault(&p.Namespace, d.Namespace)
	setDefault(&p.Attachments, d.Attachments)
	setDefault(&p.AuthBytes, d.AuthBytes)
	setDefault(&p.PacketBytes, d.PacketBytes)
}

// validate returns all that is wrong with a Config whose defaults are filled
// in, in the order of its fields.
func (c *Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("loop: "+format, args...))
		}
	}
	duration := func(name string, d time.Duration) {
		check(d >= time.Millisecond && d <= 24*time.Hour, "%s is %s, it must be from 1ms to 24h", name, d)
	}
	if _, err := c.listeners(nil); err != nil {
		errs = append(errs, err)
	}
	check(c.Loops > 0 && c.Loops <= maxLoops, "Loops is %d, it must be from 1 to %d", c.Loops, maxLoops)
	check(!c.NoListen || len(c.Listen)+len(c.Listeners) == 0, "NoListen is set, and so are Listen or Listeners: leave one of them out")
	check(c.IOUring >= Default && c.IOUring <= Disabled, "IOUring is %d, it must be Default, Enabled or Disabled", c.IOUring)
	check(c.MaxConnections >= 0, "MaxConnections is %d, it must not be negative", c.MaxConnections)
	check(strings.HasPrefix(c.Path, "/"), "Path is %q, it must begin with a slash", c.Path)
	check(!strings.ContainsFunc(c.Path, notInPath), "Path is %q, it must be ASCII without space, ? and #", c.Path)
	for _, t := range c.Transports {
		check(t == Polling || t == WebSocket, "Transports has %q, it knows %q and %q", t, Polling, WebSocket)
	}
	c.engineOnly(check)
	check(c.AllowUpgrades >= Default && c.AllowUpgrades <= Disabled, "AllowUpgrades is %d, it must be Default, Enabled or Disabled", c.AllowUpgrades)
	duration("PingInterval", c.PingInterval)
	duration("PingTimeout", c.PingTimeout)
	duration("UpgradeTimeout", c.UpgradeTimeout)
	duration("ConnectTimeout", c.ConnectTimeout)
	check(c.KeepAliveTimeout >= time.Second && c.KeepAliveTimeout <= 24*time.Hour, "KeepAliveTimeout is %s, it must be from 1s to 24h", c.KeepAliveTimeout)
	check(c.MaxHTTPBufferSize > 0, "MaxHTTPBufferSize is %d, it must be positive", c.MaxHTTPBufferSize)
	c.HTTPCompression.check(check)
	c.PerMessageDeflate.check(check)
	if r := c.ConnectionStateRecovery; r != nil {
		duration("ConnectionStateRecovery.MaxDisconnectionDuration", r.MaxDisconnectionDuration)
		check(r.MaxBytes > 0, "ConnectionStateRecovery.MaxBytes is %d, it must be positive", r.MaxBytes)
		check(r.MaxSessions > 0, "ConnectionStateRecovery.MaxSessions is %d, it must be positive", r.MaxSessions)
		duration("ConnectionStateRecovery.RestoreTimeout", r.RestoreTimeout)
		check(r.MaxRestoring > 0, "ConnectionStateRecovery.MaxRestoring is %d, it must be positive", r.MaxRestoring)
	}
	check(c.Handlers > 0, "Handlers is %d, it must be positive", c.Handlers)
	l := &c.Limits
	limit := func(name string, n, most int) {
		check(n > 0 && n <= most, "Limits.%s is %d, it must be from 1 to %d", name, n, most)
	}
	limit("OutboundBytes", l.OutboundBytes, math.MaxInt32)
	duration("Limits.OutboundGrace", l.OutboundGrace)
	check(l.OutboundBurst >= l.OutboundBytes && l.OutboundBurst <= math.MaxInt32,
		"Limits.OutboundBurst is %d, it must be from OutboundBytes, %d, to %d", l.OutboundBurst, l.OutboundBytes, math.MaxInt32)
	duration("Limits.OutboundStall", l.OutboundStall)
	limit("OutboundSlow", l.OutboundSlow, math.MaxInt32)
	check(l.OutboundMessages >= 0, "Limits.OutboundMessages is %d, it must be positive, or 0 for no limit", l.OutboundMessages)
	check(c.SlowPolicy <= SlowConflate, "SlowPolicy is %d, which there is not", c.SlowPolicy)
	limit("Namespaces", l.Namespaces, math.MaxUint16)
	limit("RefusedNamespaces", l.RefusedNamespaces, math.MaxUint16-1)
	limit("DynamicNamespaces", l.DynamicNamespaces, math.MaxInt32)
	limit("Rooms", l.Rooms, math.MaxInt32)
	limit("RoomEvents", l.RoomEvents, math.MaxInt32)
	limit("Acks", l.Acks, math.MaxInt32)
	limit("UnknownAcks", l.UnknownAcks, math.MaxInt32)
	limit("PendingEvents", l.PendingEvents, math.MaxInt32)
	limit("PendingBytes", l.PendingBytes, math.MaxInt)
	limit("LoopTasks", l.LoopTasks, math.MaxInt32)
	limit("RawInput", l.RawInput, math.MaxInt32)
	duration("Limits.AttachmentTime", l.AttachmentTime)
	limit("PayloadPackets", l.PayloadPackets, math.MaxInt32)
	limit("GatedRequests", l.GatedRequests, math.MaxInt32)
	duration("Limits.GateTime", l.GateTime)
	limit("HTTPConnections", l.HTTPConnections, math.MaxInt32)
	check(l.HTTPBody >= -1, "Limits.HTTPBody is %d, it must be positive, or -1 for no limit", l.HTTPBody)
	limit("TLSHandshakes", l.TLSHandshakes, math.MaxInt32)
	duration("Limits.TLSHandshakeTime", l.TLSHandshakeTime)
	errs = append(errs, c.validateRequests()...)
	p := &l.Packet
	limit("Packet.Depth", p.Depth, math.MaxInt32)
	limit("Packet.Arguments", p.Arguments, math.MaxInt32)
	limit("Packet.EventName", p.EventName, math.MaxInt32)
	limit("Packet.Namespace", p.Namespace, math.MaxInt32)
	limit("Packet.Attachments", p.Attachments, socketio.MaxAttachments)
	limit("Packet.AuthBytes", p.AuthBytes, math.MaxInt32)
	limit("Packet.PacketBytes", p.PacketBytes, math.MaxInt)
	return errors.Join(errs...)
}

// notInPath tells the characters that no request for the path could have.
func notInPath(r rune) bool { return r <= ' ' || r >= 0x7f || r == '?' || r == '#' }

// transportOptions are the options as the engines want them.
func (c *Config) transportOptions() *transport.Options {
	o := transport.Defaults()
	o.Path = c.Path
	o.Polling = slices.Contains(c.Transports, Polling)
	o.WebSocket = slices.Contains(c.Transports, WebSocket)
	o.AllowUpgrades = c.AllowUpgrades.or(true)
	o.AllowEIO3 = c.AllowEIO3
	o.PingInterval = c.PingInterval.Milliseconds()
	o.PingTimeout = c.PingTimeout.Milliseconds()
	o.UpgradeTimeout = c.UpgradeTimeout.Milliseconds()
	o.ConnectTimeout = c.ConnectTimeout.Milliseconds()
	o.KeepAlive = c.KeepAliveTimeout.Milliseconds()
	o.MaxPayload = c.MaxHTTPBufferSize
	o.HTTP.Body = c.MaxHTTPBufferSize
	o.PayloadPackets = c.Limits.PayloadPackets
	c.HTTPCompression.options(&o)
	o.Deflate = c.PerMessageDeflate.options()
	c.requestOptions(&o)
	o.RawInput = c.Limits.RawInput
	o.OutboundBytes = c.Limits.OutboundBytes
	o.OutboundGrace = c.Limits.OutboundGrace.Milliseconds()
	o.OutboundBurst = c.Limits.OutboundBurst
	o.SlowBytes = c.Limits.OutboundSlow
	c.slowOptions(&o)
	o.StallTimeout = c.Limits.OutboundStall.Milliseconds()
	o.Handshakes = c.Limits.TLSHandshakes
	o.HandshakeTimeout = c.Limits.TLSHandshakeTime.Milliseconds()
	return &o
}
