// The request line: method, the forms of a target, version.

package http1

// readRequestLine reads a line that holds no control but HTAB (RFC 9112 3).
func (r *Request) readRequestLine(line []byte) *Error {
	n := endOfToken(line, 0)
	// The version has a fixed length, so it is taken from the end; whatever is odd in between is no target.
	v := len(line) - len("HTTP/1.1")
	if n == 0 || line[min(n, len(line)-1)] != ' ' || v < n+2 || line[v-1] != ' ' {
		return ErrRequestLine
	}
	version := line[v:]
	if string(version[:5]) != "HTTP/" || version[5]-'0' > 9 || version[6] != '.' || version[7]-'0' > 9 {
		return ErrRequestLine
	}
	if version[5] != '1' {
		return ErrVersion
	}
	r.Method, r.Minor = line[:n], int(version[7]-'0')
	r.Target = line[n+1 : v-1]
	if string(r.Method) == "CONNECT" {
		return ErrMethod
	}
	return r.readTarget()
}

var rootPath = []byte("/")

// readTarget splits Target by its form (RFC 9112 3.2).
func (r *Request) readTarget() *Error {
	t := r.Target
	if len(t) == 0 {
		return ErrTarget
	}
	if t[0] == '*' && len(t) == 1 {
		r.Path = t
		return nil
	}
	if t[0] != '/' {
		switch {
		case len(t) > 7 && equalFold(t[:7], "http://"):
			t = t[7:]
		case len(t) > 8 && equalFold(t[:8], "https://"):
			t = t[8:]
		default:
			return ErrTarget
		}
		n := 0
		for n < len(t) && t[n] != '/' && t[n] != '?' {
			n++
		}
		// RFC 9110 4.2.1: an http URI without a host is invalid, and 4.2.4 lets no user name pass.
		if n == 0 || t[0] == ':' || !validAuthority(t[:n]) {
			return ErrTarget
		}
		r.Authority, t = t[:n], t[n:]
	}
	query, ok := scanPathAndQuery(t)
	if !ok {
		return ErrTarget
	}
	if query < 0 {
		r.Path = t
	} else {
		r.Path, r.RawQuery = t[:query], t[query+1:]
	}
	if len(r.Path) == 0 {
		r.Path = rootPath
	}
	return nil
}

// scanPathAndQuery checks that only octets of RFC 3986 3.3 and 3.4 stand in t, and that percent triplets in the path are whole and
// none is a NUL. In the query it lets through what browsers leave there as it is: a lone percent sign and a few octets more. It
// returns the index of the first '?', or -1.
func scanPathAndQuery(t []byte) (query int, ok bool) {
	query = -1
	for i := 0; i < len(t); i++ {
		c := t[i]
		if octets[c]&target != 0 {
			continue
		}
		switch {
		case c == '?':
			if query < 0 {
				query = i
			}
		case query >= 0 && (c == '%' || octets[c]&loose != 0):
		case c == '%' && isTriplet(t[i:]) && string(t[i+1:i+3]) != "00":
			i += 2
		default:
			return 0, false
		}
	}
	return query, true
}

// isTriplet tells whether s, which begins with '%', goes on with two hexadecimal digits.
func isTriplet(s []byte) bool {
	return len(s) > 2 && octets[s[1]]&octets[s[2]]&hexadec != 0
}
