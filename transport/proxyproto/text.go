// Version 1: a line of text (section 2.1).

package proxyproto

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

var prefix1 = []byte("PROXY ")

// maxLine is how long the line may be, with its end.
const maxLine = 107

// parse1 reads a line.
func parse1(p []byte) (h Header, n int, err error) {
	end := bytes.Index(p[:min(len(p), maxLine)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= maxLine {
			return h, 0, ErrTooLong
		}
		return h, 0, nil
	}
	n = end + 2
	fields := strings.Split(string(p[len(prefix1):end]), " ")
	if fields[0] == "UNKNOWN" { // whatever follows
		h.Local = true
		return h, n, nil
	}
	if len(fields) != 5 {
		return h, 0, malformed("version 1 has %d fields, not 5", len(fields))
	}
	if h.Source, err = endOf(fields[0], fields[1], fields[3]); err == nil {
		h.Destination, err = endOf(fields[0], fields[2], fields[4])
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// endOf reads one end of a connection.
func endOf(family, addr, port string) (netip.AddrPort, error) {
	if family != "TCP4" && family != "TCP6" {
		return netip.AddrPort{}, malformed("its protocol is %q, not TCP4, TCP6 or UNKNOWN", family)
	}
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Zone() != "" || a.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, malformed("%q is no address of %s", addr, family)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port != strconv.FormatUint(n, 10) {
		return netip.AddrPort{}, malformed("%q is no port", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}
