// Negotiation (RFC 7692 sections 5.1 and 7.1): the first offer that can be kept to is the one that is answered.

package deflate

import (
	"strconv"

	"github.com/sioserver/sioserver/transport/ws"
)

// MinWindowBits and MaxWindowBits bound the base-2 logarithm of the size of a window.
const (
	MinWindowBits = 8
	MaxWindowBits = 15
)

// Options are what a server agrees to.
type Options struct {
	// ServerMaxWindowBits and ClientMaxWindowBits are the windows of what this side and the peer send, from MinWindowBits
	// to MaxWindowBits.
	ServerMaxWindowBits, ClientMaxWindowBits int
	// ServerContextTakeover lets this side refer to messages it has sent before, if the peer does not mind.
	ServerContextTakeover bool
	// ClientContextTakeover lets the peer do so. Then this side must keep what the peer's window holds.
	ClientContextTakeover bool
}

// Agreement is what both sides keep to on one connection.
type Agreement struct {
	ServerBits, ClientBits         uint8 // base-2 logarithms of the windows
	ServerTakeover, ClientTakeover bool
}

const (
	extension        = "permessage-deflate"
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverWindow     = "server_max_window_bits"
	clientWindow     = "client_max_window_bits"
)

// Negotiate looks for an acceptable offer in a Sec-WebSocket-Extensions value whose grammar is right. ok is false if
// there is none; else answer, appended to dst, is the value for the response. An offer with a parameter that is unknown,
// there twice, or has a value it cannot have is not acceptable (section 7.1). Any goroutine.
func Negotiate(dst, value []byte, o *Options) (answer []byte, a Agreement, ok bool) {
	offers := ws.NewOffers(value)
	for {
		offer, more := offers.Next()
		if !more {
			return dst, Agreement{}, false
		}
		if string(offer.Name) != extension {
			continue
		}
		var p offered
		if p.read(offer) {
			a, dst = p.answer(dst, o)
			return dst, a, true
		}
	}
}

// offered are the parameters of an offer. Bits are 0 where the parameter is absent.
type offered struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             uint8
}

// read reports whether the offer is one that a server may accept.
func (p *offered) read(offer ws.Offer) bool {
	for {
		param, ok := offer.NextParam()
		if !ok {
			return true
		}
		var fine bool
		switch string(param.Name) {
		case serverNoTakeover:
			fine, p.serverNoTakeover = !p.serverNoTakeover && param.Value == nil, true
		case clientNoTakeover:
			fine, p.clientNoTakeover = !p.clientNoTakeover && param.Value == nil, true
		case serverWindow:
			fine = p.serverBits == 0
			p.serverBits = windowBits(param.Value)
			fine = fine && p.serverBits != 0
		case clientWindow:
			fine = p.clientBits == 0
			p.clientBits = MaxWindowBits // it may come without a value
			if param.Value != nil {
				p.clientBits = windowBits(param.Value)
			}
			fine = fine && p.clientBits != 0
		}
		if !fine {
			return false
		}
	}
}

// windowBits reads a decimal number from 8 to 15 without leading zeros; 0 is a value that is none.
func windowBits(value []byte) (bits uint8) {
	digits := 0
	for _, c := range value {
		if c == '\\' {
			continue // of a quoted-pair
		}
		if c < '0' || c > '9' || digits == 2 || digits == 1 && bits == 0 {
			return 0
		}
		bits = bits*10 + c - '0'
		digits++
	}
	if bits < MinWindowBits || bits > MaxWindowBits {
		return 0
	}
	return bits
}

// answer settles what both sides keep to and appends the extension as accepted.
func (p *offered) answer(dst []byte, o *Options) (Agreement, []byte) {
	a := Agreement{
		ServerBits: uint8(o.ServerMaxWindowBits), ClientBits: MaxWindowBits,
		ServerTakeover: o.ServerContextTakeover && !p.serverNoTakeover,
		ClientTakeover: o.ClientContextTakeover && !p.clientNoTakeover,
	}
	dst = append(dst, extension...)
	if p.serverBits != 0 {
		a.ServerBits = min(a.ServerBits, p.serverBits)
	}
	if p.clientBits != 0 {
		a.ClientBits = min(uint8(o.ClientMaxWindowBits), p.clientBits)
	}
	if int(a.ClientBits) > o.ClientMaxWindowBits {
		// The peer cannot be told to use a smaller window (section 7.1.2.2), so it must do without its context.
		a.ClientTakeover = false
	}
	if !a.ServerTakeover {
		dst = append(dst, "; "+serverNoTakeover...)
	}
	if !a.ClientTakeover {
		dst = append(dst, "; "+clientNoTakeover...)
	}
	if p.serverBits != 0 || a.ServerBits < MaxWindowBits {
		dst = strconv.AppendUint(append(dst, "; "+serverWindow+"="...), uint64(a.ServerBits), 10)
	}
	if p.clientBits != 0 && a.ClientBits < MaxWindowBits {
		dst = strconv.AppendUint(append(dst, "; "+clientWindow+"="...), uint64(a.ClientBits), 10)
	}
	return a, dst
}
