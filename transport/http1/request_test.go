// What a parsed request says: views, flags, fields, hosts.

package http1_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

func mustParse(t testing.TB, raw string) *http1.Request {
	t.Helper()
	var r http1.Request
	got := parseWhole([]byte(raw), &r)
	if got.err != nil || got.n == 0 {
		t.Fatalf("%q: %d bytes, %v", raw, got.n, got.err)
	}
	return &r
}

func TestTargetForms(t *testing.T) {
	tests := []struct {
		target, path, query, authority, host string
		hasQuery                             bool
	}{
		{"/", "/", "", "", "a", false},
		{"/p?", "/p", "", "", "a", true},
		{"/p?q=1?2", "/p", "q=1?2", "", "a", true},
		{"//p//q", "//p//q", "", "", "a", false},
		{"/a%2Fb/../c", "/a%2Fb/../c", "", "", "a", false},
		{"*", "*", "", "", "a", false},
		{"http://b:8080/p?q", "/p", "q", "b:8080", "b:8080", true},
		{"hTTps://[::1]", "/", "", "[::1]", "[::1]", false},
		{"http://b?q", "/", "q", "b", "b", true},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			r := mustParse(t, "GET "+test.target+" HTTP/1.1\r\nHost: a\r\n\r\n")
			if string(r.Target) != test.target || string(r.Path) != test.path || string(r.RawQuery) != test.query ||
				string(r.Authority) != test.authority || string(r.Host) != test.host {
				t.Errorf("got target %q path %q query %q authority %q host %q", r.Target, r.Path, r.RawQuery, r.Authority, r.Host)
			}
			if (r.RawQuery != nil) != test.hasQuery || (r.Authority != nil) != (test.authority != "") {
				t.Errorf("query %#v, authority %#v", r.RawQuery, r.Authority)
			}
		})
	}
}

func TestConnection(t *testing.T) {
	tests := []struct {
		minor   int
		lines   []string
		alive   bool
		upgrade bool
	}{
		{1, nil, true, false},
		{0, nil, false, false},
		{2, nil, true, false},
		{1, []string{"close"}, false, false},
		{1, []string{"CLOSE"}, false, false},
		{1, []string{"closed"}, true, false},
		{1, []string{"xclose"}, true, false},
		{1, []string{"foo ,close"}, false, false},
		{1, []string{"foo", "\tclose\t"}, false, false},
		{1, []string{"close, keep-alive"}, false, false},
		{0, []string{"keep-alive"}, true, false},
		{0, []string{"Keep-Alive, Upgrade"}, true, true},
		{0, []string{"keep-alive", "close"}, false, false},
		{1, []string{"keep-alive, Upgrade"}, true, true},
		{1, []string{"upgrade,"}, true, true},
		{1, []string{",,upgrade"}, true, true},
		{1, []string{"not-upgrade", "upgraded"}, true, false},
		{1, []string{"close", "upgrade"}, false, true},
		{1, []string{"up grade", `"close"`, ""}, true, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("1.%d %q", test.minor, test.lines), func(t *testing.T) {
			raw := fmt.Sprintf("GET / HTTP/1.%d\r\nHost: a\r\n", test.minor)
			for _, line := range test.lines {
				raw += "Connection: " + line + "\r\n"
			}
			r := mustParse(t, raw+"\r\n")
			if r.KeepAlive != test.alive || r.UpgradeRequested != test.upgrade || r.Minor != test.minor {
				t.Errorf("got keep-alive %v, upgrade %v, minor %d", r.KeepAlive, r.UpgradeRequested, r.Minor)
			}
		})
	}
}

