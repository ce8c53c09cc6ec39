// Revision 3: frames and payloads.

package engineio_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/engineio"
)

func message(s string) engineio.Packet {
	return engineio.Packet{Type: engineio.Message, Data: []byte(s)}
}

func raw(b ...byte) engineio.Packet {
	return engineio.Packet{Type: engineio.Message, Binary: true, Data: b}
}

func TestDecodeFrameV3(t *testing.T) {
	cases := []struct {
		name   string
		frame  string
		binary bool
		want   engineio.Packet
		err    error
	}{
		{name: "message", frame: "42[\"x\"]", want: message("2[\"x\"]")},
		{name: "ping", frame: "2probe", want: engineio.Packet{Type: engineio.Ping, Data: []byte("probe")}},
		{name: "binary", frame: "\x04\x01\x02", binary: true, want: raw(1, 2)},
		{name: "binary of nothing", frame: "\x04", binary: true, want: raw()},
		{name: "base64", frame: "b4AQI=", want: raw(1, 2)},
		{name: "binary empty", frame: "", binary: true, err: engineio.ErrEmptyPacket},
		{name: "binary type 0", frame: "\x00\x01", binary: true, err: engineio.ErrPacketType},
		{name: "binary type 9", frame: "\x09\x01", binary: true, err: engineio.ErrPacketType},
		{name: "base64 type 9", frame: "b9AAEC", err: engineio.ErrPacketType},
		{name: "base64 type 2", frame: "b2AAEC", err: engineio.ErrPacketType},
		{name: "base64 no type", frame: "b", err: engineio.ErrEmptyPacket},
		{name: "base64 bad", frame: "b4A", err: engineio.ErrBase64},
		{name: "type 9", frame: "9", err: engineio.ErrPacketType},
		{name: "empty", frame: "", err: engineio.ErrEmptyPacket},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := engineio.V3.DecodeFrame([]byte(tc.frame), tc.binary)
			if !errors.Is(err, tc.err) || err == nil && !same(got, tc.want) {
				t.Fatalf("got %+v, %v, want %+v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestPayloadV3(t *testing.T) {
	empty := engineio.Packet{Empty: true}
	cases := []struct {
		name, payload string
		octets        bool
		want          []engineio.Packet
		err           error
	}{
		{name: "one", payload: "2:40", want: []engineio.Packet{message("0")}},
		{name: "two", payload: "12:42[\"echo\",1]1:2", want: []engineio.Packet{message(`2["echo",1]`), {Type: engineio.Ping}}},
		{name: "zero", payload: "0:", want: []engineio.Packet{empty}},
		{name: "zero then message", payload: "0:2:40", want: []engineio.Packet{empty, message("0")}},
		{name: "bmp", payload: "14:42[\"echo\",\"é\"]", want: []engineio.Packet{message(`2["echo","é"]`)}},
		{name: "astral counts two", payload: "15:42[\"echo\",\"😀\"]", want: []engineio.Packet{message(`2["echo","😀"]`)}},
		{name: "astral cut", payload: "12:42[\"echo\",\"😀\"]", err: engineio.ErrLength},
		{name: "base64", payload: "6:b4AQI=", want: []engineio.Packet{raw(1, 2)}},
		{name: "too long", payload: "3:40", err: engineio.ErrLength},
		{name: "bytes counted", payload: "17:42[\"echo\",\"😀\"]", err: engineio.ErrLength},
		{name: "no length", payload: ":40", err: engineio.ErrLength},
		{name: "no colon", payload: "240", err: engineio.ErrLength},
		{name: "plus", payload: "+2:40", err: engineio.ErrLength},
		{name: "minus", payload: "-1:4", err: engineio.ErrLength},
		{name: "float", payload: "2.0:40", err: engineio.ErrLength},
		{name: "exponent", payload: "1e0:2", err: engineio.ErrLength},
		{name: "hex", payload: "0x2:40", err: engineio.ErrLength},
		{name: "huge", payload: "99999999999999999999:4", err: engineio.ErrLength},
		{name: "empty", payload: "", err: engineio.ErrLength},
		{name: "bad type", payload: "1:9", err: engineio.ErrPacketType},
		{name: "trailing", payload: "2:405", want: []engineio.Packet{message("0")}, err: engineio.ErrLength},
		{name: "octets", octets: true, payload: "\x00\x02\xff40\x01\x04\xff\x04\x01\x02\x03", want: []engineio.Packet{message("0"), raw(1, 2, 3)}},
		{name: "octets kind 2", octets: true, payload: "\x02\x02\xff40", err: engineio.ErrLength},
		{name: "octets digit 10", octets: true, payload: "\x00\x0a\xff40", err: engineio.ErrLength},
		{name: "octets no end", octets: true, payload: "\x00\x02", err: engineio.ErrLength},
		{name: "octets no length", octets: true, payload: "\x00\xff40", err: engineio.ErrLength},
		{name: "octets many digits", octets: true, payload: "\x00" + strings.Repeat("\x01", 400) + "\xff4", err: engineio.ErrLength},
		{name: "octets short", octets: true, payload: "\x00\x09\xff40", err: engineio.ErrLength},
		{name: "octets empty", octets: true, payload: "", err: engineio.ErrLength},
		{name: "octets zero", octets: true, payload: "\x00\x00\xff", err: engineio.ErrEmptyPacket},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := splitV3([]byte(tc.payload), tc.octets)
			if !errors.Is(err, tc.err) || len(got) != len(tc.want) {
				t.Fatalf("got %+v, %v, want %+v, %v", got, err, tc.want, tc.err)
			}
			for i := range got {
				if !same(got[i], tc.want[i]) || got[i].Empty != tc.want[i].Empty {
					t.Fatalf("packet %d: got %+v, want %+v", i, got[i], tc.want[i])
				}
			}
		})
	}
}

func splitV3(payload []byte, octets bool) (all []engineio.Packet, err error) {
	for {
		p, rest, err := engineio.V3.NextPacket(payload, octets)
		if err != nil {
			return all, err
		}
		all = append(all, p)
		if payload = rest; payload == nil {
			return all, nil
		}
	}
}

func TestAppendPayloadV3(t *testing.T) {
	packets := []engineio.Packet{message(`2/chat,["welcome","é😀"]`), raw(1, 2, 3), {Type: engineio.Pong}}
	var text, octets []byte
	for i, p := range packets {
		text = engineio.V3.AppendPayload(text, p, i == 0)
		octets = engineio.V3.AppendBinaryPayload(octets, p)
	}
	if want := `25:42/chat,["welcome","é😀"]6:b4AQID1:3`; string(text) != want {
		t.Errorf("text payload %s, want %s", text, want)
	}
	want := "0002" + "08" + "ff" + hex.EncodeToString([]byte(`42/chat,["welcome","é😀"]`)) + "0104ff04010203" + "0001ff33"
	if got := hex.EncodeToString(octets); got != want {
		t.Errorf("binary payload %s, want %s", got, want)
	}
	if got := engineio.V3.AppendBinaryPrefix(nil); !bytes.Equal(got, []byte{4}) {
		t.Errorf("prefix %v", got)
	}
	if !engineio.V3.BinaryPayloads() || engineio.V4.BinaryPayloads() || engineio.V3.Revision() != 3 {
		t.Error("revision 3 has binary payloads, revision 4 has none")
	}
}

func FuzzPayloadV3(f *testing.F) {
	f.Add([]byte("2:4012:42[\"echo\",1]6:b4AQI=0:"), false)
	f.Add([]byte("15:42[\"echo\",\"😀\"]"), false)
	f.Add([]byte("\x00\x02\xff40\x01\x04\xff\x04\x01\x02\x03"), true)
	f.Fuzz(func(t *testing.T, payload []byte, octets bool) {
		if !octets && !utf8.Valid(payload) {
			return // the transport refuses it before
		}
		got, err := splitV3(bytes.Clone(payload), octets)
		if err != nil {
			return
		}
		var again []byte
		for i, p := range got {
			if p.Empty {
				continue
			}
			if octets {
				again = engineio.V3.AppendBinaryPayload(again, p)
				continue
			}
			if n := len(utf16.Encode([]rune(string(p.Data)))); !p.Binary && !bytes.Contains(payload, p.Data) || n > len(payload) {
				t.Fatalf("%q gave %+v", payload, p)
			}
			again = engineio.V3.AppendPayload(again, p, i == 0)
		}
		if len(again) == 0 {
			return
		}
		twice, err := splitV3(again, octets)
		if err != nil {
			t.Fatalf("re-encoded %q: %v", again, err)
		}
		k := 0
		for _, p := range got {
			if p.Empty {
				continue
			}
			if !same(p, twice[k]) {
				t.Fatalf("packet %d: %+v became %+v", k, p, twice[k])
			}
			k++
		}
	})
}
