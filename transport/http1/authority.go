// Host and port, as they stand in Host and in absolute-form targets.

package http1

// validAuthority checks uri-host [ ":" port ] of RFC 9110 7.2; both may be empty. A user name is not part of it.
func validAuthority(s []byte) bool {
	n := 0
	if len(s) > 0 && s[0] == '[' {
		for n < len(s) && s[n] != ']' {
			n++
		}
		if n == len(s) || !validIPv6(s[1:n]) {
			return false
		}
		n++
	} else {
		for n < len(s) && s[n] != ':' {
			if octets[s[n]]&regName != 0 {
				n++
				continue
			}
			if s[n] != '%' || !isTriplet(s[n:]) {
				return false
			}
			n += 3
		}
	}
	return n == len(s) || s[n] == ':' && validPort(s[n+1:])
}

// validPort checks digits with a value that TCP knows. No digit at all means the default port (RFC 3986 3.2.3).
func validPort(s []byte) bool {
	port := 0
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
		port = port*10 + int(c-'0')
		if port > 65535 {
			return false
		}
	}
	return true
}

// validIPv6 checks IPv6address of RFC 3986 3.2.2. IPvFuture and zones are refused: no peer has a use for them here.
func validIPv6(s []byte) bool {
	groups, gap := 0, false
	for i := 0; i < len(s); {
		if s[i] == ':' {
			if i+1 == len(s) || s[i+1] != ':' || gap {
				return false
			}
			gap = true
			i += 2
			continue
		}
		start := i
		for i < len(s) && octets[s[i]]&hexadec != 0 {
			i++
		}
		if i < len(s) && s[i] == '.' {
			if !validIPv4(s[start:]) {
				return false
			}
			groups += 2
			break
		}
		if i == start || i-start > 4 {
			return false
		}
		groups++
		// A colon that ends the group is eaten here unless it opens the gap; it must not be the last octet.
		if i < len(s) {
			if s[i] != ':' || i+1 == len(s) {
				return false
			}
			if s[i+1] != ':' {
				i++
			}
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

// validIPv4 checks four decimal octets without leading zeros.
func validIPv4(s []byte) bool {
	for part := range 4 {
		n, value := 0, 0
		for n < len(s) && n < 3 && s[n]-'0' < 10 {
			value = value*10 + int(s[n]-'0')
			n++
		}
		if n == 0 || value > 255 || n > 1 && s[0] == '0' {
			return false
		}
		s = s[n:]
		if part < 3 {
			if len(s) == 0 || s[0] != '.' {
				return false
			}
			s = s[1:]
		}
	}
	return len(s) == 0
}
