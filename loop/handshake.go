// Handshake: what is known of how a client connected.

package loop

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/http1"
)

// Handshake tells how a client connected. It is kept as the bytes that came and
// read when asked, because most of it never is. Its methods may be called from
// any goroutine; the values they return are the caller's.
type Handshake struct {
	request *request
	auth    []byte
}

// request is the HTTP request of an Engine.IO handshake, shared by the sockets
// of a client.
type request struct {
	text    []byte // the head, and behind it who sent it
	head    uint32 // length of the head
	proxied bool   // it came from one of Config.TrustedProxies
	at      int64  // Unix time in nanoseconds
	more    *requestMore
}

// remote is host:port of the client as far as is known.
func (r *request) remote() string { return string(r.text[r.head:]) }

// requestMore is what is known of few requests.
type requestMore struct {
	ctx    context.Context
	secure bool
	tls    *tls.ConnectionState
}

// peer is the other end of a request's connection.
type peer struct {
	remote string               // host:port
	tls    *tls.ConnectionState // nil without TLS
	// trusted: it is a trusted proxy, whatever its address. secure: the proxy says
	// that the client, which remote is, uses TLS.
	trusted, secure bool
	ctx             context.Context // what middleware of package net/http knows, nil if it did not come by that
}

func peerOf(h *transport.Hello) peer {
	p := peer{tls: h.TLS()}
	if o := originOf(h); o.ctx != nil {
		p.ctx = o.ctx
		if p.tls == nil {
			p.tls = o.tls
		}
	}
	if h.Remote != nil {
		p.remote = h.Remote.String()
	}
	p.know(h.Remote)
	return p
}

// know notes what a listener and a PROXY header say about the peer.
func (p *peer) know(remote net.Addr) {
	if r, ok := remote.(*reactor.Peer); ok {
		p.trusted, p.secure = r.Trusted, r.TLS
	}
}

// https reports whether the peer uses TLS as far as is known.
func (p *peer) https() bool { return p.tls != nil || p.secure }

// newRequest copies what is kept of a request.
func (s *Server) newRequest(h *transport.Hello) *request {
	from := peerOf(h)
	r := &request{head: uint32(len(h.Head)), at: time.Now().UnixNano()}
	remote := from.remote
	more := requestMore{secure: from.https(), tls: from.tls}
	if more.ctx, _ = h.Value.(context.Context); more.ctx == nil {
		more.ctx = from.ctx
	}
	if len(s.trusted) > 0 || from.trusted {
		r.proxied = s.trusted.sent(from)
		remote, more.secure = s.trusted.client(from, proxyFields(h.Request))
	}
	r.text = append(append(make([]byte, 0, len(h.Head)+len(remote)), h.Head...), remote...)
	if more.ctx != nil || more.secure || more.tls != nil {
		r.more = &more
	}
	return r
}

// parsed calls f with the request, which parsed once before.
func (h *Handshake) parsed(f func(*http1.Request)) {
	if h.request == nil {
		return
	}
	var head http1.Head
	var r http1.Request
	limits := http1.DefaultLimits()
	if _, err := head.Parse(h.request.text[:h.request.head], &limits, &r); err == nil {
		f(&r)
	}
}

