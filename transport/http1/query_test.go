// Queries: known keys, duplicates, decoding, against a slow twin and net/url.

package http1_test

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

var queryCases = []struct {
	name string
	raw  string
	want string // EIO transport sid j b64 t, - for absent; ! in front for a duplicate
}{
	{"empty", "", "- - - - - -"},
	{"usual", "EIO=4&transport=polling&t=Pabc&sid=lv_VI97HAXpY6yYWAAAC", `"4" "polling" "lv_VI97HAXpY6yYWAAAC" - - "Pabc"`},
	{"all", "EIO=3&transport=websocket&j=0&b64=1&t=&sid=", `"3" "websocket" "" "0" "1" ""`},
	{"no equals sign", "b64&sid", `- - "" - "" -`},
	{"value with equals sign", "sid=a=b", `- - "a=b" - - -`},
	{"plus", "sid=a+b", `- - "a b" - - -`},
	{"triplets", "sid=%41%2b%0d%0A", `- - "A+\r\n" - - -`},
	{"once only", "sid=%2541", `- - "%41" - - -`},
	{"broken triplets stay", "sid=%4&t=%zz%&j=%%41", `- - "%4" "%A" - "%zz%"`},
	{"encoded key", "%45IO=4&%73id=x", `"4" - "x" - - -`},
	{"encoded ampersand", "sid=a%26t=b", `- - "a&t=b" - - -`},
	{"keys are case-sensitive", "eio=4&Transport=polling&SID=x", "- - - - - -"},
	{"semicolon is data", "EIO=4;transport=polling", `"4;transport=polling" - - - - -`},
	{"question mark is data", "transport=polling?x", `- "polling?x" - - - -`},
	{"empty pairs", "&&EIO=4&&", `"4" - - - - -`},
	{"unknown keys", "__proto__=1&constructor=2&EIO=4&EIOx=5&EI=6", `"4" - - - - -`},
	{"duplicate", "EIO=3&EIO=4", `!"4" - - - - -`},
	{"duplicate and same", "transport=polling&transport=polling", `!- "polling" - - - -`},
	{"duplicate by encoding", "sid=a&%73%69%64=b", `!- - "b" - - -`},
	{"duplicate and empty", "sid=&sid=", `!- - "" - - -`},
	{"duplicate j", "j&j", `!- - - "" - -`},
	{"duplicate b64", "b64=1&b64=", `!- - - - "" -`},
	{"duplicate t is harmless", "t=a&t=b", `- - - - - "b"`},
}

func showQuery(q *http1.Query) string {
	var parts []string
	for _, v := range [][]byte{q.EIO, q.Transport, q.SID, q.J, q.B64, q.T} {
		part := "-"
		if v != nil {
			part = strconv.Quote(string(v))
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, " ")
	if q.Duplicate {
		text = "!" + text
	}
	return text
}

func TestQuery(t *testing.T) {
	for _, c := range queryCases {
		t.Run(c.name, func(t *testing.T) {
			var q http1.Query
			q.Parse([]byte(c.raw), nil)
			if got := showQuery(&q); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			checkQuery(t, []byte(c.raw))
		})
	}
}

// checkQuery compares Query and EachPair with a reading by strings, and that with net/url where it agrees to read.
func checkQuery(t *testing.T, raw []byte) {
	t.Helper()
	var pairs []string
	values := url.Values{}
	want := map[string][]byte{}
	duplicate := false
	for pair := range strings.SplitSeq(string(raw), "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, value = slowDecode(key), slowDecode(value)
		pairs = append(pairs, fmt.Sprintf("%q=%q", key, value))
		values.Add(key, value)
		if slices.Contains([]string{"EIO", "transport", "sid", "j", "b64"}, key) && want[key] != nil {
			duplicate = true
		}
		want[key] = []byte(value)
	}

	keep := bytes.Clone(raw)
	scratch := make([]byte, 3, 16)
	var q http1.Query
	if grown := q.Parse(raw, scratch); len(grown) < 3 {
		t.Errorf("scratch was cut to %d bytes", len(grown))
	}
	slow := http1.Query{
		EIO: want["EIO"], Transport: want["transport"], SID: want["sid"], J: want["j"], B64: want["b64"], T: want["t"],
		Duplicate: duplicate,
	}
	if got, want := showQuery(&q), showQuery(&slow); got != want {
		t.Errorf("%q: got %s, want %s", raw, got, want)
	}
	var got []string
	http1.EachPair(raw, scratch, func(key, value []byte) { got = append(got, fmt.Sprintf("%q=%q", key, value)) })
	if !slices.Equal(got, pairs) {
		t.Errorf("%q: got pairs %s, want %s", raw, got, pairs)
	}
	if !bytes.Equal(raw, keep) {
		t.Errorf("query changed from %q to %q", keep, raw)
	}
	if std, err := url.ParseQuery(string(raw)); err == nil && std.Encode() != values.Encode() {
		t.Errorf("%q: slow twin says %v, net/url says %v", raw, values, std)
	}
}

// slowDecode undoes percent-encoding piece by piece; what does not decode stays.
func slowDecode(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		if s[0] == '+' {
			out.WriteByte(' ')
			s = s[1:]
			continue
		}
		if len(s) > 2 && s[0] == '%' {
			if v, err := url.PathUnescape(s[:3]); err == nil {
				out.WriteString(v)
				s = s[3:]
				continue
			}
		}
		out.WriteByte(s[0])
		s = s[1:]
	}
	return out.String()
}
