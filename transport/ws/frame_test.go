// Headers: what is refused and how early, and both directions against the library.

package ws_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/ws"
)

// headers seeds the table test and the fuzz target. at is the number of bytes after which err comes; it is the size of
// the header for those that are accepted.
var headers = []struct {
	name string
	hex  string
	want ws.Header
	err  error
	at   int
}{
	{name: "text", hex: "818501020304", want: ws.Header{Length: 5, Key: 0x04030201, OpCode: ws.OpText, Fin: true}, at: 6},
	{name: "binary fragment", hex: "0280ffffffff", want: ws.Header{Key: 0xffffffff, OpCode: ws.OpBinary}, at: 6},
	{name: "continuation", hex: "00fd00000000", want: ws.Header{Length: 125, OpCode: ws.OpContinuation}, at: 6},
	{name: "compressed", hex: "c18101020304", want: ws.Header{Length: 1, Key: 0x04030201, OpCode: ws.OpText, Fin: true, RSV1: true}, at: 6},
	{name: "ping", hex: "89fd01020304", want: ws.Header{Length: 125, Key: 0x04030201, OpCode: ws.OpPing, Fin: true}, at: 6},
	{name: "16-bit 126", hex: "82fe007e01020304", want: ws.Header{Length: 126, Key: 0x04030201, OpCode: ws.OpBinary, Fin: true}, at: 8},
	{name: "16-bit 65535", hex: "82feffff01020304", want: ws.Header{Length: 65535, Key: 0x04030201, OpCode: ws.OpBinary, Fin: true}, at: 8},
	{name: "64-bit 65536", hex: "82ff000000000001000001020304", want: ws.Header{Length: 65536, Key: 0x04030201, OpCode: ws.OpBinary, Fin: true}, at: 14},
	{name: "64-bit most", hex: "82ff7fffffffffffffff01020304", want: ws.Header{Length: 1<<63 - 1, Key: 0x04030201, OpCode: ws.OpBinary, Fin: true}, at: 14},
	{name: "16-bit 125", hex: "82fe007d", err: ws.ErrLengthForm, at: 4},
	{name: "16-bit 0", hex: "82fe0000", err: ws.ErrLengthForm, at: 4},
	{name: "64-bit 65535", hex: "82ff000000000000", err: ws.ErrLengthForm, at: 8},
	{name: "64-bit sign", hex: "82ff80", err: ws.ErrLengthSign, at: 3},
	{name: "64-bit all ones", hex: "82ffffffffffffffffff01020304", err: ws.ErrLengthSign, at: 3},
	{name: "unmasked", hex: "8105", err: ws.ErrUnmasked, at: 2},
	{name: "unmasked 64-bit sign", hex: "817fff", err: ws.ErrUnmasked, at: 2},
	{name: "ping 126", hex: "89fe", err: ws.ErrControlLength, at: 2},
	{name: "close 127", hex: "88ff", err: ws.ErrControlLength, at: 2},
	{name: "ping not final", hex: "09", err: ws.ErrFragmentedControl, at: 1},
	{name: "close not final", hex: "08", err: ws.ErrFragmentedControl, at: 1},
	{name: "opcode 3", hex: "83", err: ws.ErrReservedOpCode, at: 1},
	{name: "opcode 15 not final", hex: "0f", err: ws.ErrReservedOpCode, at: 1},
	{name: "rsv2", hex: "a1", err: ws.ErrReservedBits, at: 1},
	{name: "rsv3", hex: "91", err: ws.ErrReservedBits, at: 1},
	{name: "rsv1 and rsv2", hex: "e1", err: ws.ErrReservedBits, at: 1},
	{name: "rsv1 continuation", hex: "c0", err: ws.ErrReservedBits, at: 1},
	{name: "rsv1 ping", hex: "c9", err: ws.ErrReservedBits, at: 1},
}

func TestParseHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.name, func(t *testing.T) {
			p, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, "payload"...)
			for n := range p {
				var h ws.Header
				got, err := ws.ParseHeader(p[:n], &h)
				switch {
				case n < c.at:
					if got != 0 || err != nil || h != (ws.Header{}) {
						t.Fatalf("%d bytes: %d, %v, %+v", n, got, err, h)
					}
				case c.err != nil:
					if got != 0 || err != c.err {
						t.Fatalf("%d bytes: %d, %v", n, got, err)
					}
				case got != c.at || err != nil || h != c.want:
					t.Fatalf("%d bytes: %d, %v, %+v", n, got, err, h)
				}
			}
		})
	}
}

