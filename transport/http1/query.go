// The query of an Engine.IO request: its known keys in one pass, and all pairs for whoever displays them.

package http1

import "bytes"

// Query holds the values of the keys Engine.IO knows, decoded. A key that is absent has a nil value, one without a value an empty
// one that is not nil.
type Query struct {
	EIO       []byte // protocol version
	Transport []byte
	SID       []byte // session id
	J         []byte // JSONP index
	B64       []byte
	T         []byte // cache buster

	// Duplicate tells that a key other than t came twice. Readers differ on which one counts, so the request is to be refused;
	// the value shown is the last.
	Duplicate bool
}

// Parse reads raw, the part of a target behind '?', by the rules of URLSearchParams: pairs between '&', the first '=' splits, '+' is
// a space, percent triplets are decoded once, broken ones stay as they are, keys are compared after decoding. No map is built and
// unknown keys are only passed over.
//
// Values are views of raw where nothing had to be decoded, else of scratch, which is appended to and returned grown; they live as
// long as both do. Any goroutine.
func (q *Query) Parse(raw, scratch []byte) []byte {
	*q = Query{}
	for len(raw) > 0 {
		var key, value []byte
		key, value, raw = nextPair(raw)
		if bytes.IndexByte(key, '%') >= 0 {
			mark := len(scratch)
			scratch = appendDecoded(scratch, key)
			key = scratch[mark:]
			scratch = scratch[:mark]
		}
		slot := q.slot(key)
		if slot == nil {
			continue
		}
		if *slot != nil && slot != &q.T {
			q.Duplicate = true
		}
		*slot, scratch = decoded(value, scratch)
	}
	return scratch
}

// slot returns where the value of a decoded key belongs, or nil.
func (q *Query) slot(key []byte) *[]byte {
	switch string(key) {
	case "EIO":
		return &q.EIO
	case "transport":
		return &q.Transport
	case "sid":
		return &q.SID
	case "j":
		return &q.J
	case "b64":
		return &q.B64
	case "t":
		return &q.T
	}
	return nil
}

// EachPair calls f with every pair of a raw query in order, decoded as by Query.Parse. The slices are views of raw, or of
// what was appended to scratch, and are valid until f returns. Octets that are not UTF-8 are passed on as they are. Any goroutine.
func EachPair(raw, scratch []byte, f func(key, value []byte)) {
	for len(raw) > 0 {
		empty := raw[0] == '&'
		var key, value []byte
		key, value, raw = nextPair(raw)
		if empty {
			continue
		}
		key, grown := decoded(key, scratch)
		value, _ = decoded(value, grown)
		f(key, value)
	}
}

// nextPair splits the first pair off a query. Without '=' the whole pair is the key.
func nextPair(raw []byte) (key, value, rest []byte) {
	pair := raw
	if end := bytes.IndexByte(raw, '&'); end >= 0 {
		pair, rest = raw[:end], raw[end+1:]
	}
	if eq := bytes.IndexByte(pair, '='); eq >= 0 {
		return pair[:eq], pair[eq+1:], rest
	}
	return pair, pair[len(pair):], rest
}

// decoded returns s itself, or its decoded form at the end of the grown scratch.
func decoded(s, scratch []byte) (value, grown []byte) {
	for _, c := range s {
		if c == '%' || c == '+' {
			mark := len(scratch)
			scratch = appendDecoded(scratch, s)
			return scratch[mark:len(scratch):len(scratch)], scratch
		}
	}
	return s, scratch
}

// appendDecoded decodes '+' and percent triplets, once.
func appendDecoded(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			dst = append(dst, ' ')
		case c == '%' && isTriplet(s[i:]):
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