func TestFields(t *testing.T) {
	r := mustParse(t, "GET / HTTP/1.1\r\nhOST: a\r\nX-A:1\r\nX-B: \r\nx-a: \t2 \r\nX^: y\r\nX~: z\r\nORIGIN: o1\r\nOrigin: o2\r\n"+
		"content-TYPE: text/plain\r\nContent-Encoding: gzip\r\nAccept-Encoding: br\r\nUser-Agent: u1\r\nUser-Agent: u2\r\n\r\nrest")
	var all []string
	r.Each(func(name, value []byte) { all = append(all, string(name)+"="+string(value)) })
	want := []string{
		"hOST=a", "X-A=1", "X-B=", "x-a=2", "X^=y", "X~=z", "ORIGIN=o1", "Origin=o2", "content-TYPE=text/plain",
		"Content-Encoding=gzip", "Accept-Encoding=br", "User-Agent=u1", "User-Agent=u2",
	}
	if !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
	for name, want := range map[string]string{"x-a": "1", "X-A": "1", "x~": "z", "x^": "y", "host": "a", "origin": "o1"} {
		if got := r.Get(name); string(got) != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := r.Get("X-B"); got == nil || len(got) != 0 {
		t.Errorf("empty field: got %#v", got)
	}
	for _, name := range []string{"X", "", "x-ab", "X-C"} {
		if got := r.Get(name); got != nil {
			t.Errorf("absent field %q: got %#v", name, got)
		}
	}
	var values []string
	r.EachValue("X-a", func(value []byte) { values = append(values, string(value)) })
	if !slices.Equal(values, []string{"1", "2"}) {
		t.Errorf("got %q", values)
	}
	if string(r.Origin) != "o1" || r.OriginLines != 2 || string(r.ContentType) != "text/plain" ||
		string(r.ContentEncoding) != "gzip" || string(r.AcceptEncoding) != "br" || string(r.UserAgent) != "u1" {
		t.Errorf("got %+v", r)
	}
	if r.HasBody() || r.HasContentLength || r.Chunked {
		t.Error("a body out of nothing")
	}
}

func TestContinue(t *testing.T) {
	for raw, want := range map[string]bool{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n": true,
		"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n": false,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n":                         false,
	} {
		if r := mustParse(t, raw); r.ExpectContinue != want || !r.HasBody() {
			t.Errorf("%q: got %v", raw, r.ExpectContinue)
		}
	}
}

// A request leaves nothing behind for the next one.
func TestRequestIsReset(t *testing.T) {
	var r http1.Request
	for _, v := range loadVectors(t) {
		parseWhole(v.Raw, &r)
		if got, want := parseWhole([]byte(browserGet), &r), parseWhole([]byte(browserGet), &http1.Request{}); got != want {
			t.Fatalf("after %s: got %+v, want %+v", v.Name, got, want)
		}
	}
}

// Parse must survive a buffer that shrank, although no caller should do that.
func TestShrunkenBuffer(t *testing.T) {
	var h http1.Head
	var r http1.Request
	if n, err := h.Parse([]byte(browserGet[:200]), &limits, &r); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := h.Parse([]byte("GET / HTTP/1.0\r\n\r\n"), &limits, &r); n != 18 || err != nil {
		t.Error(n, err)
	}
}

// Every octet in every place of the grammar, against the slow twin.
func TestEveryOctet(t *testing.T) {
	places := []string{
		"%cGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"G%cET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET%c/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%c HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a%cb HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a?%cb HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%%4%c HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%%%c0 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://%c/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET %c HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/%c.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1%c1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.%c\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1%c\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r%cHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\n%cHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost%c a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a%c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: %c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:%c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::%c]\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX%c: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y%cz\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: 123456789%c123456789\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: %c123456789\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: 123456789%c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r%c\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n%c\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r%c",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: %c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1%c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked%c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: %cclose\r\n\r\n",
	}
	for _, place := range places {
		if !strings.Contains(strings.ReplaceAll(place, "%%", ""), "%c") {
			t.Fatalf("no place in %q", place)
		}
		for c := range 256 {
			at := strings.Index(place, "%c")
			raw := slices.Concat([]byte(strings.ReplaceAll(place[:at], "%%", "%")), []byte{byte(c)}, []byte(place[at+2:]))
			var r http1.Request
			got := parseWhole(raw, &r)
			checkHead(t, raw, &r, got)
			if cut := parseCut(eachByte(raw)); cut != got {
				t.Errorf("%q byte by byte %+v, whole %+v", raw, cut, got)
			}
		}
	}
}

// Addresses made of likely pieces, judged as netip judges them.
func TestIPv6Hosts(t *testing.T) {
	pieces := []string{
		":", "::", "0", "1", "ffff", "12345", "g", "1:", ":1", "1:2:3:4:5:6:7", "2:3:4:5:6", "192.0.2.1", "1.2.3", "256.1.1.1",
		"01.2.3.4", "::1", ".", "%eth0", "1.2.3.4.5",
	}
	random := rand.New(rand.NewPCG(5, 5))
	valid := 0
	for range 30_000 {
		var text string
		for range 1 + random.IntN(5) {
			text += pieces[random.IntN(len(pieces))]
		}
		addr, err := netip.ParseAddr(text)
		want := err == nil && addr.Is6() && addr.Zone() == ""
		if want {
			valid++
		}
		var r http1.Request
		got := parseWhole([]byte("GET / HTTP/1.1\r\nHost: ["+text+"]:1\r\n\r\n"), &r)
		if (got.err == nil) != want {
			t.Fatalf("%q: got %v, netip says %v", text, got.err, want)
		}
		if want && !bytes.Equal(r.Host, []byte("["+text+"]:1")) {
			t.Fatalf("got host %q", r.Host)
		}
	}
	if valid < 100 {
		t.Errorf("only %d valid addresses tried", valid)
	}
}
