// Codec tests: packets, payloads, the open packet, base64.

package engineio_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/engineio"
)

var frameCases = []struct {
	name   string
	frame  string
	binary bool
	want   engineio.Packet
	err    error
}{
	{name: "message", frame: "4hello", want: engineio.Packet{Type: engineio.Message, Data: []byte("hello")}},
	{name: "empty message", frame: "4", want: engineio.Packet{Type: engineio.Message, Data: []byte{}}},
	{name: "ping probe", frame: "2probe", want: engineio.Packet{Type: engineio.Ping, Data: []byte("probe")}},
	{name: "pong", frame: "3", want: engineio.Packet{Type: engineio.Pong}},
	{name: "upgrade", frame: "5", want: engineio.Packet{Type: engineio.Upgrade}},
	{name: "noop", frame: "6", want: engineio.Packet{Type: engineio.Noop}},
	{name: "open", frame: "0{}", want: engineio.Packet{Type: engineio.Open, Data: []byte("{}")}},
	{name: "close", frame: "1", want: engineio.Packet{Type: engineio.Close}},
	{name: "binary", frame: "\x00\xff", binary: true, want: engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{0, 255}}},
	{name: "binary empty", frame: "", binary: true, want: engineio.Packet{Type: engineio.Message, Binary: true}},
	{name: "base64", frame: "bAQIDBA==", want: engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2, 3, 4}}},
	{name: "base64 unpadded", frame: "bAQIDBA", want: engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2, 3, 4}}},
	{name: "base64 nothing", frame: "b", want: engineio.Packet{Type: engineio.Message, Binary: true}},
	{name: "empty", frame: "", err: engineio.ErrEmptyPacket},
	{name: "type 7", frame: "7", err: engineio.ErrPacketType},
	{name: "type letter", frame: "a", err: engineio.ErrPacketType},
	{name: "type space", frame: " 4", err: engineio.ErrPacketType},
	{name: "type nul", frame: "\x004", err: engineio.ErrPacketType},
	{name: "type slash", frame: "/", err: engineio.ErrPacketType},
	{name: "type bom", frame: "\ufeff4", err: engineio.ErrPacketType},
	{name: "base64 url alphabet", frame: "b-_8=", err: engineio.ErrBase64},
	{name: "base64 garbage", frame: "b!!!!", err: engineio.ErrBase64},
	{name: "base64 space", frame: "bA Q I=", err: engineio.ErrBase64},
	{name: "base64 after padding", frame: "bAQI=AQI=", err: engineio.ErrBase64},
	{name: "base64 one char", frame: "bA", err: engineio.ErrBase64},
	{name: "base64 trailing bits", frame: "bAR==", err: engineio.ErrBase64},
	{name: "base64 line break", frame: "bAQID\r\nBA==", err: engineio.ErrBase64},
	{name: "base64 only breaks", frame: "b\n\n\n\n", err: engineio.ErrBase64},
}

func TestDecodeFrame(t *testing.T) {
	for _, tc := range frameCases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := engineio.V4.DecodeFrame([]byte(tc.frame), tc.binary)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && !same(got, tc.want) {
				t.Fatalf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func same(a, b engineio.Packet) bool {
	return a.Type == b.Type && a.Binary == b.Binary && bytes.Equal(a.Data, b.Data)
}

func TestPayload(t *testing.T) {
	text := func(s string) engineio.Packet {
		return engineio.Packet{Type: engineio.Message, Data: []byte(s)}
	}
	cases := []struct {
		name, payload string
		want          []engineio.Packet
		err           error
	}{
		{name: "one", payload: "4a", want: []engineio.Packet{text("a")}},
		{name: "two", payload: "4a\x1e4b", want: []engineio.Packet{text("a"), text("b")}},
		{name: "mixed", payload: "4a\x1ebAQ==\x1e3", want: []engineio.Packet{
			text("a"), {Type: engineio.Message, Binary: true, Data: []byte{1}}, {Type: engineio.Pong},
		}},
		{name: "empty", payload: "", err: engineio.ErrEmptyPacket},
		{name: "double separator", payload: "4a\x1e\x1e4b", want: []engineio.Packet{text("a")}, err: engineio.ErrEmptyPacket},
		{name: "trailing separator", payload: "4a\x1e", want: []engineio.Packet{text("a")}, err: engineio.ErrEmptyPacket},
		{name: "leading separator", payload: "\x1e4a", err: engineio.ErrEmptyPacket},
		{name: "bad in the middle", payload: "4a\x1e9\x1e4b", want: []engineio.Packet{text("a")}, err: engineio.ErrPacketType},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := split(engineio.V4, []byte(tc.payload))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %d packets, want %d", len(got), len(tc.want))
			}
			for i := range got {
				if !same(got[i], tc.want[i]) {
					t.Fatalf("packet %d: got %+v, want %+v", i, got[i], tc.want[i])
				}
			}
		})
	}
}

