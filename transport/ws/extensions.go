// Sec-WebSocket-Extensions (RFC 6455 section 9.1): offers and their parameters, taken from the field value one by one.
//
//	offers = offer *( OWS "," OWS offer )
//	offer  = token *( OWS ";" OWS param )
//	param  = token [ "=" ( token / quoted-string ) ]
//
// OWS is optional white space. A quoted value must be a token once its backslashes are gone. Reading is linear in the
// value: each byte is looked at once for the offer and once more for a caller who wants its parameters.

package ws

// Offers iterates over the extensions of a Sec-WebSocket-Extensions value.
type Offers struct {
	rest []byte
	bad  bool
}

// Offer is one extension. Its slices are views of the value given to NewOffers.
type Offer struct {
	Name   []byte
	params []byte // from behind the first semicolon, grammar already checked
}

// Param is one parameter of an offer. Value is nil if it has none; of a quoted value it is what stands between the
// quotes, with any backslashes still in it. The slices are views of the value given to NewOffers.
type Param struct {
	Name, Value []byte
}

// NewOffers starts at the beginning of value, which may be empty: some proxies blank a field instead of dropping it,
// and nothing is then on offer. value must stay unchanged while the result is in use. Any goroutine.
func NewOffers(value []byte) Offers { return Offers{rest: trim(value)} }

// Next returns the next offer, and false at the end of the list or at its first grammar error. Any goroutine.
func (o *Offers) Next() (offer Offer, ok bool) {
	if len(o.rest) == 0 || o.bad {
		return Offer{}, false
	}
	p := o.rest
	n := tokenEnd(p)
	if n == 0 {
		o.bad = true
		return Offer{}, false
	}
	offer.Name, p = p[:n], trimLeft(p[n:])
	if len(p) > 0 && p[0] == ';' {
		params := p[1:]
		for len(p) > 0 && p[0] == ';' {
			if _, p, ok = takeParam(p[1:]); !ok {
				o.bad = true
				return Offer{}, false
			}
		}
		offer.params = params[:len(params)-len(p)]
	}
	if len(p) == 0 {
		o.rest = nil
		return offer, true
	}
	o.rest = trimLeft(p[1:])
	o.bad = p[0] != ',' || len(o.rest) == 0
	return offer, !o.bad
}

// Malformed reports whether Next ended at a grammar error. Any goroutine.
func (o *Offers) Malformed() bool { return o.bad }

// NextParam takes the next parameter off the offer, and returns false when none is left. Any goroutine.
func (o *Offer) NextParam() (param Param, ok bool) {
	if len(o.params) == 0 {
		return Param{}, false
	}
	param, rest, ok := takeParam(o.params)
	if len(rest) > 0 {
		rest = rest[1:]
	}
	o.params = rest
	return param, ok
}

// takeParam reads the parameter that p begins with, behind its semicolon. rest begins with what ended it.
func takeParam(p []byte) (param Param, rest []byte, ok bool) {
	p = trimLeft(p)
	n := tokenEnd(p)
	if n == 0 {
		return Param{}, p, false
	}
	param.Name, p = p[:n], p[n:]
	if len(p) == 0 || p[0] != '=' {
		return param, trimLeft(p), true
	}
	p = p[1:]
	if len(p) > 0 && p[0] == '"' {
		n = quotedEnd(p[1:])
		if n <= 0 {
			return Param{}, p, false
		}
		param.Value, p = p[1:1+n], p[n+2:]
	} else {
		if n = tokenEnd(p); n == 0 {
			return Param{}, p, false
		}
		param.Value, p = p[:n], p[n:]
	}
	return param, trimLeft(p), true
}

// quotedEnd is the index of the quote that ends the quoted-string p is inside of, -1 if there is none or a character
// is not a token's.
func quotedEnd(p []byte) int {
	for i := 0; i < len(p); i++ {
		if p[i] == '"' {
			return i
		}
		if p[i] == '\\' {
			i++
		}
		if i == len(p) || !token[p[i]] {
			return -1
		}
	}
	return -1
}

// token has the characters of a token (RFC 9110 section 5.6.2).
var token = func() (table [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		table[c] = true
	}
	return table
}()

// tokenEnd is the length of the token p begins with.
func tokenEnd(p []byte) int {
	for i, c := range p {
		if !token[c] {
			return i
		}
	}
	return len(p)
}

func trimLeft(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t') {
		p = p[1:]
	}
	return p
}

func trim(p []byte) []byte {
	p = trimLeft(p)
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}
