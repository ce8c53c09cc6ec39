// Version 2: bytes (section 2.2).

package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// fixed is the length of what every header has: the signature, version and
// command, family and protocol, the length of the rest.
const fixed = 16

// The extensions that mean something here (section 2.2), and the bit of a client
// that uses TLS.
const (
	typeCRC32C = 0x03
	typeSSL    = 0x20
	clientSSL  = 0x01
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parse2 reads a header of bytes.
func parse2(p []byte) (h Header, n int, err error) {
	if len(p) < fixed {
		return h, 0, nil
	}
	version, command, family, protocol := p[12]>>4, p[12]&0xf, p[13]>>4, p[13]&0xf
	n = fixed + int(binary.BigEndian.Uint16(p[14:]))
	switch {
	case version != 2:
		return h, 0, malformed("its version is %d, not 2", version)
	case command > 1:
		return h, 0, malformed("its command is %d, not LOCAL or PROXY", command)
	case command == 1 && (family > 3 || protocol > 2):
		return h, 0, malformed("family %d with protocol %d is not known", family, protocol)
	case n > MaxHeader:
		return h, 0, ErrTooLong
	case len(p) < n:
		return h, 0, nil
	}
	if h, err = content(p[:n], family); err != nil {
		return Header{}, 0, err
	}
	if command == 0 || family == 0 {
		h.Local = true
	}
	if h.Local { // what else there is does not count
		h = Header{Local: true}
	}
	return h, n, nil
}

// content reads a whole header. Of a connection that is the proxy's own the
// addresses are not looked at.
func content(p []byte, family byte) (h Header, err error) {
	if p[12]&0xf == 0 {
		return h, nil
	}
	rest, size := p[fixed:], [...]int{0, 12, 36, 216}[family]
	switch {
	case len(rest) < size:
		return h, malformed("it ends within its addresses")
	case family == 1:
		h.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest[4:])), binary.BigEndian.Uint16(rest[10:]))
	case family == 2:
		h.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)).Unmap(), binary.BigEndian.Uint16(rest[32:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest[16:])).Unmap(), binary.BigEndian.Uint16(rest[34:]))
	}
	return h, h.extensions(p, fixed+size)
}

// extensions reads what stands behind the addresses, from offset at on.
func (h *Header) extensions(p []byte, at int) error {
	for at < len(p) {
		if len(p)-at < 3 {
			return malformed("it ends within an extension")
		}
		kind, size := p[at], int(binary.BigEndian.Uint16(p[at+1:]))
		value := at + 3
		if at = value + size; at > len(p) {
			return malformed("it ends within an extension")
		}
		switch {
		case kind == typeCRC32C && size != 4:
			return malformed("its checksum has %d bytes, not 4", size)
		case kind == typeCRC32C && checksum(p, value) != binary.BigEndian.Uint32(p[value:]):
			return malformed("its checksum is wrong")
		case kind == typeSSL && size > 0:
			h.TLS = p[value]&clientSSL != 0
		}
	}
	return nil
}

// checksum is that of a header whose own four bytes, at an offset, count as 0.
func checksum(p []byte, at int) uint32 {
	sum := crc32.Update(0, castagnoli, p[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	return crc32.Update(sum, castagnoli, p[at+4:])
}