// split decodes a whole payload the way a polling transport does.
func split(c engineio.Codec, payload []byte) (all []engineio.Packet, err error) {
	for {
		p, rest, err := c.NextPacket(payload, false)
		if err != nil {
			return all, err
		}
		all = append(all, p)
		if payload = rest; payload == nil {
			return all, nil
		}
	}
}

func TestOpen(t *testing.T) {
	h := engineio.Handshake{SID: "lv_VI97HAXpY6yYWAAAC", Upgrades: []string{"websocket"}, PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1000000}
	want := `0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if got := string(engineio.AppendOpen(nil, &h)); got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	h.Upgrades = nil
	got := engineio.AppendOpen([]byte("x"), &h)
	if !strings.Contains(string(got), `"upgrades":[],`) || !json.Valid(got[2:]) {
		t.Fatalf("got %s", got)
	}
}

func TestTypeNames(t *testing.T) {
	for typ, want := range map[engineio.PacketType]string{engineio.Open: "open", engineio.Noop: "noop", 7: "unknown", 255: "unknown"} {
		if typ.String() != want {
			t.Errorf("%d: got %s, want %s", typ, typ, want)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, tc := range frameCases {
		f.Add([]byte(tc.frame))
		f.Add([]byte("4a\x1e" + tc.frame + "\x1e4b"))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		pieces := bytes.Split(payload, []byte{engineio.Separator})
		got, err := split(engineio.V4, bytes.Clone(payload))
		if err == nil && len(got) != len(pieces) {
			t.Fatalf("%d packets out of %d pieces", len(got), len(pieces))
		}
		var again []byte
		for i, p := range got {
			checkPiece(t, pieces[i], p)
			again = engineio.V4.AppendPayload(again, p, i == 0)
		}
		if len(got) == 0 {
			return
		}
		twice, err := split(engineio.V4, again)
		if err != nil || len(twice) != len(got) {
			t.Fatalf("re-encoded payload %q: %v, %d packets", again, err, len(twice))
		}
	})
}

// checkPiece holds a decoded packet against its text by the slow, obvious rules.
func checkPiece(t *testing.T, piece []byte, p engineio.Packet) {
	if piece[0] != 'b' {
		if p.Binary || piece[0] != '0'+byte(p.Type) || !bytes.Equal(piece[1:], p.Data) {
			t.Fatalf("%q decoded to %+v", piece, p)
		}
		return
	}
	want := strings.TrimRight(string(piece[1:]), "=")
	if !p.Binary || base64.RawStdEncoding.EncodeToString(p.Data) != want {
		t.Fatalf("%q decoded to %+v", piece, p)
	}
}

func FuzzFrame(f *testing.F) {
	for _, tc := range frameCases {
		f.Add([]byte(tc.frame), tc.binary)
	}
	f.Fuzz(func(t *testing.T, frame []byte, binary bool) {
		p, err := engineio.V4.DecodeFrame(bytes.Clone(frame), binary)
		if err != nil {
			return
		}
		if binary {
			if !p.Binary || !bytes.Equal(p.Data, frame) {
				t.Fatalf("%q decoded to %+v", frame, p)
			}
			return
		}
		checkPiece(t, frame, p)
	})
}
