// The slow and obvious twin: the same rules written with regular expressions and splitting, over complete input.

package http1_test

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/transport/http1"
)

const (
	tokenPattern = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
	pathOctet    = `(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\[\]|]|%[0-9A-Fa-f]{2})`
	queryPattern = `(?:\?((?:` + pathOctet + "|[?%{}^`])*))?"
	hostPattern  = `(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*`
)

var (
	startLine = regexp.MustCompile(`^(` + tokenPattern + `) (\S+) HTTP/1\.([0-9])$`)
	fieldLine = regexp.MustCompile(`^(` + tokenPattern + `):[ \t]*(.*?)[ \t]*$`)
	noControl = regexp.MustCompile(`^[^\x00-\x08\x0a-\x1f\x7f]*$`)
	origin    = regexp.MustCompile(`^(/` + pathOctet + `*)` + queryPattern + `$`)
	absolute  = regexp.MustCompile(`^(?i:https?)://([^/?]+)((?:/` + pathOctet + `*)?)` + queryPattern + `$`)
	authority = regexp.MustCompile(`^(?:` + hostPattern + `|\[([^\]]*)\])(?::([0-9]*))?$`)
	sizeLine  = regexp.MustCompile(`^([0-9A-Fa-f]{1,16})((?:[ \t]*;[ \t]*` + tokenPattern + `(?:[ \t]*=[ \t]*(?:` + tokenPattern +
		`|"(?:[^"\\]|\\.)*"))?)*)$`)
)

// slowRequest is what a complete head means.
type slowRequest struct {
	method, target, path, query, host string
	minor                             int
	names, values                     []string
	length                            uint64
	chunked, keepAlive, upgrade, wait bool
}

// slowHead reads a head that must end at the end of text; limits are not its business.
func slowHead(text string) (r slowRequest, ok bool) {
	for strings.HasPrefix(text, "\r\n") {
		text = text[2:]
	}
	text, ok = strings.CutSuffix(text, "\r\n\r\n")
	if !ok {
		return r, false
	}
	lines := strings.Split(text, "\r\n")
	for _, line := range lines {
		if !noControl.MatchString(line) {
			return r, false
		}
	}
	start := startLine.FindStringSubmatch(lines[0])
	if start == nil || start[1] == "CONNECT" {
		return r, false
	}
	r.method, r.target = start[1], start[2]
	r.minor, _ = strconv.Atoi(start[3])
	for _, line := range lines[1:] {
		field := fieldLine.FindStringSubmatch(line)
		if field == nil {
			return r, false
		}
		r.names = append(r.names, strings.ToLower(field[1]))
		r.values = append(r.values, field[2])
	}
	return r, r.readFields() && r.readTarget()
}

func (r *slowRequest) all(name string) (values []string) {
	for i := range r.names {
		if r.names[i] == name {
			values = append(values, r.values[i])
		}
	}
	return values
}

func (r *slowRequest) readFields() bool {
	hosts, lengths, codings := r.all("host"), r.all("content-length"), r.all("transfer-encoding")
	if len(hosts) > 1 || len(hosts) == 0 && r.minor > 0 {
		return false
	}
	for _, r.host = range hosts {
		if !slowAuthority(r.host) {
			return false
		}
	}
	if len(lengths)+len(codings) > 1 || len(codings) == 1 && r.minor == 0 {
		return false
	}
	for _, length := range lengths {
		if !regexp.MustCompile(`^[0-9]+$`).MatchString(length) {
			return false
		}
		number, _ := new(big.Int).SetString(length, 10)
		if !number.IsUint64() {
			return false
		}
		r.length = number.Uint64()
	}
	for _, coding := range codings {
		if strings.ToLower(coding) != "chunked" {
			return false
		}
		r.chunked = true
	}
	for _, expectation := range r.all("expect") {
		if strings.ToLower(expectation) != "100-continue" {
			return false
		}
		r.wait = r.minor > 0
	}
	r.keepAlive = r.minor > 0
	closes := false
	for option := range strings.SplitSeq(strings.Join(r.all("connection"), ","), ",") {
		switch strings.ToLower(strings.Trim(option, " \t")) {
		case "close":
			closes = true
		case "keep-alive":
			r.keepAlive = true
		case "upgrade":
			r.upgrade = true
		}
	}
	r.keepAlive = r.keepAlive && !closes
	return true
}

