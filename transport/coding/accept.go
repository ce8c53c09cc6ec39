// Accept-Encoding: what a client takes, with its weights.

package coding

// Coding is a content coding.
type Coding uint8

// The codings of this server. Identity is none.
const (
	Identity Coding = iota
	Gzip
	Deflate
	Brotli
	codings
)

var names = [codings]string{Identity: "identity", Gzip: "gzip", Deflate: "deflate", Brotli: "br"}

// String is the coding's name in Content-Encoding. Any goroutine.
func (c Coding) String() string { return names[c] }

// Accept is what a request's Accept-Encoding lines allow (RFC 9110 12.5.3). The
// zero value is a request without one, which gets no coding: old proxies and
// simple clients do not say that they know none.
type Accept struct {
	weights [codings]int16 // in thousandths and one more, 0 for those not named
	others  int16          // of the asterisk, likewise
}

// Add takes one line, the value of the field. Elements that are not well-formed
// count as refused. Any goroutine, one at a time.
func (a *Accept) Add(line []byte) {
	for len(line) > 0 {
		end, name := 0, -1
		for ; end < len(line) && line[end] != ','; end++ {
			if line[end] == ';' && name < 0 {
				name = end
			}
		}
		weight := int16(1001)
		if name < 0 {
			name = end
		} else {
			weight = 1 + weightOf(line[name+1:end])
		}
		if w := a.of(trim(line[:name])); w != nil {
			*w = max(*w, weight)
		}
		line = line[min(end+1, len(line)):]
	}
}

// of is where the weight of a name is kept, nil if it means nothing here.
func (a *Accept) of(name []byte) *int16 {
	c := Identity
	switch len(name) {
	case 1:
		if name[0] == '*' {
			return &a.others
		}
	case 2:
		c = Brotli
	case 4:
		c = Gzip
	case 6:
		if c = Gzip; name[0]|0x20 != 'x' || name[1] != '-' {
			return nil
		}
		name = name[2:] // RFC 9110 8.4.1.3
	case 7:
		c = Deflate
	}
	if !equalFold(name, names[c]) {
		return nil
	}
	return &a.weights[c]
}

// Best is the coding to use of those offered, the dearest to this side first:
// the one with the greatest weight. Identity is chosen if no other is accepted,
// and where the client names it with a greater weight. Any goroutine.
func (a *Accept) Best(offered ...Coding) Coding {
	best, most := Identity, max(1, a.weights[Identity])
	for _, c := range offered {
		weight := a.weights[c]
		if weight == 0 {
			weight = a.others
		}
		if weight > most || weight == most && weight > 1 && best == Identity {
			best, most = c, weight
		}
	}
	return best
}

// weightOf reads the weight in an element's parameters, in thousandths; without
// one it is 1. There are no others in this field.
func weightOf(parameters []byte) int16 {
	parameters = trim(parameters)
	if len(parameters) == 0 {
		return 1000
	}
	if len(parameters) < 3 || parameters[0]|0x20 != 'q' || parameters[1] != '=' {
		return 0
	}
	weight, scale, point := 0, 1000, false
	for _, b := range parameters[2:] {
		switch {
		case b == '.' && !point:
			point = true
		case b < '0' || b > '9':
			return 0
		case !point:
			weight = min(1000, weight*10+int(b-'0')*1000)
		default:
			scale /= 10
			weight += int(b-'0') * scale
		}
	}
	return int16(min(1000, weight))
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares with a text in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
