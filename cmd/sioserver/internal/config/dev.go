// Development mode: other defaults, and loopback only.

package config

import (
	"net"
	"strings"
)

// The addresses of development mode.
const (
	devListen = "127.0.0.1:3000"
	DevKey    = "dev" // of the API, unless keys are given
)

// development changes what is open to change: everybody may come in, from this
// machine alone. What was given by file, variable or flag stays, but for the
// host of addresses that were given for production.
func development(c *Loaded) {
	c.Relay = !c.Given("namespaces")
	if !c.Given("server.listen") {
		c.Server.Listen = []string{devListen}
	} else if c.Source("server.listen").Kind == FromFile {
		for i, a := range c.Server.Listen {
			if _, port, err := net.SplitHostPort(a); err == nil && !Loopback(a) {
				c.Server.Listen[i] = net.JoinHostPort("127.0.0.1", port)
			}
		}
	}
	if !c.Given("control.listen") && (len(c.Server.Listen) != 1 || c.Server.Listen[0] != devListen) {
		c.Control.Listen = "127.0.0.1:0"
	}
	if !c.Given("auth.required") {
		c.Auth.Required = false
	}
	if !c.Given("control.keys") {
		c.Control.Keys = []Key{{Name: DevKey, Key: DevKey, Scopes: []string{"emit", "read", "manage", "admin"}}}
	}
	if !c.Given("server.reuse_port") {
		c.Server.ReusePort = false
	}
}

// Loopback reports whether an address is reachable from this machine only.
func Loopback(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