func (r *slowRequest) readTarget() bool {
	if r.target == "*" {
		r.path = "*"
		return true
	}
	if m := origin.FindStringSubmatch(r.target); m != nil {
		r.path, r.query = m[1], m[2]
	} else if m := absolute.FindStringSubmatch(r.target); m != nil {
		r.host, r.path, r.query = m[1], m[2], m[3]
		if !slowAuthority(r.host) || r.host[0] == ':' {
			return false
		}
		if r.path == "" {
			r.path = "/"
		}
	} else {
		return false
	}
	return !strings.Contains(r.path, "%00")
}

func slowAuthority(s string) bool {
	m := authority.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	if strings.HasPrefix(s, "[") {
		addr, err := netip.ParseAddr(m[1])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return false
		}
	}
	port, _ := new(big.Int).SetString("0"+m[2], 10)
	return port.Cmp(big.NewInt(65535)) <= 0
}

// agrees tells whether the fast result says the same.
func (r *slowRequest) agrees(f *http1.Request) bool {
	same := r.method == string(f.Method) && r.target == string(f.Target) && r.path == string(f.Path) &&
		r.query == string(f.RawQuery) && r.host == string(f.Host) && r.minor == f.Minor && r.length == f.ContentLength &&
		r.chunked == f.Chunked && r.keepAlive == f.KeepAlive && r.upgrade == f.UpgradeRequested && r.wait == f.ExpectContinue
	i := 0
	f.Each(func(name, value []byte) {
		same = same && i < len(r.names) && r.names[i] == strings.ToLower(string(name)) && r.values[i] == string(value)
		i++
	})
	for name, kept := range map[string]struct {
		value []byte
		lines int
	}{
		"origin":                   {f.Origin, f.OriginLines},
		"upgrade":                  {f.Upgrade, f.UpgradeLines},
		"sec-websocket-key":        {f.SecWebSocketKey, f.KeyLines},
		"sec-websocket-version":    {f.SecWebSocketVersion, f.VersionLines},
		"sec-websocket-protocol":   {f.SecWebSocketProtocol, f.ProtocolLines},
		"sec-websocket-extensions": {f.SecWebSocketExtensions, f.ExtensionsLines},
		"content-type":             {f.ContentType, -1},
		"content-encoding":         {f.ContentEncoding, -1},
		"accept-encoding":          {f.AcceptEncoding, -1},
		"user-agent":               {f.UserAgent, -1},
	} {
		values := r.all(name)
		same = same && (kept.value != nil) == (len(values) > 0) && (len(values) == 0 || values[0] == string(kept.value)) &&
			(kept.lines < 0 || kept.lines == len(values)) && string(f.Get(name)) == string(kept.value)
	}
	return same && i == len(r.names)
}

// slowChunks reads a chunked body at the front of text; limits are not its business. ok is false for a body that is not complete
// as well as for one that is wrong.
func slowChunks(text string) (data string, consumed int, ok bool) {
	rest := text
	line := func() (string, bool) {
		line, after, found := strings.Cut(rest, "\r\n")
		rest = after
		return line, found && noControl.MatchString(line)
	}
	for {
		l, found := line()
		m := sizeLine.FindStringSubmatch(l)
		if !found || m == nil {
			return "", 0, false
		}
		size, _ := strconv.ParseUint(m[1], 16, 64)
		if size == 0 {
			break
		}
		if uint64(len(rest)) < size || !strings.HasPrefix(rest[size:], "\r\n") {
			return "", 0, false
		}
		data += rest[:size]
		rest = rest[size+2:]
	}
	for {
		l, found := line()
		if !found {
			return "", 0, false
		}
		if l == "" {
			return data, len(text) - len(rest), true
		}
		m := fieldLine.FindStringSubmatch(l)
		if m == nil {
			return "", 0, false
		}
		switch strings.ToLower(m[1]) {
		case "host", "content-length", "transfer-encoding":
			return "", 0, false
		}
	}
}
