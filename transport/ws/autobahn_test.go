// The subjects of the Autobahn suite, groups 1 to 7, 9 and 10, as frames in and frames out.

package ws_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/sioserver/sioserver/transport/ws"
)

type conversation struct {
	name string
	in   []byte
	want []string
}

func play(t *testing.T, all []conversation) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { checkLog(t, c.in, nil, c.want) })
	}
}

func asText(p []byte) string   { return "text " + show(p) }
func asBinary(p []byte) string { return "binary " + show(p) }
func asPong(p []byte) string   { return "pong " + show(p) }

// pattern is n bytes of ASCII in which a cut, a shift or a lost piece shows. It repeats at no power of two.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p[:min(n, 9600)] {
		p[i] = byte('0' + (i*7+i/64)%75)
	}
	for at := 9600; at < n; at *= 2 {
		copy(p[at:], p[:at])
	}
	return p
}

// split is payload in frames of size bytes.
func split(op byte, payload []byte, size int) (in []byte) {
	for first := true; ; first = false {
		b := byte(opCont)
		if first {
			b = op
		}
		if len(payload) <= size {
			return append(in, frame(fin|b, payload)...)
		}
		in = append(in, frame(b, payload[:size])...)
		payload = payload[size:]
	}
}

func TestFraming(t *testing.T) { // group 1
	var all []conversation
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 125, 126, 127, 128, 129, 143, 144, 1023, 1024, 1025, 65535, 65536, 65537} {
		p := pattern(n)
		all = append(all,
			conversation{fmt.Sprint("text ", n), frame(fin|opText, p), []string{asText(p)}},
			conversation{fmt.Sprint("binary ", n), frame(fin|opBinary, p), []string{asBinary(p)}},
			conversation{fmt.Sprint("twice ", n), join(frame(fin|opText, p), frame(fin|opBinary, p)), []string{asText(p), asBinary(p)}},
		)
	}
	play(t, all)
}

func TestPings(t *testing.T) { // group 2
	var ten []byte
	var tenPongs []string
	for i := range 10 {
		p := fmt.Appendf(nil, "payload-%d", i)
		ten = append(ten, frame(fin|opPing, p)...)
		tenPongs = append(tenPongs, asPong(p))
	}
	odd := []byte{0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff}
	long := bytes.Repeat([]byte{0xfe}, 125)
	play(t, []conversation{
		{"empty", frame(fin|opPing, nil), []string{`pong ""`}},
		{"text", frame(fin|opPing, []byte("Hello, world!")), []string{`pong "Hello, world!"`}},
		{"not text", frame(fin|opPing, odd), []string{asPong(odd)}},
		{"125", frame(fin|opPing, long), []string{asPong(long)}},
		{"126", frame(fin|opPing, append(long, 0xfe)), []string{"close 1002"}},
		{"pong unasked", frame(fin|opPong, nil), nil},
		{"pong unasked with payload", frame(fin|opPong, []byte("unasked")), nil},
		{"pong unasked, then ping", join(frame(fin|opPong, []byte("unasked")), frame(fin|opPing, []byte("ping"))), []string{`pong "ping"`}},
		{"ten", ten, tenPongs},
	})
}

func TestReservedBits(t *testing.T) { // group 3
	small := frame(fin|opText, []byte("*"))
	play(t, []conversation{
		{"rsv3 text", frame(fin|rsv3|opText, []byte("*")), []string{"close 1002"}},
		{"rsv2 after text", join(small, frame(fin|rsv2|opText, []byte("*")), frame(fin|opPing, nil)), []string{`text "*"`, "close 1002"}},
		{"rsv2+3 after text", join(small, frame(fin|rsv2|rsv3|opText, []byte("*"))), []string{`text "*"`, "close 1002"}},
		{"rsv1 empty", frame(fin|rsv1|opText, nil), []string{"close 1002"}},
		{"rsv1+3 binary", frame(fin|rsv1|rsv3|opBinary, pattern(8)), []string{"close 1002"}},
		{"rsv1+2 ping", frame(fin|rsv1|rsv2|opPing, []byte("*")), []string{"close 1002"}},
		{"all close", frame(fin|rsv1|rsv2|rsv3|opClose, closeBody(1000, "")), []string{"close 1002"}},
		{"rsv1 continuation", join(frame(opText, []byte("*")), frame(fin|rsv1|opCont, []byte("*"))), []string{"close 1002"}},
		{"rsv2 first fragment", frame(rsv2|opText, []byte("*")), []string{"close 1002"}},
	})
}

