// Headers as proxies send them, and what nobody may send; beside a parser of others.

package proxyproto_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net"
	"net/netip"
	"strings"
	"testing"

	oracle "github.com/pires/go-proxyproto"

	"github.com/sioserver/sioserver/transport/proxyproto"
)

const sign = "\r\n\r\n\x00\r\nQUIT\n"

// two is a header of version 2.
func two(command, family byte, content string) string {
	return sign + string([]byte{command, family, byte(len(content) >> 8), byte(len(content))}) + content
}

// tlv is an extension.
func tlv(kind byte, value string) string {
	return string([]byte{kind, byte(len(value) >> 8), byte(len(value))}) + value
}

const (
	four = "\xc0\x00\x02\x4d\xc6\x33\x64\x01\x12\x67\x01\xbb"
	six  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x67\x01\xbb"
)

// summed is a header with its checksum, right or wrong.
func summed(right bool) string {
	h := []byte(two(0x21, 0x11, four+tlv(3, "\x00\x00\x00\x00")+tlv(4, "padding")))
	sum := crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli))
	if !right {
		sum++
	}
	binary.BigEndian.PutUint32(h[16+12+3:], sum)
	return string(h)
}

type header = proxyproto.Header

func ends(src, dst string) header {
	return header{Source: netip.MustParseAddrPort(src), Destination: netip.MustParseAddrPort(dst)}
}

func withTLS(h header) header { h.TLS = true; return h }

var good = []struct {
	name, text string
	want       header
}{
	{"1, TCP4", "PROXY TCP4 192.0.2.77 198.51.100.1 4711 443\r\n", ends("192.0.2.77:4711", "198.51.100.1:443")},
	{"1, TCP6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", ends("[2001:db8::7]:4711", "[2001:db8::1]:443")},
	{"1, mapped", "PROXY TCP6 ::ffff:192.0.2.77 ::1 0 65535\r\n", ends("192.0.2.77:0", "[::1]:65535")},
	{"1, longest", "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", header{Local: true}},
	{"1, unknown", "PROXY UNKNOWN\r\n", header{Local: true}},
	{"2, TCP4", two(0x21, 0x11, four), ends("192.0.2.77:4711", "198.51.100.1:443")},
	{"2, TCP6", two(0x21, 0x21, six), ends("[2001:db8::7]:4711", "[2001:db8::1]:443")},
	{"2, UDP4", two(0x21, 0x12, four), ends("192.0.2.77:4711", "198.51.100.1:443")},
	{"2, unix", two(0x21, 0x31, strings.Repeat("\x00", 216)), header{}},
	{"2, local", two(0x20, 0x00, ""), header{Local: true}},
	{"2, local with addresses", two(0x20, 0x11, four), header{Local: true}},
	{"2, local with nonsense", two(0x20, 0xff, "x"), header{Local: true}},
	{"2, unspecified", two(0x21, 0x00, ""), header{Local: true}},
	{
		"2, extensions", two(0x21, 0x11, four+tlv(1, "h2")+tlv(2, "example.com")+tlv(4, strings.Repeat("\x00", 900))+tlv(0xea, "\x01vpce-1")),
		ends("192.0.2.77:4711", "198.51.100.1:443"),
	},
	{"2, TLS", two(0x21, 0x11, four+tlv(0x20, "\x01\x00\x00\x00\x00"+tlv(0x21, "TLSv1.3"))), withTLS(ends("192.0.2.77:4711", "198.51.100.1:443"))},
	{"2, without TLS", two(0x21, 0x11, four+tlv(0x20, "\x00\x00\x00\x00\x00")), ends("192.0.2.77:4711", "198.51.100.1:443")},
	{"2, checksum", summed(true), ends("192.0.2.77:4711", "198.51.100.1:443")},
	{"2, longest", two(0x21, 0x11, four+tlv(4, strings.Repeat("\x00", proxyproto.MaxHeader-16-12-3))), ends("192.0.2.77:4711", "198.51.100.1:443")},
}

