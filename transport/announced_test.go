// PROXY headers in front of a connection: in pieces, missing, wrong, late.

package transport

import (
	"errors"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/proxyproto"
)

// announced dials a connection whose header is to come.
func announced(k *kernel, required bool, said *[]string) *peer {
	p := k.dial(0)
	p.loop.engine.Await(p.conn, &Announced{
		Required: required,
		Said:     func(_ *Conn, h *proxyproto.Header) { *said = append(*said, h.Source.String()) },
		Failed:   func(_ *Conn, err error) { *said = append(*said, err.Error()) },
	})
	return p
}

const line1 = "PROXY TCP4 192.0.2.77 198.51.100.1 4711 443\r\n"

const bytes2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" +
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x67\x01\xbb"

func TestAnnounced(t *testing.T) {
	for _, v := range []struct {
		name, header string
		required     bool
		said         string
	}{
		{"version 1", line1, true, "192.0.2.77:4711"},
		{"version 2", bytes2, true, "[2001:db8::7]:4711"},
		{"not known", "PROXY UNKNOWN\r\n", true, "invalid AddrPort"},
		{"optional", line1, false, "192.0.2.77:4711"},
		{"none", "", false, ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				var said []string
				p := announced(k, v.required, &said)
				p.cut = cut
				p.send(v.header + request("GET", "", ""))
				if r := p.responses(); len(r) != 1 || r[0].status != 200 {
					t.Errorf("%v", r)
				}
				if got := strings.Join(said, " "); got != v.said {
					t.Errorf("%q, want %q", got, v.said)
				}
				k.finish()
			})
		})
	}
}

// TestAnnouncedWrongly: the connection is closed without a word, and nothing of
// it is kept.
func TestAnnouncedWrongly(t *testing.T) {
	for name, v := range map[string]struct {
		required bool
		sent     string
		want     error
	}{
		"none":              {true, request("GET", "", ""), proxyproto.ErrMissing},
		"half, then others": {true, "PROXGET / HTTP/1.1\r\n\r\n", proxyproto.ErrMissing},
		"too long":          {false, "PROXY " + strings.Repeat("x", 200), proxyproto.ErrTooLong},
		"malformed":         {false, "PROXY TCP4 x\r\n" + request("GET", "", ""), proxyproto.ErrMalformed},
		"version 3":         {false, strings.Replace(bytes2, "\x21\x21", "\x31\x21", 1), proxyproto.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				var got error
				p := k.dial(0)
				p.cut = cut
				p.loop.engine.Await(p.conn, &Announced{Required: v.required, Failed: func(_ *Conn, err error) { got = err }})
				p.send(v.sent)
				if !errors.Is(got, v.want) || !p.over || len(p.got) > 0 {
					t.Errorf("%v, closed is %v, %d bytes answered, want %v", got, p.over, len(p.got), v.want)
				}
				if n := k.stats().ProxyFailures; n != 1 {
					t.Errorf("%d failures are counted", n)
				}
				k.finish()
			})
		})
	}
}

// TestAnnouncedLate: a header has as long as the head of a request, from accept.
func TestAnnouncedLate(t *testing.T) {
	for _, sent := range []string{"", line1[:len(line1)-1], bytes2[:20]} {
		k := one(t)
		var said []string
		p := announced(k, true, &said)
		p.send(sent)
		k.within(10_000, 10_200, "the end of the connection", func() bool { return p.over })
		if strings.Join(said, " ") != ErrProxyTimeout.Error() || len(p.got) > 0 {
			t.Errorf("%q, %q", said, p.got)
		}
		if st := k.stats(); st.Limits[LimitProxyTime] != 1 || st.ProxyFailures != 1 {
			t.Errorf("%d hits, %d failures", st.Limits[LimitProxyTime], st.ProxyFailures)
		}
		k.finish()
	}
}

// TestAnnouncedGone: who leaves in the middle, and a server that ends.
func TestAnnouncedGone(t *testing.T) {
	k := one(t)
	var said []string
	p := announced(k, true, &said)
	p.send(line1[:9])
	p.hangUp()
	q := announced(k, true, &said)
	q.send(bytes2[:9])
	k.finish()
	if len(said) > 0 {
		t.Errorf("%q", said)
	}
}