// Address is the client's network address without the port: the other end of
// the connection, or who that says it is if it is one of Config.TrustedProxies.
// The other end of a unix socket is "@".
func (h *Handshake) Address() string {
	if h.request == nil {
		return ""
	}
	remote := h.request.remote()
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// Proxied reports whether the request came from one of Config.TrustedProxies: a
// field that the proxy sets, and takes off requests that bring one, is its word
// then.
func (h *Handshake) Proxied() bool { return h.request != nil && h.request.proxied }

// Time is when the client connected.
func (h *Handshake) Time() time.Time {
	if h.request == nil {
		return time.Time{}
	}
	return time.Unix(0, h.request.at)
}

// Issued is [Handshake.Time] in milliseconds since 1970, as the reference tells it.
func (h *Handshake) Issued() int64 {
	if h.request == nil {
		return 0
	}
	return h.Time().UnixMilli()
}

// Secure reports whether the client is known to use TLS: its connection does, or
// one of Config.TrustedProxies says so. If such a proxy says that it does not,
// that is believed, whatever the proxy itself uses.
func (h *Handshake) Secure() bool {
	return h.request != nil && h.request.more != nil && h.request.more.secure
}

// TLS is the state of the connection by which the client came, its own
// certificates in it, nil without TLS. Behind a proxy that is the proxy's. It is
// shared and must not be changed.
func (h *Handshake) TLS() *tls.ConnectionState {
	if h.request == nil || h.request.more == nil {
		return nil
	}
	return h.request.more.tls
}

// Context has the values that [EngineMiddleware] has put into the context of the
// request. It is never cancelled.
func (h *Handshake) Context() context.Context {
	if h.request == nil || h.request.more == nil || h.request.more.ctx == nil {
		return context.Background()
	}
	return h.request.more.ctx
}

// URL is the request's target as it came, path and query.
func (h *Handshake) URL() (target string) {
	h.parsed(func(r *http1.Request) { target = string(r.Target) })
	return target
}

// Query holds the parameters of the query. Those of Engine.IO (EIO, transport,
// t and others) are among them.
func (h *Handshake) Query() url.Values {
	v := url.Values{}
	h.parsed(func(r *http1.Request) {
		http1.EachPair(r.RawQuery, nil, func(key, value []byte) { v.Add(string(key), string(value)) })
	})
	return v
}

// Header holds the header fields.
func (h *Handshake) Header() http.Header {
	v := http.Header{}
	h.parsed(func(r *http1.Request) {
		if len(r.Host) > 0 {
			v.Set("Host", string(r.Host))
		}
		r.Each(func(name, value []byte) {
			if key := http.CanonicalHeaderKey(string(name)); key != "Host" {
				v.Add(key, string(value))
			}
		})
	})
	return v
}

// CrossDomain reports whether the request had an Origin field, which browsers
// send from other pages than the server's.
func (h *Handshake) CrossDomain() (cross bool) {
	h.parsed(func(r *http1.Request) { cross = r.OriginLines > 0 })
	return cross
}

// MarshalJSON encodes what the reference's handshake object holds.
func (h *Handshake) MarshalJSON() ([]byte, error) {
	headers, query := map[string]string{}, map[string]string{}
	for name, list := range h.Header() {
		headers[strings.ToLower(name)] = strings.Join(list, ", ")
	}
	for name, list := range h.Query() {
		query[name] = list[len(list)-1]
	}
	auth := json.RawMessage("{}")
	if len(h.auth) > 0 {
		auth = h.auth
	}
	return json.Marshal(struct {
		Headers map[string]string `json:"headers"`
		Time    string            `json:"time"`
		Address string            `json:"address"`
		XDomain bool              `json:"xdomain"`
		Secure  bool              `json:"secure"`
		Issued  int64             `json:"issued"`
		URL     string            `json:"url"`
		Query   map[string]string `json:"query"`
		Auth    json.RawMessage   `json:"auth"`
	}{
		Headers: headers,
		Time:    h.Time().Format("Mon Jan 02 2006 15:04:05 GMT-0700 (MST)"),
		Address: h.Address(),
		XDomain: h.CrossDomain(),
		Secure:  h.TLS() != nil,
		Issued:  h.Time().UnixMilli(),
		URL:     h.URL(),
		Query:   query,
		Auth:    auth,
	})
}

// RawAuth is the JSON object the client sent with its CONNECT packet, nil if it
// sent none.
func (h *Handshake) RawAuth() json.RawMessage { return clone(h.auth) }

// Auth decodes the object the client sent with its CONNECT packet into v, by
// the rules of encoding/json. Without one v stays as it is.
func (h *Handshake) Auth(v any) error {
	if len(h.auth) == 0 {
		return nil
	}
	return json.Unmarshal(h.auth, v)
}