// TestFirstBytes walks all first bytes and what the library says about them, with and without a message open and
// compression agreed, with the rules of RFC 7692 on top.
func TestFirstBytes(t *testing.T) {
	for b := range 256 {
		for _, compression := range []bool{false, true} {
			for _, open := range []bool{false, true} {
				e := newEcho(compression)
				state := gobwas.StateServerSide
				if open {
					state = state.Set(gobwas.StateFragmented)
					e.feed(frame(opText, nil))
				}
				if compression {
					state = state.Set(gobwas.StateExtended)
				}
				e.feed([]byte{byte(b)})
				e.feed(frame(byte(b), nil)[1:])
				h, err := gobwas.ReadHeader(bytes.NewReader(frame(byte(b), nil)))
				if err != nil {
					t.Fatal(err)
				}
				bad := gobwas.CheckHeader(h, state) != nil || h.Rsv2() || h.Rsv3() ||
					h.Rsv1() && h.OpCode != gobwas.OpText && h.OpCode != gobwas.OpBinary
				if got := e.err != nil; got != bad {
					t.Errorf("%08b, open %v, compression %v: refused %v, want %v", b, open, compression, got, bad)
				}
			}
		}
	}
}

// checkHeader compares ParseHeader with the library for a stream that begins with a header.
func checkHeader(t *testing.T, p []byte) {
	t.Helper()
	var h ws.Header
	n, err := ws.ParseHeader(p, &h)
	in := bytes.NewReader(p)
	want, wantErr := gobwas.ReadHeader(in)
	size := len(p) - in.Len()
	switch {
	case err != nil:
		if n != 0 {
			t.Fatalf("%x: %d bytes taken with an error", p, n)
		}
		// Refused before the library has a whole header: complete it.
		if wantErr != nil && wantErr != gobwas.ErrHeaderLengthMSB {
			in := bytes.NewReader(append(bytes.Clone(p), make([]byte, ws.MaxHeader)...))
			want, wantErr = gobwas.ReadHeader(in)
			size = len(p) + ws.MaxHeader - in.Len()
		}
		known := wantErr != nil || gobwas.CheckHeader(want, gobwas.StateServerSide|gobwas.StateExtended|fragmented(want)) != nil
		unknown := want.Rsv2() || want.Rsv3() || want.Rsv1() && (want.OpCode.IsControl() || want.OpCode == gobwas.OpContinuation) ||
			size != gobwas.HeaderSize(want) || want.OpCode.IsControl() && size > 6
		if !known && !unknown {
			t.Fatalf("%x: %v for a legal header", p, err)
		}
	case n == 0:
		if wantErr == nil || wantErr == gobwas.ErrHeaderLengthMSB {
			t.Fatalf("%x: more wanted of %+v, %v", p, want, wantErr)
		}
	default:
		if wantErr != nil || n != size || size != gobwas.HeaderSize(want) {
			t.Fatalf("%x: %d bytes, library %d of %d, %v", p, n, size, gobwas.HeaderSize(want), wantErr)
		}
		if err := gobwas.CheckHeader(want, gobwas.StateServerSide|gobwas.StateExtended|fragmented(want)); err != nil {
			t.Fatalf("%x: accepted, library: %v", p, err)
		}
		got := gobwas.Header{Fin: h.Fin, Rsv: gobwas.Rsv(h.RSV1, false, false), OpCode: h.OpCode, Masked: true, Length: int64(h.Length)}
		binary.LittleEndian.PutUint32(got.Mask[:], h.Key)
		if got != want {
			t.Fatalf("%x: %+v, library %+v", p, got, want)
		}
	}
}

// fragmented is the state in which h's opcode is welcome.
func fragmented(h gobwas.Header) gobwas.State {
	if h.OpCode == gobwas.OpContinuation {
		return gobwas.StateFragmented
	}
	return 0
}

func TestParseHeaderAgainstLibrary(t *testing.T) {
	var buf bytes.Buffer
	for _, op := range []gobwas.OpCode{0, 1, 2, 8, 9, 10} {
		for _, length := range []int64{0, 1, 125, 126, 127, 65535, 65536, 1 << 31, 1 << 32, 1<<63 - 1} {
			for _, final := range []bool{false, true} {
				for _, masked := range []bool{false, true} {
					buf.Reset()
					h := gobwas.Header{Fin: final, OpCode: op, Masked: masked, Mask: [4]byte{9, 8, 7, 6}, Length: length}
					if err := gobwas.WriteHeader(&buf, h); err != nil {
						t.Fatal(err)
					}
					checkHeader(t, buf.Bytes())
				}
			}
		}
	}
}