func TestReservedOpCodes(t *testing.T) { // group 4
	var all []conversation
	small := frame(fin|opText, []byte("*"))
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		all = append(all,
			conversation{fmt.Sprint(op, " empty"), frame(fin|op, nil), []string{"close 1002"}},
			conversation{fmt.Sprint(op, " after text"), join(small, frame(fin|op, []byte("*")), frame(fin|opPing, nil)), []string{`text "*"`, "close 1002"}},
			conversation{fmt.Sprint(op, " inside message"), join(frame(opText, nil), frame(fin|op, nil)), []string{"close 1002"}},
		)
	}
	play(t, all)
}

func TestFragments(t *testing.T) { // group 5
	f := func(first byte, s string) []byte { return frame(first, []byte(s)) }
	play(t, []conversation{
		{"ping in pieces", join(f(opPing, "a"), f(fin|opCont, "b")), []string{"close 1002"}},
		{"pong in pieces", join(f(opPong, "a"), f(fin|opCont, "b")), []string{"close 1002"}},
		{"text in two", join(f(opText, "frag1"), f(fin|opCont, "frag2")), []string{`text "frag1frag2"`}},
		{"binary in two", join(f(opBinary, "frag1"), f(fin|opCont, "frag2")), []string{`binary "frag1frag2"`}},
		{"ping between", join(f(opText, "frag1"), f(fin|opPing, "ping"), f(fin|opCont, "frag2")), []string{`pong "ping"`, `text "frag1frag2"`}},
		{"pong between", join(f(opText, "frag1"), f(fin|opPong, "pong"), f(fin|opCont, "frag2")), []string{`text "frag1frag2"`}},
		{"continuation of nothing, final", join(f(fin|opCont, "x"), f(fin|opText, "y")), []string{"close 1002"}},
		{"continuation of nothing, not final", join(f(opCont, "x"), f(fin|opText, "y")), []string{"close 1002"}},
		{"continuation of nothing after text", join(f(fin|opText, "x"), f(opCont, "y")), []string{`text "x"`, "close 1002"}},
		{"continuation of a ping", join(f(fin|opPing, "x"), f(fin|opCont, "y")), []string{`pong "x"`, "close 1002"}},
		{"text inside text", join(f(opText, "x"), f(fin|opText, "y")), []string{"close 1002"}},
		{"text inside binary, after a ping", join(f(opBinary, "x"), f(fin|opPing, "p"), f(opText, "y")), []string{`pong "p"`, "close 1002"}},
		{
			"five, pings between", join(f(opText, "1"), f(opCont, "2"), f(fin|opPing, "p1"), f(opCont, "3"), f(opCont, "4"), f(fin|opPing, "p2"), f(fin|opCont, "5")),
			[]string{`pong "p1"`, `pong "p2"`, `text "12345"`},
		},
		{"empty pieces", join(f(opText, ""), f(opCont, ""), f(opCont, "middle"), f(opCont, ""), f(fin|opCont, "")), []string{`text "middle"`}},
		{"only empty pieces", join(f(opBinary, ""), f(opCont, ""), f(fin|opCont, "")), []string{`binary ""`}},
		{
			"two messages and a rest", join(f(opText, "a"), f(fin|opCont, "b"), f(fin|opBinary, "c"), f(opBinary, "d"), f(fin|opCont, "e"), f(opText, "f")),
			[]string{`text "ab"`, `binary "c"`, `binary "de"`},
		},
		{
			"ping pieces of a long message", join(f(opBinary, string(pattern(3000))), f(fin|opPing, string(pattern(125))), f(fin|opCont, string(pattern(2000)))),
			[]string{asPong(pattern(125)), asBinary(join(pattern(3000), pattern(2000)))},
		},
		{"close inside message", join(f(opText, "x"), frame(fin|opClose, closeBody(1000, "bye")), f(fin|opCont, "y")), []string{"close 1000"}},
	})
}

