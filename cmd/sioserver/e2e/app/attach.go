// The application inside a server of package net/http: the flag --attach.

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/sioserver/sioserver/loop"
)

// attach serves the application by a server of package net/http, within TLS if
// there is a certificate: over HTTP/1.1 (http1), over HTTP/2 too (h2), or so that
// only websockets may come over HTTP/1.1 (h2-only).
func attach(server *loop.Server, f flags) (*http.Server, error) {
	host := &http.Server{Handler: server.Handler(), TLSConfig: f.tls}
	switch f.attach {
	case "http1":
		host.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	case "h2":
	case "h2-only":
		host.Handler = refuseHTTP1(host.Handler)
	default:
		return nil, fmt.Errorf("--attach %s: it must be none, http1, h2, h2-only or gnet", f.attach)
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, err
	}
	if f.tls == nil {
		go func() { _ = host.Serve(listener) }()
	} else {
		go func() { _ = host.ServeTLS(server.Listener(listener), "", "") }()
	}
	return host, nil
}

func refuseHTTP1(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 && r.Header.Get("Upgrade") == "" {
			http.Error(w, "over HTTP/2, please", http.StatusHTTPVersionNotSupported)
			return
		}
		next.ServeHTTP(w, r)
	})
}
