// UTF-8 against the standard validator, in all cuts, and the refusal at the first byte that cannot be mended.

package ws_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/sioserver/sioserver/transport/ws"
)

// texts seeds the table tests and the fuzz target. What is valid the standard library says.
var texts = []string{
	"", "a", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\xef\xbb\xbfBOM", "\x00", "2[\"message\",{\"id\":1,\"text\":\"żółw 🐢\"}]",
	strings.Repeat("a", 7) + "é", strings.Repeat("a", 8) + "é", strings.Repeat("a", 9) + "\xff", strings.Repeat("a", 70) + "€" + strings.Repeat("b", 30),
	strings.Repeat("привет ", 20), strings.Repeat("🐢", 17), strings.Repeat("a", 64) + "\xc3",
	// The first and last of each length.
	"\u0080", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff", "\ud7ff", "\ue000", "\ufffd", "\ufffe",
	// Overlong.
	"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xc0\x80",
	// Surrogates, one by one and in pairs.
	"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80",
	// Past the end, and lengths there are no longer.
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff",
	// Continuation bytes alone and too many.
	"\x80", "\xbf", "\x80\xbf\x80", "\xc3\xa9\xa9", strings.Repeat("\x80", 9),
	// Starters alone, in rows, and cut short.
	"\xc2", "\xe2\x82", "\xf0\x9f\x90", "\xc3 ", "\xe2\x82 ", "\xf0\x9f\x90 ", "\xe2 ", "\xf0\x9f ", "\xc3\xc3", "\xe2\xe2\x82", "\xf0\xf0\x9f\x90",
	"\xe2\x82\xe2\x82\xac", "κόσμε\xed\xa0\x80edited", "Hello\xf4\x90\x80\x80edited",
}

func TestValidUTF8(t *testing.T) {
	for _, s := range texts {
		for pad := range 20 { // so that each byte meets each place in a word
			p := []byte(strings.Repeat("x", pad) + s)
			if got := ws.ValidUTF8(p); got != utf8.Valid(p) {
				t.Errorf("%q: %v", p, got)
			}
			if got := ws.ValidUTF8(append(p, "tail"...)); got != utf8.Valid(append(p, "tail"...)) {
				t.Errorf("%q and more: %v", p, got)
			}
		}
	}
}

// prefixes are all true beginnings of all characters: what a text may end in and still be mended.
var prefixes = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{"": true}
	for r := rune(0x80); r <= utf8.MaxRune; r++ {
		s := string(r) // U+FFFD for surrogates: harmless
		for n := 1; n < len(s); n++ {
			all[s[:n]] = true
		}
	}
	return all
})

// mendable is the slow, obvious form of UTF8: whether some text begins with p.
func mendable(p []byte) bool {
	for n := 0; n <= 3 && n <= len(p); n++ {
		if prefixes()[string(p[len(p)-n:])] && utf8.Valid(p[:len(p)-n]) {
			return true
		}
	}
	return false
}

func checkPieces(t *testing.T, s string, size func() int) {
	t.Helper()
	var u ws.UTF8
	for at := 0; at < len(s); {
		n := min(size(), len(s)-at)
		ok := u.Write([]byte(s[at : at+n]))
		at += n
		if want := mendable([]byte(s[:at])); ok != want {
			t.Fatalf("%q after %d bytes: %v, want %v", s, at, ok, want)
		}
		if !ok {
			return
		}
		if got, want := u.Complete(), utf8.ValidString(s[:at]); got != want {
			t.Fatalf("%q after %d bytes: complete %v, want %v", s, at, got, want)
		}
	}
}

func TestUTF8Pieces(t *testing.T) {
	for _, s := range texts {
		for n := 1; n <= 9; n++ {
			checkPieces(t, s, func() int { return n })
			checkPieces(t, "xyz"+s+"end", func() int { return n })
		}
		for first := range s { // two pieces, cut everywhere
			sizes := []int{first, len(s)}
			checkPieces(t, s, func() (n int) { n, sizes = sizes[0], sizes[1:]; return n })
		}
	}
}

// TestUTF8Empty: empty pieces change nothing, at the start and inside a character.
func TestUTF8Empty(t *testing.T) {
	var u ws.UTF8
	for _, piece := range []string{"", "\xf0", "", "\x9f\x90", "", "\xa2", ""} {
		if !u.Write([]byte(piece)) {
			t.Fatalf("%q refused", piece)
		}
	}
	if !u.Complete() {
		t.Error("incomplete")
	}
}

func TestTexts(t *testing.T) { // group 6
	var all []conversation
	for i, s := range texts {
		p := []byte(s)
		want := []string{"close 1007"}
		if utf8.Valid(p) {
			want = []string{asText(p)}
		}
		all = append(all, conversation{fmt.Sprint(i, " one frame"), frame(fin|opText, p), want})
		for size := 1; size <= 4; size++ {
			all = append(all, conversation{fmt.Sprint(i, " in ", size), split(opText, p, size), want})
		}
		all = append(all, conversation{fmt.Sprint(i, " binary"), split(opBinary, p, 3), []string{asBinary(p)}})
	}
	play(t, all)
}

// TestFailFast: a text is refused with the first byte that settles it, in the middle of messages and of frames.
func TestFailFast(t *testing.T) { // 6.4
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"fragment", frame(opText, []byte("κόσμε\xf4\x90"))},
		{"second fragment", join(frame(opText, []byte("κόσμε\xf4")), frame(opCont, []byte("\x90")))},
		{"inside a frame", frame(fin|opText, []byte("κόσμε\xf4\x90\x80\x80 and much more"))[:6+10+2]},
		{"inside a second frame", join(frame(opText, []byte("κόσμε\xed")), frame(fin|opCont, []byte("\xa0\x80 and more"))[:7])},
		{"continuation byte first", frame(fin|opText, []byte("\x80 and more"))[:7]},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLog(t, c.in, nil, []string{"close 1007"})
			checkLog(t, c.in[:len(c.in)-1], nil, nil)
		})
	}
}
