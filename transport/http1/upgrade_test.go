// The upgrade vectors, as far as the head goes.

package http1_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

// upgradeHeads lists the upgrade vectors that are answered by the package above: the accept key, the Upgrade value, versions,
// extensions, subprotocols, sessions and origins are its business. Here their heads must parse, and say what that package will ask.
var upgradeHeads = map[string]func(r *http1.Request) bool{
	"ws-baseline": func(r *http1.Request) bool {
		return r.UpgradeRequested && r.KeepAlive && string(r.Upgrade) == "websocket" &&
			string(r.SecWebSocketKey) == "dGhlIHNhbXBsZSBub25jZQ==" && string(r.SecWebSocketVersion) == "13"
	},
	"ws-upgrade-case":         func(r *http1.Request) bool { return string(r.Upgrade) == "WebSocket" },
	"ws-connection-lower":     func(r *http1.Request) bool { return r.UpgradeRequested },
	"ws-connection-two-lines": func(r *http1.Request) bool { return r.UpgradeRequested && r.KeepAlive },
	"ws-frame-in-same-packet": func(r *http1.Request) bool { return r.UpgradeRequested && !r.HasBody() },
	"ws-webkit-deflate": func(r *http1.Request) bool {
		return string(r.SecWebSocketExtensions) == "x-webkit-deflate-frame"
	},
	"ws-protocol-one":         func(r *http1.Request) bool { return string(r.SecWebSocketProtocol) == "foo" },
	"ws-accept-in-request":    func(r *http1.Request) bool { return string(r.Get("Sec-WebSocket-Accept")) == "x" },
	"ws-no-upgrade-header":    func(r *http1.Request) bool { return r.UpgradeRequested && r.Upgrade == nil },
	"ws-connection-substring": func(r *http1.Request) bool { return !r.UpgradeRequested },
	"ws-connection-close-upgrade": func(r *http1.Request) bool {
		return r.UpgradeRequested && !r.KeepAlive
	},
	"ws-upgrade-h2c":         func(r *http1.Request) bool { return string(r.Upgrade) == "h2c" },
	"ws-upgrade-list":        func(r *http1.Request) bool { return string(r.Upgrade) == "websocket, h2c" },
	"ws-upgrade-two-lines":   func(r *http1.Request) bool { return r.UpgradeLines == 2 },
	"h2c-upgrade-on-get":     func(r *http1.Request) bool { return string(r.Path) == "/probe" },
	"tls-upgrade-on-get":     func(r *http1.Request) bool { return string(r.Upgrade) == "TLS/1.2" },
	"ws-http10":              func(r *http1.Request) bool { return r.Minor == 0 },
	"ws-with-content-length": func(r *http1.Request) bool { return r.HasBody() && r.ContentLength == 5 },
	"ws-key-15-bytes":        nil,
	"ws-key-17-bytes":        nil,
	"ws-key-no-padding":      nil,
	"ws-key-urlsafe":         nil,
	"ws-key-twice":           func(r *http1.Request) bool { return r.KeyLines == 2 },
	"ws-key-8k":              nil,
	"ws-version-missing":     func(r *http1.Request) bool { return r.VersionLines == 0 && r.SecWebSocketVersion == nil },
	"ws-version-12":          nil,
	"ws-version-14":          nil,
	"ws-version-0":           nil,
	"ws-version-neg":         nil,
	"ws-version-256-wrap":    nil,
	"ws-version-list":        func(r *http1.Request) bool { return string(r.SecWebSocketVersion) == "13, 8" },
	"ws-version-junk":        nil,
	"ws-version-8":           nil,
	"ws-version-lead-zero":   func(r *http1.Request) bool { return string(r.SecWebSocketVersion) == "013" },
	"ws-version-twice":       func(r *http1.Request) bool { return r.VersionLines == 2 },
	"ws-protocol-empty": func(r *http1.Request) bool {
		return r.SecWebSocketProtocol != nil && len(r.SecWebSocketProtocol) == 0
	},
	"ws-protocol-empty-elem":     nil,
	"ws-protocol-quoted":         nil,
	"ws-protocol-spaces-7k":      nil,
	"ws-pmd-plain":               nil,
	"ws-pmd-client-bits":         nil,
	"ws-pmd-client-bits-10":      nil,
	"ws-pmd-quoted-bits":         nil,
	"ws-pmd-nct":                 nil,
	"ws-pmd-fallback":            nil,
	"ws-pmd-bits-7":              nil,
	"ws-pmd-bits-16":             nil,
	"ws-pmd-bits-lead-zero":      nil,
	"ws-pmd-bits-empty":          nil,
	"ws-pmd-server-bits-novalue": nil,
	"ws-pmd-nct-with-value":      nil,
	"ws-pmd-unknown-param":       nil,
	"ws-ext-unterminated-quote":  nil,
	"ws-ext-trailing-semicolon":  nil,
	"ws-ext-equals-only":         nil,
	"ws-ext-constructor":         nil,
	"ws-ext-100-offers":          nil,
	"ws-two-ext-lines": func(r *http1.Request) bool {
		var all []string
		r.EachValue("sec-websocket-extensions", func(v []byte) { all = append(all, string(v)) })
		return r.ExtensionsLines == 2 && slices.Equal(all, []string{"foo", "permessage-deflate"})
	},
	"ws-origin-evil":       func(r *http1.Request) bool { return string(r.Origin) == "https://evil.example" },
	"ws-sid-proto":         nil,
	"ws-transport-polling": nil,
	"ws-transport-missing": nil,
}

// refusedUpgradeHeads are those whose fault lies in the head itself.
var refusedUpgradeHeads = map[string]*http1.Error{
	"ws-protocol-ctl": http1.ErrControl,
}

func TestUpgradeHeads(t *testing.T) {
	seen := 0
	for _, v := range loadVectors(t) {
		if v.Group != "upgrade" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			var r http1.Request
			want := parseWhole(v.Raw, &r)
			if fault, ok := refusedUpgradeHeads[v.Name]; ok {
				if want.err != fault || !slices.Contains(v.Expect.Status, fault.Status) {
					t.Fatalf("got %v, want %v", want.err, fault)
				}
				return
			}
			check, ok := upgradeHeads[v.Name]
			if !ok {
				t.Fatal("not listed")
			}
			if want.err != nil || want.n != bytes.Index(v.Raw, []byte("\r\n\r\n"))+4 {
				t.Fatalf("%d bytes, %v", want.n, want.err)
			}
			if check != nil && !check(&r) {
				t.Errorf("unexpected %+v", r)
			}
			if got := parseCut(eachByte(v.Raw)); got != want {
				t.Errorf("byte by byte %+v, whole %+v", got, want)
			}
		})
	}
	if seen != len(upgradeHeads)+len(refusedUpgradeHeads) {
		t.Errorf("%d vectors, %d listed", seen, len(upgradeHeads)+len(refusedUpgradeHeads))
	}
}
