// What must hold between values: first the process, its listeners and its limits.

package config

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// check looks at a whole configuration whose single values are right.
type check struct {
	loaded   *Loaded
	problems []Problem
	warnings []Problem
}

// wrong notes a problem with the value of a key.
func (c *check) wrong(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Source: c.near(path), Path: path, Message: fmt.Sprintf(format, args...)})
}

// warn notes what is allowed and probably not meant.
func (c *check) warn(path, format string, args ...any) {
	c.warnings = append(c.warnings, Problem{Source: c.near(path), Path: path, Message: fmt.Sprintf(format, args...)})
}

// near is where the key was given, or the section around it.
func (c *check) near(path string) Source {
	for path != "" {
		if s, ok := c.loaded.Sources[path]; ok {
			return s
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return Source{}
}

func (c *check) all() {
	c.server()
	c.control()
	c.auth()
	c.hooks()
	c.webhooks()
	c.namespaces()
	c.laravelEcho()
	c.limits()
}

func (c *check) server() {
	s := c.loaded.Server
	if len(s.Listen) == 0 {
		c.wrong("server.listen", "there must be an address to listen on")
	}
	seen := map[string]bool{}
	for i, a := range s.Listen {
		path := fmt.Sprintf("server.listen[%d]", i)
		c.address(path, a, true)
		if c.loaded.Dev && !Loopback(a) {
			c.wrong(path, "development mode lets everybody in and listens on loopback only, not on %s: use 127.0.0.1, [::1] or localhost", a)
		}
		if seen[a] && !strings.HasSuffix(a, ":0") {
			c.wrong(path, "%s stands there twice", a)
		}
		seen[a] = true
		if a == c.loaded.Control.Listen && !strings.HasSuffix(a, ":0") {
			c.wrong("control.listen", "%s is in server.listen too; clients and the control plane have listeners of their own", a)
		}
	}
	if !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, " ?#") {
		c.wrong("server.path", "%q must begin with a slash and have no space, ? or #", s.Path)
	}
	for i, p := range s.TrustedProxies {
		if p != UnixPeers {
			c.prefix(fmt.Sprintf("server.trusted_proxies[%d]", i), p)
		}
	}
	if s.ProxyProtocol != "off" && len(s.TrustedProxies) == 0 {
		c.wrong("server.proxy_protocol", "it is believed from server.trusted_proxies only: give their networks, as in 10.0.0.0/8")
	}
	switch t := s.TLS; {
	case t.Enabled && (t.Cert == "" || t.Key == ""):
		c.wrong("server.tls", "TLS needs both cert and key")
	case !t.Enabled && (t.Cert != "" || t.Key != "" || t.ClientCA != ""):
		c.wrong("server.tls.enabled", "there is a certificate or an authority, and TLS is off: set it to true, or take them out")
	}
	e := c.loaded.Engine
	if len(e.Transports) == 0 {
		c.wrong("engine.transports", "there must be one at least: polling, websocket")
	}
	if c.loaded.Given("engine.compression.context_takeover") && e.Compression.ContextTakeover && !e.Compression.Enabled {
		c.wrong("engine.compression.context_takeover", "it needs engine.compression.enabled: true")
	}
}

// Listener takes an address of the schema apart: what package loop and package
// net call it, and the permissions of a unix socket's file, 0 for what the umask
// leaves.
func Listener(text string) (address string, mode fs.FileMode, err error) {
	if !strings.HasPrefix(text, "unix:") {
		return text, 0, nil
	}
	address, query, has := strings.Cut(text, "?")
	if name := address[len("unix:"):]; !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "@") {
		return "", 0, fmt.Errorf("%q must be unix: and an absolute path", text)
	}
	if !has {
		return address, 0, nil
	}
	octal, ok := strings.CutPrefix(query, "mode=")
	n, err := strconv.ParseUint(octal, 8, 9)
	if !ok || err != nil || n == 0 || strings.HasPrefix(address, "unix:@") {
		return "", 0, fmt.Errorf("%q may end with ?mode= and permissions, as in unix:/run/sio.sock?mode=0660", text)
	}
	return address, fs.FileMode(n), nil
}

// address looks at an address to listen on.
func (c *check) address(path, a string, systemd bool) {
	switch {
	case strings.HasPrefix(a, "unix:"):
		if _, _, err := Listener(a); err != nil {
			c.wrong(path, "%v", err)
		}
		return
	case systemd && strings.HasPrefix(a, "fd:"):
		if a == "fd:" {
			c.wrong(path, "fd: needs the name of the socket, FileDescriptorName= in its unit")
		}
		return
	}
	_, port, err := net.SplitHostPort(a)
	if err != nil {
		if n, e := strconv.Atoi(a); e == nil && n > 0 && n < 1<<16 {
			c.wrong(path, "%q is a port without its colon: \":%s\"", a, a)
			return
		}
		c.wrong(path, "%q must be host:port, as in \":3000\" or \"127.0.0.1:3000\", or unix:/path", a)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		c.wrong(path, "%q has the port %q, it must be from 0 to 65535", a, port)
	}
}

// prefixes looks at networks.
func (c *check) prefixes(path string, list []string) {
	for i, p := range list {
		c.prefix(fmt.Sprintf("%s[%d]", path, i), p)
	}
}

func (c *check) prefix(path, text string) {
	if _, err := Prefix(text); err != nil {
		c.wrong(path, "%q must be a network, as in 10.0.0.0/8 or fd00::/8, or an address", text)
	}
}

