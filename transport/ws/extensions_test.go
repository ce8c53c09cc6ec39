// Extension offers: a table of values, and a twin with regular expressions.

package ws_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/ws"
)

// offers seeds the table test and the fuzz target. want is the value written plainly, "!" for a grammar error.
var offers = []struct{ value, want string }{
	{"", ""},
	{"  ", ""},
	{"foo", "foo"},
	{" foo\t", "foo"},
	{"x-webkit-deflate-frame", "x-webkit-deflate-frame"},
	{"constructor", "constructor"},
	{"permessage-deflate; client_max_window_bits", "permessage-deflate;client_max_window_bits"},
	{"permessage-deflate;client_max_window_bits=10 ;\tserver_no_context_takeover", "permessage-deflate;client_max_window_bits=10;server_no_context_takeover"},
	{`permessage-deflate; server_max_window_bits="10"`, "permessage-deflate;server_max_window_bits=10"},
	{"a; x=1, b ,c; y; z=2", "a;x=1|b|c;y;z=2"},
	{"a; x; x", "a;x;x"},
	{`a; x="\1\0"`, `a;x=\1\0`},
	{`a; x="1", b`, "a;x=1|b"},
	{"permessage-deflate;", "!"},
	{"permessage-deflate; =1", "!"},
	{`permessage-deflate; a="b`, "!"},
	{`a; b="`, "!"},
	{`a; b=""`, "!"},
	{`a; b="c d"`, "!"},
	{`a; b="c\"`, "!"},
	{`a; b="c\`, "!"},
	{`a; b="c" d`, "!"},
	{"a; b=", "!"},
	{"a; b =1", "!"},
	{"a; b= 1", "!"},
	{"a=1", "!"},
	{"a b", "!"},
	{"a,", "!"},
	{",a", "!"},
	{"a,,b", "!"},
	{";", "!"},
	{`"a"`, "!"},
	{"a\x00", "!"},
	{"a\x80", "!"},
	{"a; b, ; c", "!"},
	{"a; b; , c", "!"},
}

func describe(value []byte) string {
	var all []string
	list := ws.NewOffers(value)
	for {
		offer, ok := list.Next()
		if !ok {
			break
		}
		s := string(offer.Name)
		for {
			param, ok := offer.NextParam()
			if !ok {
				break
			}
			s += ";" + string(param.Name)
			if param.Value != nil {
				s += "=" + string(param.Value)
			}
		}
		all = append(all, s)
	}
	if list.Malformed() {
		return "!"
	}
	return strings.Join(all, "|")
}

func TestOffers(t *testing.T) {
	for _, c := range offers {
		if got := describe([]byte(c.value)); got != c.want {
			t.Errorf("%q: %q, want %q", c.value, got, c.want)
		}
	}
}

const (
	tokenPattern = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]"
	paramPattern = "[ \t]*;[ \t]*" + tokenPattern + "+(=(" + tokenPattern + "+|\"(" + tokenPattern + "|\\\\" + tokenPattern + ")+\"))?"
	offerPattern = "[ \t]*" + tokenPattern + "+(" + paramPattern + ")*[ \t]*"
)

var listPattern = regexp.MustCompile("^([ \t]*|" + offerPattern + "(," + offerPattern + ")*)$")

// checkOffers compares acceptance with the regular expression and the content with a plain splitting of the value.
func checkOffers(t *testing.T, value []byte) {
	t.Helper()
	got := describe(value)
	if !listPattern.Match(value) {
		if got != "!" {
			t.Fatalf("%q: accepted as %q", value, got)
		}
		return
	}
	// In a legal value commas, semicolons and spaces only ever separate.
	want := strings.NewReplacer(" ", "", "\t", "", `"`, "", ",", "|").Replace(string(value))
	if got != want {
		t.Fatalf("%q: %q, want %q", value, got, want)
	}
}

func TestOffersAgainstPattern(t *testing.T) {
	for _, c := range offers {
		checkOffers(t, []byte(c.value))
	}
	alphabet := []byte("a1;,=\" \\\t")
	var walk func(value []byte)
	walk = func(value []byte) {
		checkOffers(t, value)
		if len(value) == 6 {
			return
		}
		for _, c := range alphabet {
			walk(append(value[:len(value):len(value)], c))
		}
	}
	walk([]byte("x"))
}