func TestClosing(t *testing.T) { // group 7
	f := func(first byte, s string) []byte { return frame(first, []byte(s)) }
	normal := frame(fin|opClose, closeBody(1000, ""))
	all := []conversation{
		{"after text", join(f(fin|opText, "x"), normal), []string{`text "x"`, "close 1000"}},
		{"twice", join(normal, normal), []string{"close 1000"}},
		{"then ping", join(normal, f(fin|opPing, "x")), []string{"close 1000"}},
		{"then text", join(normal, f(fin|opText, "x")), []string{"close 1000"}},
		{"then garbage", join(normal, []byte("GET / HTTP/1.1\r\n\r\n")), []string{"close 1000"}},
		{"in a message, then its rest", join(f(opText, "x"), normal, f(fin|opCont, "y")), []string{"close 1000"}},
		{"after a large message", join(f(fin|opText, string(pattern(262144))), normal, f(fin|opPing, "")), []string{asText(pattern(262144)), "close 1000"}},
		{"no body", f(fin|opClose, ""), []string{"close"}},
		{"one byte", f(fin|opClose, "\x03"), []string{"close 1002"}},
		{"with reason", frame(fin|opClose, closeBody(1000, "Hello World!")), []string{"close 1000"}},
		{"longest reason", frame(fin|opClose, closeBody(1000, string(pattern(123)))), []string{"close 1000"}},
		{"reason too long", frame(fin|opClose, closeBody(1000, string(pattern(124)))), []string{"close 1002"}},
		{"reason not UTF-8", frame(fin|opClose, closeBody(1000, "κόσμε\xed\xa0\x80edited")), []string{"close 1007"}},
		{"reason cut short", frame(fin|opClose, closeBody(1000, "x\xe2\x82")), []string{"close 1007"}},
	}
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		all = append(all, conversation{fmt.Sprint("code ", c), frame(fin|opClose, closeBody(c, "")), []string{fmt.Sprint("close ", c)}})
	}
	for _, c := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535} {
		all = append(all, conversation{fmt.Sprint("code ", c), frame(fin|opClose, closeBody(c, "x")), []string{"close 1002"}})
	}
	play(t, all)
}

func TestLargeMessages(t *testing.T) { // group 9
	roomy := ws.Limits{Message: 16 << 20, Fragments: 65536, EmptyFragments: 1024}
	for _, c := range []struct{ size, piece int }{
		{64 << 10, 64},
		{256 << 10, 256},
		{1 << 20, 1 << 20 / 3},
		{1 << 20, 4096},
		{1 << 20, 1 << 20},
		{4 << 20, 64}, // 65536 fragments, the most there may be
		{4 << 20, 64 << 10},
		{16 << 20, 16 << 20},
	} {
		p := pattern(c.size)
		e := newEcho(false)
		e.limits = roomy
		in := split(opText, p, c.piece)
		for len(in) > 0 {
			read := min(len(in), 64<<10)
			e.feed(in[:read])
			in = in[read:]
		}
		if log := e.log(t); e.bound != nil || len(log) != 1 || log[0] != asText(p) {
			t.Errorf("%d bytes in frames of %d: %q, %v", c.size, c.piece, log, e.bound)
		}
	}
}

func TestChoppedWrites(t *testing.T) { // 9.5, 9.6
	p := pattern(1 << 20)
	in := frame(fin|opBinary, p)
	for _, read := range []int{64, 128, 1021, 2048} {
		e := newEcho(false)
		e.limits.Message = 1 << 20
		for rest := in; len(rest) > 0; rest = rest[min(read, len(rest)):] {
			e.feed(rest[:min(read, len(rest))])
		}
		if log := e.log(t); e.bound != nil || len(log) != 1 || log[0] != asBinary(p) {
			t.Errorf("reads of %d: %q, %v", read, log, e.bound)
		}
	}
}

func TestAutoFragmentation(t *testing.T) { // group 10
	p := pattern(65536)
	checkLog(t, split(opText, p, 1300), nil, []string{asText(p)})
}
