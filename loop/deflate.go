// PerMessageDeflate: the option of compressed websocket messages, and who compresses what is sent off the loops.

package loop

import (
	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/deflate"
)

// PerMessageDeflate compresses websocket messages (RFC 7692) for clients that
// offer it, as browsers and the official client under Node.js do, and lets them
// compress theirs. A field of 0 has its default; those of the reference are the
// options of the npm package ws.
//
// What it costs, for 1 KB of JSON: about 10 us of processor time for a message,
// once for all receivers of a broadcast, and 5 us for one that comes. Inflating is
// limited by Config.MaxHTTPBufferSize like what comes plain. An idle client costs
// nothing beyond what it does without, unless contexts are kept.
type PerMessageDeflate struct {
	// Threshold is the size in bytes from which a message is compressed. One that
	// does not become smaller goes out plain, and so does what is emitted with
	// Compress(false). Default: 1024.
	Threshold int
	// Level is how hard is tried, from 1 (fastest) to 9 (smallest). Default: 3.
	// For clients that asked for a window smaller than 32 KB, messages that are
	// larger than it are compressed at level 5 instead.
	Level int
	// ServerMaxWindowBits is the base-2 logarithm of the largest window for what
	// is sent, from 8 to 15. Clients may ask for less. Default: 15.
	ServerMaxWindowBits int
	// ClientMaxWindowBits is the same for what clients send. Default: 15.
	ClientMaxWindowBits int
	// ServerNoContextTakeover has every message compressed by itself. Default:
	// enabled, unlike the reference.
	//
	// If it is disabled, and the client agrees, a message of up to 16 KB is
	// compressed with the one before as its dictionary: events that resemble each
	// other become a quarter to a third smaller still. The price is that last
	// message for each client, which the receivers of a broadcast share; that
	// messages of up to 16 KB are compressed on the event loops; and that a
	// broadcast is compressed once for each of the last messages that its
	// receivers have had, at most five times. No client has a compressor of its
	// own.
	ServerNoContextTakeover Switch
	// ClientNoContextTakeover asks clients to compress every message by itself.
	// Default: enabled, unlike the reference.
	//
	// If it is disabled, the price is the client's window for each client, as far
	// as it has sent so much: up to 1<<ClientMaxWindowBits bytes, 32 KB.
	ClientNoContextTakeover Switch
	// ConcurrencyLimit is how many goroutines off the event loops compress at the
	// same time; others that emit wait. A compressor has 0.8 to 1.4 MB by its
	// level, the loops have one each. They go back when they are idle. Default: Config.Loops.
	ConcurrencyLimit int
}

// withDefaults returns a copy with the defaults filled in.
func (p *PerMessageDeflate) withDefaults(loops int) *PerMessageDeflate {
	if p == nil {
		return nil
	}
	c := *p
	setDefault(&c.Threshold, 1024)
	setDefault(&c.Level, 3)
	setDefault(&c.ServerMaxWindowBits, deflate.MaxWindowBits)
	setDefault(&c.ClientMaxWindowBits, deflate.MaxWindowBits)
	setDefault(&c.ConcurrencyLimit, loops)
	return &c
}

// check says what is wrong, defaults being filled in.
func (p *PerMessageDeflate) check(check func(ok bool, format string, args ...any)) {
	if p == nil {
		return
	}
	within := func(name string, n, least, most int) {
		check(n >= least && n <= most, "PerMessageDeflate.%s is %d, it must be from %d to %d", name, n, least, most)
	}
	position := func(name string, s Switch) {
		check(s >= Default && s <= Disabled, "PerMessageDeflate.%s is %d, it must be Default, Enabled or Disabled", name, s)
	}
	check(p.Threshold > 0, "PerMessageDeflate.Threshold is %d, it must be positive", p.Threshold)
	within("Level", p.Level, deflate.MinLevel, deflate.MaxLevel)
	within("ServerMaxWindowBits", p.ServerMaxWindowBits, deflate.MinWindowBits, deflate.MaxWindowBits)
	within("ClientMaxWindowBits", p.ClientMaxWindowBits, deflate.MinWindowBits, deflate.MaxWindowBits)
	position("ServerNoContextTakeover", p.ServerNoContextTakeover)
	position("ClientNoContextTakeover", p.ClientNoContextTakeover)
	within("ConcurrencyLimit", p.ConcurrencyLimit, 1, 1024)
}

// options are the option as the engines want it.
func (p *PerMessageDeflate) options() *transport.Deflate {
	if p == nil {
		return nil
	}
	return &transport.Deflate{
		Options: deflate.Options{
			ServerMaxWindowBits: p.ServerMaxWindowBits, ClientMaxWindowBits: p.ClientMaxWindowBits,
			ServerContextTakeover: !p.ServerNoContextTakeover.or(true), ClientContextTakeover: !p.ClientNoContextTakeover.or(true),
		},
		Level: p.Level, Threshold: p.Threshold, Compressors: p.ConcurrencyLimit,
	}
}

// prepare compresses a message for many where it was encoded, if any client will
// want that and the caller is not on a loop, which must not wait.
func (s *Server) prepare(m *transport.Shared) {
	if e := s.loops[0].engine; e.Ahead(m.Size()) && !s.onLoop() {
		e.Prepare(m)
	}
}

// prepare compresses a packet for one client where it was encoded, if that client
// wants it at present.
func (m *emission) prepare() {
	s := m.socket
	if !m.flags.Compress || !s.deflates.Load() {
		return
	}
	size := len(m.text)
	for _, b := range m.bins {
		size = max(size, len(b))
	}
	if !s.loop.engine.Ahead(size) || s.ns.server.onLoop() {
		return
	}
	text, bins := m.packet(), m.bins
	if s.ns.server.form == formMsgPack {
		text, bins = nil, [][]byte{m.text}
	}
	m.shared = transport.NewShared(text, bins)
	s.loop.engine.Prepare(m.shared)
}