// TestHeaders: what is said, how long it is, and that less is not enough.
func TestHeaders(t *testing.T) {
	for _, v := range good {
		h, n, err := proxyproto.Parse([]byte(v.text + "GET / HTTP/1.1\r\n"))
		if err != nil || n != len(v.text) || h != v.want {
			t.Errorf("%s: %+v, %d, %v, want %+v, %d", v.name, h, n, err, v.want, len(v.text))
		}
		for i := range len(v.text) {
			if h, n, err := proxyproto.Parse([]byte(v.text[:i])); err != nil || n != 0 || h != (header{}) {
				t.Errorf("%s, %d bytes of %d: %+v, %d, %v", v.name, i, len(v.text), h, n, err)
			}
		}
	}
}

var bad = []struct {
	name, text string
	want       error
}{
	{"HTTP", "GET / HTTP/1.1\r\n", proxyproto.ErrMissing},
	{"TLS", "\x16\x03\x01", proxyproto.ErrMissing},
	{"almost 1", "PROXX", proxyproto.ErrMissing},
	{"small letters", "proxy ", proxyproto.ErrMissing},
	{"almost 2", sign[:11] + "\r", proxyproto.ErrMissing},
	{"empty lines, then HTTP", "\r\n\r\nGET", proxyproto.ErrMissing},
	{"1, no end", "PROXY TCP4 " + strings.Repeat("1", 96), proxyproto.ErrTooLong},
	{"1, end too late", "PROXY UNKNOWN " + strings.Repeat("1", 92) + "\r\n", proxyproto.ErrTooLong},
	{"1, protocol", "PROXY UDP4 192.0.2.77 198.51.100.1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, no fields", "PROXY \r\n", proxyproto.ErrMalformed},
	{"1, few fields", "PROXY TCP4 192.0.2.77 198.51.100.1 1\r\n", proxyproto.ErrMalformed},
	{"1, many fields", "PROXY TCP4 192.0.2.77 198.51.100.1 1 2 3\r\n", proxyproto.ErrMalformed},
	{"1, two blanks", "PROXY TCP4  192.0.2.77 198.51.100.1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, families mixed", "PROXY TCP4 ::1 198.51.100.1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, families mixed again", "PROXY TCP6 192.0.2.77 ::1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, a name", "PROXY TCP4 localhost 198.51.100.1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, leading zeros", "PROXY TCP4 192.0.02.77 198.51.100.1 1 2\r\n", proxyproto.ErrMalformed},
	{"1, port", "PROXY TCP4 192.0.2.77 198.51.100.1 65536 2\r\n", proxyproto.ErrMalformed},
	{"1, negative port", "PROXY TCP4 192.0.2.77 198.51.100.1 1 -2\r\n", proxyproto.ErrMalformed},
	{"1, port with zeros", "PROXY TCP4 192.0.2.77 198.51.100.1 01 2\r\n", proxyproto.ErrMalformed},
	{"1, signed port", "PROXY TCP4 192.0.2.77 198.51.100.1 +1 2\r\n", proxyproto.ErrMalformed},
	{"2, version", two(0x31, 0x11, four), proxyproto.ErrMalformed},
	{"2, command", two(0x22, 0x11, four), proxyproto.ErrMalformed},
	{"2, family", two(0x21, 0x41, four), proxyproto.ErrMalformed},
	{"2, protocol", two(0x21, 0x13, four), proxyproto.ErrMalformed},
	{"2, short addresses", two(0x21, 0x21, four), proxyproto.ErrMalformed},
	{"2, no addresses", two(0x21, 0x11, ""), proxyproto.ErrMalformed},
	{"2, half an extension", two(0x21, 0x11, four+"\x04\x00"), proxyproto.ErrMalformed},
	{"2, an extension too long", two(0x21, 0x11, four+"\x04\xff\xffx"), proxyproto.ErrMalformed},
	{"2, checksum", summed(false), proxyproto.ErrMalformed},
	{"2, short checksum", two(0x21, 0x11, four+tlv(3, "x")), proxyproto.ErrMalformed},
	{"2, too long", two(0x21, 0x11, four+strings.Repeat("\x00", proxyproto.MaxHeader-16-12+1)), proxyproto.ErrTooLong},
	{"2, longest there can be", two(0x20, 0x00, strings.Repeat("\x00", 65535)), proxyproto.ErrTooLong},
}

