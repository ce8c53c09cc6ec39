//go:build !race

// Allocation gates.

package ws_test

import (
	"testing"

	"github.com/sioserver/sioserver/transport/ws"
)

func gate(t *testing.T, name string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations", name, n)
	}
}

func TestAllocations(t *testing.T) {
	lim := ws.DefaultLimits()
	var r ws.Reader
	all := func(in []byte, cut int) {
		for _, p := range [][]byte{in[:cut], in[cut:]} {
			for {
				ev, n, err := r.Next(p, &lim)
				if err != nil {
					t.Fatal(err)
				}
				if ev.Kind == ws.None {
					break
				}
				p = p[n:]
			}
		}
	}
	for _, c := range []struct {
		name string
		in   []byte
		cut  int
	}{
		{"text", frameKey(fin|opText, pattern(64), 0), 0},
		{"binary", frameKey(fin|opBinary, pattern(16384), 0), 0},
		{"ping", frameKey(fin|opPing, pattern(8), 0), 0},
		{"three in a read", join(frameKey(fin|opText, pattern(64), 0), frameKey(fin|opPong, nil, 0), frameKey(fin|opText, pattern(200), 0)), 0},
		// From pools, once these are warm.
		{"cut header", frameKey(fin|opText, pattern(64), 0), 3},
		{"cut payload", frameKey(fin|opText, pattern(600), 0), 99},
		{"fragments", join(frameKey(opText, pattern(300), 0), frameKey(fin|opCont, pattern(5000), 0)), 700},
	} {
		all(c.in, c.cut)
		gate(t, c.name, func() { all(c.in, c.cut) })
	}

	out := make([]byte, 0, 4096)
	payload := pattern(1000)
	gate(t, "AppendFrame", func() { out = ws.AppendFrame(out[:0], ws.OpText, payload) })
	gate(t, "AppendClose", func() { out = ws.AppendClose(out[:0], 1000, "bye") })
	var h ws.Header
	bad := []byte{0x83, 0x80}
	gate(t, "refusal", func() {
		if _, err := ws.ParseHeader(bad, &h); err != ws.ErrReservedOpCode {
			t.Fatal(err)
		}
	})
	req := goodRequest()
	req.Protocols, req.ProtocolLines = []byte("a, b"), 1
	req.Extensions = []byte("permessage-deflate; client_max_window_bits=10, x")
	answer := ws.Answer{Protocol: ws.FirstProtocol(req.Protocols)}
	gate(t, "CheckAccept", func() {
		if err := ws.CheckAccept(&req); err != nil {
			t.Fatal(err)
		}
	})
	gate(t, "AppendAccept", func() { out = ws.AppendAccept(out[:0], req.Key, answer) })
	var q ws.Pongs
	gate(t, "Pongs", func() { out = q.Written(q.Append(out[:0], payload[:8])) })
}
