// Packets and payloads of both revisions.

package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

var payloads = []struct {
	name     string
	revision int
	in       string
	want     []string
	err      error
}{
	{name: "one packet", revision: 4, in: "40", want: []string{"40"}},
	{name: "three packets", revision: 4, in: "40\x1e2\x1e42[\"x\"]", want: []string{"40", "2", `42["x"]`}},
	{name: "empty packet", revision: 4, in: "\x1e2", err: wire.ErrPayload},
	{name: "revision 3", revision: 3, in: "2:407:42[\"x\"]", want: []string{"40", `42["x"]`}},
	{name: "revision 3 counts UTF-16 units", revision: 3, in: "4:4é😀1:2", want: []string{"4é😀", "2"}},
	{name: "revision 3, half a rune", revision: 3, in: "2:4😀", err: wire.ErrPayload},
	{name: "revision 3, too short", revision: 3, in: "5:40", err: wire.ErrPayload},
	{name: "revision 3, no length", revision: 3, in: ":40", err: wire.ErrPayload},
	{name: "revision 3, no colon", revision: 3, in: "40", err: wire.ErrPayload},
	{name: "revision 3, length is not a number", revision: 3, in: "1e0:2", err: wire.ErrPayload},
}

func TestNextPacket(t *testing.T) {
	for _, c := range payloads {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			rest := []byte(c.in)
			for len(rest) > 0 {
				packet, next, err := wire.NextPacket(rest, c.revision)
				if err != nil {
					if !errors.Is(err, c.err) {
						t.Fatalf("error %v, want %v", err, c.err)
					}
					return
				}
				got = append(got, string(packet))
				rest = next
			}
			if c.err != nil {
				t.Fatal("no error")
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q", got)
			}
			var again []byte
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("packet %d is %q, want %q", i, got[i], c.want[i])
				}
				again = wire.AppendPacket(again, []byte(got[i]), c.revision)
			}
			if c.revision == 4 && string(again) != c.in {
				t.Errorf("written again: %q", again)
			}
		})
	}
}

func TestParsePacket(t *testing.T) {
	for _, c := range []struct {
		in                    string
		ok                    bool
		kind                  byte
		hasID                 bool
		id                    uint64
		namespace, args, name string
	}{
		{in: `2["echo","x"]`, ok: true, kind: wire.Event, args: `["echo","x"]`, name: "echo"},
		{in: `212["echo"]`, ok: true, kind: wire.Event, hasID: true, id: 12, args: `["echo"]`, name: "echo"},
		{in: `2/a,7["b"]`, ok: true, kind: wire.Event, hasID: true, id: 7, namespace: "/a", args: `["b"]`, name: "b"},
		{in: `0{"sid":"x"}`, ok: true, kind: wire.Connect, args: `{"sid":"x"}`},
		{in: `1/a,`, ok: true, kind: wire.Disconnect, namespace: "/a"},
		{in: `30[]`, ok: true, kind: wire.Ack, hasID: true, args: `[]`},
		{in: `2["a\"b"]`, ok: true, kind: wire.Event, args: `["a\"b"]`},
		{in: `2[1]`, ok: true, kind: wire.Event, args: `[1]`},
		{in: `51-["x"]`},
		{in: ``},
		{in: `x`},
	} {
		p, ok := wire.ParsePacket([]byte(c.in))
		if ok != c.ok {
			t.Errorf("%s: %t", c.in, ok)
			continue
		}
		if !ok {
			continue
		}
		name, _, _ := wire.EventName(p.Args)
		if p.Type != c.kind || p.HasID != c.hasID || p.ID != c.id || string(p.Namespace) != c.namespace || string(p.Args) != c.args || string(name) != c.name {
			t.Errorf("%s: got %+v, name %q", c.in, p, name)
		}
	}
}

func FuzzNextPacket(f *testing.F) {
	for _, c := range payloads {
		f.Add([]byte(c.in), c.revision == 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, third bool) {
		revision := 4
		if third {
			revision = 3
		}
		for rest := b; len(rest) > 0; {
			packet, next, err := wire.NextPacket(rest, revision)
			if err != nil {
				return
			}
			if len(next) >= len(rest) || !bytes.Contains(rest, packet) {
				t.Fatalf("%q of %q leaves %q", packet, rest, next)
			}
			rest = next
		}
	})
}

func TestAcceptKey(t *testing.T) {
	// The example of RFC 6455 section 1.3.
	if got := wire.AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %s", got)
	}
}
