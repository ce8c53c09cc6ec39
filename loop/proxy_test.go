// Who the client is behind proxies.

package loop_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestTrustedProxies(t *testing.T) {
	type seen struct {
		address, remote string
		secure          bool
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	const own = "127.0.0.1"
	const xff, xfp, fwd = "X-Forwarded-For: ", "X-Forwarded-Proto: ", "Forwarded: "
	for _, v := range []struct {
		name    string
		trusted []netip.Prefix
		fields  []string
		address string
		secure  bool
	}{
		{"no proxies", nil, []string{xff + "1.1.1.1", xfp + "https"}, own, overTLS},
		{"other proxies", trusted[1:2], []string{xff + "1.1.1.1", xfp + "https", fwd + "for=1.1.1.1;proto=https"}, own, overTLS},
		{"nothing said", trusted, nil, own, overTLS},
		{"scheme alone, not TLS", trusted, []string{xfp + "http"}, own, false},
		{"client", trusted, []string{xff + "1.1.1.1"}, "1.1.1.1", false},
		{"client over TLS", trusted, []string{xff + "1.1.1.1", xfp + "https"}, "1.1.1.1", true},
		{"client over HTTP", trusted, []string{xff + "1.1.1.1", xfp + "http"}, "1.1.1.1", false},
		{"scheme alone", trusted, []string{xfp + "HTTPS"}, own, true},
		{"forged in front", trusted, []string{xff + "6.6.6.6, 1.1.1.1"}, "1.1.1.1", false},
		{"forged on a line of its own", trusted, []string{xff + "6.6.6.6", xff + "1.1.1.1"}, "1.1.1.1", false},
		{"two proxies", trusted, []string{xff + "6.6.6.6, 1.1.1.1, 10.0.0.1"}, "1.1.1.1", false},
		{"scheme of each hop", trusted, []string{xff + "1.1.1.1, 10.0.0.1", xfp + "https, http"}, "1.1.1.1", true},
		{"scheme of another hop", trusted, []string{xff + "1.1.1.1, 10.0.0.1", xfp + "http, https"}, "1.1.1.1", false},
		{"proxies only", trusted, []string{xff + "10.0.0.2, 10.0.0.1"}, "10.0.0.2", false},
		{"garbage", trusted, []string{xff + "x"}, own, false},
		{"garbage behind a proxy", trusted, []string{xff + "unknown, 10.0.0.1"}, "10.0.0.1", false},
		{"port", trusted, []string{xff + "1.1.1.1:99"}, "1.1.1.1", false},
		{"version 6", trusted, []string{xff + "2001:db9::1, 2001:db8::1"}, "2001:db9::1", false},
		{"mapped", trusted, []string{xff + "::ffff:1.1.1.1, ::ffff:10.0.0.1"}, "1.1.1.1", false},
		{"standard", trusted, []string{fwd + `for=6.6.6.6, for="1.1.1.1:80";proto=https;by=x, For=10.0.0.1;proto=http`}, "1.1.1.1", true},
		{"standard, version 6", trusted, []string{fwd + `for="[2001:db9::1]:99"`}, "2001:db9::1", false},
		{"standard, hidden", trusted, []string{fwd + "for=_x;proto=https"}, own, false},
		{"both, the same", trusted, []string{xff + "1.1.1.1", xfp + "https", fwd + "for=1.1.1.1;proto=https"}, "1.1.1.1", true},
		{"both, different", trusted, []string{xff + "6.6.6.6", xfp + "https", fwd + "for=1.1.1.1;proto=https"}, own, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			remotes, sockets := make(chan string, 4), make(chan *loop.Socket, 1)
			s := serve(t, loop.Config{
				TrustedProxies: v.trusted, AllowRequest: func(r *http.Request) error { remotes <- r.RemoteAddr; return nil },
			}, func(s *loop.Server) { s.OnConnection(func(sock *loop.Socket) { sockets <- sock }) })
			w, err := dialWire(s.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			c, err := openWebSocket(w, "", v.fields...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := (&sio{c}).join("/", ""); err != nil {
				t.Fatal(err)
			}
			h := within(t, "the connection", sockets).Handshake()
			if proxied := len(v.trusted) == len(trusted); h.Proxied() != proxied {
				t.Errorf("proxied %v", h.Proxied())
			}
			got := seen{h.Address(), within(t, "AllowRequest", remotes), h.Secure()}
			remote := v.address + ":0"
			if strings.Contains(v.address, ":") {
				remote = "[" + v.address + "]:0"
			}
			if v.address == own {
				remote = w.LocalAddr().String()
			}
			if want := (seen{v.address, remote, v.secure}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if h.Issued() != h.Time().UnixMilli() || h.Issued() == 0 {
				t.Errorf("issued %d, time %s", h.Issued(), h.Time())
			}
		})
	}
	if h := new(loop.Handshake); h.Secure() || h.Issued() != 0 || h.Context().Err() != nil {
		t.Error("something is left in an empty handshake")
	}
}
