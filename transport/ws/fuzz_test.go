// Fuzz targets, each seeded with the table of its unit test.

package ws_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"unicode/utf8"

	"github.com/sioserver/sioserver/transport/ws"
)

func FuzzParseHeader(f *testing.F) {
	for _, c := range headers {
		p, _ := hex.DecodeString(c.hex)
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) { checkHeader(t, p) })
}

func FuzzReader(f *testing.F) {
	for _, v := range loadVectors(f) {
		if in := v.stream(f); len(in) < 1000 {
			f.Add(in, v.Offer != "", uint64(len(in)))
		}
	}
	for i, s := range texts {
		f.Add(join(split(opText, []byte(s), 2), frame(fin|opClose, closeBody(1000+i, s[:min(len(s), 123)]))), i%2 == 0, uint64(i))
	}
	lim := ws.Limits{Message: 600, Fragments: 20, EmptyFragments: 5}
	f.Fuzz(func(t *testing.T, in []byte, compression bool, seed uint64) {
		if len(in) < 8<<10 {
			checkTwin(t, in, lim, compression, seed)
		}
	})
}

func FuzzUTF8(f *testing.F) {
	for i, s := range texts {
		f.Add([]byte(s), uint8(i))
	}
	f.Fuzz(func(t *testing.T, p []byte, size uint8) {
		if got := ws.ValidUTF8(p); got != utf8.Valid(p) {
			t.Fatalf("%q: %v", p, got)
		}
		if len(p) < 4<<10 {
			checkPieces(t, string(p), func() int { return int(size%16) + 1 })
		}
	})
}

func FuzzUnmask(f *testing.F) {
	for n := range 40 {
		f.Add(pattern(n*n), uint32(n*0x01030507), n)
	}
	f.Fuzz(func(t *testing.T, p []byte, key uint32, cut int) {
		checkUnmask(t, p, key, min(max(cut, 0), len(p)))
	})
}

func FuzzOffers(f *testing.F) {
	for _, c := range offers {
		f.Add([]byte(c.value))
	}
	f.Fuzz(func(t *testing.T, value []byte) { checkOffers(t, value) })
}

// FuzzCheckAccept: whatever is accepted has an answer of one head, and its protocol is a token.
func FuzzCheckAccept(f *testing.F) {
	for _, v := range loadUpgrades(f) {
		req := request(vectorBytes(v.Raw))
		f.Add(req.Upgrade, req.Key, req.Version, req.Protocols, req.Extensions)
	}
	f.Fuzz(func(t *testing.T, upgrade, key, version, protocols, extensions []byte) {
		req := goodRequest()
		req.Upgrade, req.Key, req.Version, req.Protocols, req.Extensions = upgrade, key, version, protocols, extensions
		if len(protocols) > 0 {
			req.ProtocolLines = 1
		}
		if ws.CheckAccept(&req) != nil {
			return
		}
		answer := ws.AppendAccept(nil, key, ws.Answer{Protocol: ws.FirstProtocol(protocols)})
		if bytes.Index(answer, []byte("\r\n\r\n")) != len(answer)-4 {
			t.Fatalf("%q", answer)
		}
	})
}