func TestAppendHeader(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 127, 255, 256, 65535, 65536, 1 << 24, 1<<31 - 1} {
		for _, op := range []ws.OpCode{ws.OpContinuation, ws.OpText, ws.OpBinary, ws.OpClose, ws.OpPing, ws.OpPong} {
			for bits := range 4 {
				final, compressed := bits&1 != 0, bits&2 != 0
				got := ws.AppendHeader([]byte("before"), op, final, compressed, length)
				want := bytes.NewBufferString("before")
				h := gobwas.Header{Fin: final, Rsv: gobwas.Rsv(compressed, false, false), OpCode: op, Length: int64(length)}
				if err := gobwas.WriteHeader(want, h); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want.Bytes()) || len(got) != len("before")+ws.HeaderSize(length) {
					t.Errorf("%v: % x, want % x", h, got, want.Bytes())
				}
			}
		}
	}
}

func TestAppendFrame(t *testing.T) {
	long := pattern(200)
	for _, c := range []struct {
		name string
		got  []byte
		want gobwas.Frame
	}{
		{"text", ws.AppendFrame(nil, ws.OpText, []byte("hello")), gobwas.NewTextFrame([]byte("hello"))},
		{"binary", ws.AppendFrame(nil, ws.OpBinary, pattern(70000)), gobwas.NewBinaryFrame(pattern(70000))},
		{"ping", ws.AppendPing(nil, []byte("x")), gobwas.NewPingFrame([]byte("x"))},
		{"long ping", ws.AppendPing(nil, long), gobwas.NewPingFrame(long[:125])},
		{"pong", ws.AppendPong(nil, nil), gobwas.NewPongFrame(nil)},
		{"long pong", ws.AppendPong(nil, long), gobwas.NewPongFrame(long[:125])},
		{"close", ws.AppendClose(nil, 1000, "bye"), gobwas.NewCloseFrame(gobwas.NewCloseFrameBody(1000, "bye"))},
		{"close without code", ws.AppendClose(nil, ws.StatusNone, "bye"), gobwas.NewCloseFrame(nil)},
		{"close, abnormal", ws.AppendClose(nil, ws.StatusAbnormal, ""), gobwas.NewCloseFrame(nil)},
	} {
		want, err := gobwas.CompileFrame(c.want)
		if err != nil || !bytes.Equal(c.got, want) {
			t.Errorf("%s: % x, want % x", c.name, c.got, want)
		}
	}
}

func TestAppendCloseCutsReasons(t *testing.T) {
	for _, c := range []struct{ reason, want string }{
		{strings.Repeat("a", 123), strings.Repeat("a", 123)},
		{strings.Repeat("a", 124), strings.Repeat("a", 123)},
		{strings.Repeat("a", 122) + "é", strings.Repeat("a", 122)},
		{strings.Repeat("a", 121) + "é", strings.Repeat("a", 121) + "é"},
		{strings.Repeat("a", 120) + "🐢", strings.Repeat("a", 120)},
		{strings.Repeat("🐢", 40), strings.Repeat("🐢", 30)},
	} {
		got := ws.AppendClose(nil, 1008, c.reason)
		if string(got[4:]) != c.want || int(got[1]) != len(got)-2 {
			t.Errorf("%q: % x", c.reason, got)
		}
	}
}

// TestValidCode: the library's ranges with the codes registered since and without those over 4999.
func TestValidCode(t *testing.T) {
	for code := range 1 << 16 {
		c := ws.StatusCode(code)
		want := gobwas.CheckCloseFrameData(c, "") == nil && code < 5000 || code >= 1012 && code <= 1014
		if ws.ValidCode(c) != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
}

func TestErrors(t *testing.T) {
	for code, errs := range map[ws.StatusCode][]*ws.CloseError{
		1002: {
			ws.ErrReservedOpCode, ws.ErrReservedBits, ws.ErrFragmentedControl, ws.ErrControlLength, ws.ErrUnmasked, ws.ErrLengthForm,
			ws.ErrLengthSign, ws.ErrNothingToContinue, ws.ErrInterleaved, ws.ErrCloseBody, ws.ErrCloseCode,
		},
		1007: {ws.ErrCloseReason, ws.ErrText},
		1008: {ws.ErrFragments, ws.ErrEmptyFragments},
		1009: {ws.ErrMessageSize},
	} {
		for _, e := range errs {
			if e.Code != code || e.Error() != "ws: "+e.Reason {
				t.Errorf("%d: %v", e.Code, e)
			}
		}
	}
	for _, e := range []*ws.HandshakeError{ws.ErrKey, ws.ErrVersion} {
		if e.Error() != "ws: "+e.Body || e.Status != 400 {
			t.Error(fmt.Sprint(e.Status), e)
		}
	}
}
