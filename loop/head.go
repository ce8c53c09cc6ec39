// Requests of package net/http in the form in which the engines read them.

package loop

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// appendHead appends the head of a request as it would come over a connection.
// What package net/http has taken out of the header fields is put back;
// Connection only with hop, for a request that goes on over its own connection.
// The target is the one that handlers see: middleware may have cut a prefix off.
func appendHead(dst []byte, r *http.Request, hop bool) []byte {
	b := bytes.NewBuffer(dst)
	minor := 1
	if r.ProtoMajor == 1 {
		minor = min(1, r.ProtoMinor)
	}
	b.WriteString(r.Method + " " + requestTarget(r) + " HTTP/1." + strconv.Itoa(minor) + "\r\n")
	if r.Host != "" || minor > 0 {
		b.WriteString("Host: " + oneLine.Replace(r.Host) + "\r\n")
	}
	switch {
	case len(r.TransferEncoding) > 0 || r.ContentLength < 0:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case r.ContentLength > 0:
		b.WriteString("Content-Length: " + strconv.FormatInt(r.ContentLength, 10) + "\r\n")
	}
	without := framingFields
	if !hop {
		without = hopFields
	}
	_ = r.Header.WriteSubset(b, without) // to memory; line breaks in values become spaces
	b.WriteString("\r\n")
	return b.Bytes()
}

// Fields that appendHead writes by itself, or leaves out.
var (
	framingFields = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true}
	hopFields     = map[string]bool{
		"Host": true, "Content-Length": true, "Transfer-Encoding": true,
		"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Expect": true, "Upgrade": true,
	}
)

// oneLine keeps what is not checked on every way from breaking the line.
var oneLine = strings.NewReplacer("\r", "%0D", "\n", "%0A", " ", "%20", "\t", "%09")

// requestTarget is the path and query of a request.
func requestTarget(r *http.Request) string {
	target := r.URL.EscapedPath()
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		target += "?" + r.URL.RawQuery
	}
	return oneLine.Replace(target)
}

// loopFor is the loop of the session that a request names, or the next in turn.
func (s *Server) loopFor(r *http.Request) int {
	if home := s.engines[0].Home([]byte(r.URL.Query().Get("sid"))); home != nil {
		return home.Index()
	}
	return int(s.turn.Add(1)) % len(s.loops)
}