// UnixPeers stands in server.trusted_proxies for whoever connects to a unix
// socket, where nobody has an address.
const UnixPeers = "unix:"

// Prefix reads a network, or an address, which is a network of one.
func Prefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// web looks at the address of a backend.
func (c *check) web(path, text string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
	case err != nil:
		c.wrong(path, "it is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.wrong(path, "%q must be a URL, as in https://app.example/hooks", text)
	case u.User != nil:
		c.wrong(path, "the URL must not hold a user and a password: requests are signed instead")
	}
}

func (c *check) control() {
	k := c.loaded.Control
	c.address("control.listen", k.Listen, false)
	switch {
	case c.loaded.Dev && !Loopback(k.Listen):
		c.wrong("control.listen", "development mode listens on loopback only, not on %s", k.Listen)
	case !Loopback(k.Listen):
		c.warn("control.listen", "%s can be reached from other machines, without TLS: keep it in a trusted network", k.Listen)
	}
	if p := k.AdminUI.Path; !strings.HasPrefix(p, "/") || !strings.HasSuffix(p, "/") || p == "/" {
		c.wrong("control.admin_ui.path", "%q must begin and end with a slash, and have something between", p)
	}
	names := map[string]bool{}
	for i, key := range k.Keys {
		path := fmt.Sprintf("control.keys[%d]", i)
		if names[key.Name] {
			c.wrong(path+".name", "there are two keys with the name %q", key.Name)
		}
		names[key.Name] = true
		c.key(path, key)
	}
	if len(k.Keys) == 0 {
		c.warn("control.keys", "there is none: the API and the metrics answer nobody. Make one with \"sioserver secret new\"")
	}
}

// key looks at a key of the API.
func (c *check) key(path string, k Key) {
	switch {
	case k.Key == "" && k.SHA256 == "":
		c.wrong(path, "it needs key or sha256")
	case k.Key != "" && k.SHA256 != "":
		c.wrong(path, "key and sha256 are two ways to say the same: give one")
	case k.Key == DevKey && !c.loaded.Dev:
		c.wrong(path+".key", "everybody knows this key. Make one with \"sioserver secret new\"")
	case k.Key != "" && len(k.Key) < 16 && !c.loaded.Dev:
		c.wrong(path+".key", "it has %d characters, it must have 16 at least. Make one with \"sioserver secret new\"", len(k.Key))
	case k.SHA256 != "" && (len(k.SHA256) != 64 || strings.Trim(strings.ToLower(k.SHA256), "0123456789abcdef") != ""):
		c.wrong(path+".sha256", "it must be 64 hexadecimal digits, as \"printf %%s KEY | sha256sum\" prints")
	}
	if len(k.Scopes) == 0 {
		c.wrong(path+".scopes", "a key without a scope can do nothing")
	}
	c.prefixes(path+".cidrs", k.CIDRs)
	for i, name := range k.Namespaces {
		if !c.hasNamespace(name) {
			c.wrong(fmt.Sprintf("%s.namespaces[%d]", path, i), "there is no namespace %q%s", name, didYouMean(name, c.namespaceNames()))
		}
	}
}

func (c *check) limits() {
	l := c.loaded
	if o := l.Overload; o.MemoryHigh >= o.MemoryCritical {
		c.wrong("overload.memory_high", "%s must be less than overload.memory_critical, %s", o.MemoryHigh, o.MemoryCritical)
	}
	if d := l.Drain; d.PreStop+d.Over > d.Timeout {
		c.wrong("drain.timeout", "%s must not be less than drain.pre_stop and drain.over together, %s", d.Timeout, d.PreStop+d.Over)
	}
	if l.Drain.Over > 0 && l.Drain.MaxRate == 0 {
		c.wrong("drain.max_rate", "at 0/s no transport would ever be closed")
	}
	if l.Recovery.Backend == "redis_streams" && l.Cluster.Backend != "redis_streams" {
		c.wrong("recovery.backend", "redis_streams needs cluster.backend: redis_streams")
	}
	if b := l.Cluster.Backend; b != "none" && l.Recovery.Backend == "memory" && l.Given("namespaces") && len(l.Namespaces) > 0 && l.Namespaces[0].Recovery.Enabled && l.Given("namespaces[0].recovery") {
		c.warn("namespaces[0].recovery", "a cluster over %s has no recovery; cluster.backend and recovery.backend redis_streams have", b)
	}
	if l.Limits.OnUserLimit == "close_oldest" && l.Limits.MaxConnectionsPerUser == 0 {
		c.warn("limits.on_user_limit", "it does nothing without limits.max_connections_per_user")
	}
	for _, v := range []struct {
		path, url string
		on        bool
	}{
		{"cluster.url", string(l.Cluster.URL), l.Cluster.Backend != "none"},
		{"ingest.redis.url", string(l.Ingest.Redis.URL), l.Ingest.Redis.Enabled},
	} {
		u, err := url.Parse(v.url)
		if err == nil && v.path == "cluster.url" && u.Scheme == "unix" && u.Path != "" {
			continue
		}
		unix := err == nil && u.Scheme == "unix" && u.Path != ""
		if v.on && !unix && (err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "") {
			c.wrong(v.path, "it must be redis://host:port/db, rediss:// for TLS, or unix:///path")
		}
	}
}