func TestBadHeaders(t *testing.T) {
	for _, v := range bad {
		if h, n, err := proxyproto.Parse([]byte(v.text)); !errors.Is(err, v.want) || n != 0 || h != (header{}) {
			t.Errorf("%s: %+v, %d, %v, want %v", v.name, h, n, err, v.want)
		}
	}
}

// theirs is what another parser says.
func theirs(text []byte) (h header, n int, err error) {
	r := bufio.NewReaderSize(bytes.NewReader(text), 1<<17)
	o, err := oracle.Read(r)
	if err != nil {
		return h, 0, err
	}
	at := func(a net.Addr) (p netip.AddrPort) {
		switch a := a.(type) {
		case *net.TCPAddr:
			p = a.AddrPort()
		case *net.UDPAddr:
			p = a.AddrPort()
		}
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	if h.Local = o.Command.IsLocal() || o.TransportProtocol.IsUnspec(); !h.Local && (o.TransportProtocol.IsIPv4() || o.TransportProtocol.IsIPv6()) {
		h.Source, h.Destination = at(o.SourceAddr), at(o.DestinationAddr)
	}
	return h, len(text) - r.Buffered(), nil
}

// FuzzParse: no panic; pieces say the same as the whole; and whatever both take,
// this and another parser take in the same way.
func FuzzParse(f *testing.F) {
	for _, v := range good {
		f.Add([]byte(v.text))
	}
	for _, v := range bad {
		f.Add([]byte(v.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, n, err := proxyproto.Parse(text)
		if n > len(text) || n > proxyproto.MaxHeader || err != nil && n != 0 {
			t.Fatalf("%d of %d bytes, %v", n, len(text), err)
		}
		if n == 0 && err == nil && len(text) >= proxyproto.MaxHeader {
			t.Fatalf("%d bytes are not enough", len(text))
		}
		for i := range min(len(text), 300) {
			if _, part, partErr := proxyproto.Parse(text[:i]); part != 0 && (part != n || err != nil) || partErr != nil && err == nil {
				t.Fatalf("%d bytes: %d, %v; all: %d, %v", i, part, partErr, n, err)
			}
		}
		if err != nil || n == 0 {
			return
		}
		h.TLS = false
		if o, m, err := theirs(text); err == nil && (o != h || m != n) {
			t.Errorf("%+v, %d bytes; another parser: %+v, %d", h, n, o, m)
		}
	})
}

// TestLikeAnother: all that is good is good for another parser too, but for what
// the specification wants read past and it refuses (section 2.2: the family of
// LOCAL, and UNSPEC).
func TestLikeAnother(t *testing.T) {
	for _, v := range good {
		o, n, err := theirs([]byte(v.text))
		if v.name == "2, local with nonsense" || v.name == "2, unspecified" {
			if err == nil {
				t.Errorf("%s: another parser takes it now", v.name)
			}
			continue
		}
		o.TLS = v.want.TLS
		if err != nil || n != len(v.text) || o != v.want {
			t.Errorf("%s: another parser has %+v, %d, %v, want %+v, %d", v.name, o, n, err, v.want, len(v.text))
		}
	}
}

// TestFromAnother: headers that another program writes are read.
func TestFromAnother(t *testing.T) {
	src, dst := &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 4711}, &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 443}
	for _, version := range []byte{1, 2} {
		var b bytes.Buffer
		if _, err := oracle.HeaderProxyFromAddrs(version, src, dst).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		h, n, err := proxyproto.Parse(b.Bytes())
		if err != nil || n != b.Len() || h != ends("[2001:db8::7]:4711", "[2001:db8::1]:443") {
			t.Errorf("version %d: %+v, %d, %v", version, h, n, err)
		}
	}
}
