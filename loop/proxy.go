// Who the client is behind proxies that the server trusts.

package loop

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/transport/http1"
)

// proxies are the addresses of proxies that are believed what they say about
// their clients.
type proxies []netip.Prefix

// trusts reports whether an address is one of a trusted proxy.
func (t proxies) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(t, func(p netip.Prefix) bool { return p.Contains(a) })
}

// sent reports whether the other end of a connection is a trusted proxy.
func (t proxies) sent(from peer) bool {
	a, err := netip.ParseAddrPort(from.remote)
	return from.trusted || err == nil && t.trusts(a.Addr().Unmap())
}

// hop is what a proxy says about one of those in front of it.
type hop struct {
	addr  netip.Addr
	https bool
}

// client returns the address of a request's client as host:port, and whether
// the client used TLS as far as is known. from is the other end of the
// connection. Proxies that write X-Forwarded-For and those that write Forwarded
// leave the other field as the client sent it; if both are there and name
// different clients, neither is believed.
func (t proxies) client(from peer, h http.Header) (addr string, https bool) {
	remote, https := from.remote, from.https()
	if len(t) == 0 && !from.trusted || !t.sent(from) {
		return remote, https
	}
	var found hop
	old, standard := xForwarded(h), forwarded(h)
	switch {
	case len(old) > 0 && len(standard) > 0:
		a, b := t.last(old), t.last(standard)
		if a.addr != b.addr {
			return remote, false
		}
		found = hop{a.addr, a.https && b.https}
	case len(old) > 0:
		found = t.last(old)
	case len(standard) > 0:
		found = t.last(standard)
	default:
		// A proxy that tells the scheme alone, or a client of its own.
		if scheme := lastOf(h, "X-Forwarded-Proto"); scheme != "" {
			https = scheme == "https"
		}
		return remote, https
	}
	if !found.addr.IsValid() {
		return remote, false
	}
	return netip.AddrPortFrom(found.addr, 0).String(), found.https
}

// proxyFields are the fields that proxies write.
func proxyFields(r *http1.Request) http.Header {
	h := http.Header{}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"} {
		r.EachValue(name, func(v []byte) { h.Add(name, string(v)) })
	}
	return h
}

// last goes from the nearest hop to the client and returns the first that is not
// a trusted proxy. Behind one that is no address nothing is believed.
func (t proxies) last(hops []hop) (found hop) {
	for _, h := range slices.Backward(hops) {
		if !h.addr.IsValid() {
			return found
		}
		if found = h; !t.trusts(h.addr) {
			return found
		}
	}
	return found
}

// xForwarded are the hops that X-Forwarded-For names, the client first.
func xForwarded(h http.Header) (hops []hop) {
	schemes := listOf(h, "X-Forwarded-Proto")
	names := listOf(h, "X-Forwarded-For")
	for i, name := range names {
		// Some proxies tell the scheme of each hop, most that of the client.
		scheme := ""
		switch len(schemes) {
		case 1:
			scheme = schemes[0]
		case len(names):
			scheme = schemes[i]
		}
		hops = append(hops, hop{parseNode(name), strings.EqualFold(scheme, "https")})
	}
	return hops
}

// forwarded are the hops of Forwarded (RFC 7239), the client first.
func forwarded(h http.Header) (hops []hop) {
	for _, element := range listOf(h, "Forwarded") {
		var one hop
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "for":
				one.addr = parseNode(value)
			case "proto":
				one.https = strings.EqualFold(value, "https")
			}
		}
		hops = append(hops, one)
	}
	return hops
}

// listOf are the elements of a list that may stand on several lines.
func listOf(h http.Header, name string) (list []string) {
	for _, line := range h.Values(name) {
		for _, e := range strings.Split(line, ",") {
			if e = strings.TrimSpace(e); e != "" {
				list = append(list, e)
			}
		}
	}
	return list
}

func lastOf(h http.Header, name string) string {
	list := listOf(h, name)
	if len(list) == 0 {
		return ""
	}
	return strings.ToLower(list[len(list)-1])
}

// parseNode reads an address with or without a port, the zero Addr if it is
// none.
func parseNode(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
