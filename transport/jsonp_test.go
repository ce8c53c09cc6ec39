// JSONP: scripts as answers, forms as data requests.

package transport

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sioserver/sioserver/transport/ws"
)

// unwrap reads the payload out of a script.
func unwrap(t testing.TB, index, script string) (payload string) {
	t.Helper()
	text, found := strings.CutPrefix(script, "___eio["+index+"](")
	text, ended := strings.CutSuffix(text, ");")
	if err := json.Unmarshal([]byte(text), &payload); err != nil || !found || !ended {
		t.Fatalf("script %q: %v", script, err)
	}
	return payload
}

func TestJSONPHandshake(t *testing.T) {
	for _, v := range []struct{ name, query, index, open string }{
		{"revision 3", "EIO=3&b64=1&j=7", "7", "118:0{"},
		{"revision 4", "EIO=4&j=12", "12", "0{"},
		{"no b64", "EIO=3&j=0", "0", "118:0{"},
		{"digits only", "EIO=3&j=1);alert(2", "12", "118:0{"},
		{"escaped", "EIO=3&j=%31%3Cscript%3E", "1", "118:0{"},
		{"no digits", "EIO=4&j=x", "", "0{"},
		{"empty", "EIO=4&j=", "", "0{"},
		{"longest", "EIO=4&j=" + strings.Repeat("1", mostIndex), strings.Repeat("1", mostIndex), "0{"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, allow3)
				c := &poller{k: k, query: v.query, get: k.dial(0)}
				c.get.cut = cut
				r := c.get.ask(c.own(request("GET", "", "")))
				if got := unwrap(t, v.index, r.body); r.status != 200 || !strings.HasPrefix(got, v.open) {
					t.Errorf("%v", r)
				}
				if r.fields["content-type"] != "text/javascript; charset=UTF-8" || r.fields["x-content-type-options"] != "nosniff" ||
					r.fields["cache-control"] != "no-store" {
					t.Errorf("fields %v", r.fields)
				}
				k.told("1 open")
				k.finish()
			})
		})
	}
	t.Run("too long", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		c := &poller{k: k, query: "EIO=3&j=" + strings.Repeat("1", mostIndex+1)}
		if r := k.dial(0).ask(c.own(request("GET", "", ""))); r.short() != code(3) {
			t.Errorf("%v", r)
		}
		k.told()
		k.finish()
	})
	t.Run("not offered", func(t *testing.T) {
		k := one(t)
		for _, j := range []string{"7", strings.Repeat("1", 100)} {
			r := k.dial(0).ask(strings.Replace(request("GET", "", ""), "EIO=4", "EIO=4&j="+j, 1))
			if !strings.HasPrefix(r.body, `0{"sid":"`) || r.fields["content-type"] != "text/plain; charset=UTF-8" {
				t.Errorf("%v", r)
			}
		}
		k.finish()
	})
	t.Run("with a cookie", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.AllowEIO3, o.Cookie = true, &Cookie{Name: "io"} })
		r := k.dial(0).ask(strings.Replace(request("GET", "", ""), "EIO=4", "EIO=4&j=1", 1))
		if !strings.HasPrefix(r.fields["set-cookie"], "io=") || r.fields["x-content-type-options"] != "nosniff" {
			t.Errorf("fields %v", r.fields)
		}
		k.finish()
	})
}

// TestJSONPAnswers has polls answered. What a later request says of j changes nothing.
func TestJSONPAnswers(t *testing.T) {
	for _, v := range []struct{ query, want string }{
		{"EIO=3&b64=1&j=7", `___eio[7]("23:4[\"a\\n\u003c/script>\u2028\u2029‧é😀\"]6:b4AQI=");`},
		{"EIO=3&j=7", `___eio[7]("23:4[\"a\\n\u003c/script>\u2028\u2029‧é😀\"]6:b4AQI=");`},
		{"EIO=4&j=7", `___eio[7]("4[\"a\\n\u003c/script>\u2028\u2029‧é😀\"]\u001ebAQI=");`},
	} {
		for _, later := range []string{"", "&j=9", "&j=", "&j=%3Cscript%3E"} {
			k := newKernel(t, 2, allow3)
			c := k.pollerOf(1, v.query)
			c.get = k.dial(0)
			c.query, _, _ = strings.Cut(v.query, "&j")
			c.query += later
			s := k.session(1)
			k.do(s, func() { s.Send([]byte("[\"a\\n</script>\u2028\u2029‧é😀\"]")); s.SendBinary([]byte{1, 2}) })
			c.poll()
			if r := c.get.responses(); len(r) != 1 || r[0].body != v.want || r[0].fields["content-type"] != "text/javascript; charset=UTF-8" {
				t.Errorf("%v, want %s", r, v.want)
			}
			k.do(s, s.Close)
			c.poll()
			c.poll()
			k.finish()
		}
	}
	// And one that began without stays without.
	k := newKernel(t, 1, allow3)
	c := k.pollerOf(0, "EIO=3")
	c.query = "EIO=3&j=3"
	if r := c.deliver("1:2"); r.short() != "200 ok" {
		t.Errorf("%v", r)
	}
	c.poll()
	c.get.want("200 1:3")
	k.finish()
}

func TestJSONPForms(t *testing.T) {
	message := `4["a\nb\\n\\\n` + "\u2028\u2029é😀&=+ %\"" + `]`
	const ok, none = "200 ok", "none"
	for _, v := range []struct{ name, query, body, want, told string }{
		{"plain", "EIO=4&j=1", "d=4abc", ok, "message abc"},
		{"of a client", "EIO=4&j=1", form(message), ok, "message " + message[1:]},
		{"of a client of revision 3", "EIO=3&j=1", form(fmt.Sprintf("%d:%s", len(utf16.Encode([]rune(message))), message)), ok, "message " + message[1:]},
		{"real line ends", "EIO=4&j=1", form("4a\nb"), ok, "message a\nb"},
		{"base64", "EIO=3&j=1&b64=1", form("6:b4AQI="), ok, "binary 0102"},
		{"spaces by plus", "EIO=4&j=1", "d=4a+b%2Bc", ok, "message a b+c"},
		{"other fields around", "EIO=4&j=1", "a=b&%64=4x&e", ok, "message x"},
		{"no field", "EIO=4&j=1", "a=b", ok, none},
		{"nothing", "EIO=4&j=1", "", ok, none},
		{"bare payload", "EIO=4&j=1", "4abc", ok, none},
		{"twice", "EIO=4&j=1", "d=4a&d=4b", ok, none},
		{"empty field", "EIO=4&j=1", "d=", ok, "close parse error: engineio: empty packet"},
		{"field without value", "EIO=3&j=1", "d", ok, "close parse error: engineio: invalid length in a payload"},
		{"broken escapes", "EIO=4&j=1", "d=4%zz%4", ok, "message %zz%4"},
		{"not UTF-8", "EIO=4&j=1", "d=4%ff", ok, "close parse error: payload is not UTF-8"},
		{"malformed", "EIO=3&j=1", form("5:4hi"), ok, "close parse error: engineio: invalid length in a payload"},
		{"close", "EIO=3&j=1", form("1:1"), ok, "close transport close"},
		{"octets", "EIO=4&j=1", "d=4a", "400", "close transport error: invalid content"},
		{"octets", "EIO=3&j=1", "d=2:4a", "400", "close transport error: invalid content"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, allow3)
				c := k.pollerOf(0, v.query)
				c.poll()
				k.log = nil
				c.post.cut = cut
				kind := "Content-Type: application/x-www-form-urlencoded"
				if v.name == "octets" {
					kind = "Content-Type: application/octet-stream"
				}
				if r := c.post.ask(c.own(request("POST", c.sid, v.body, kind))); r.short() != v.want {
					t.Errorf("%v", r)
				}
				if v.told == none {
					k.told()
					if r := c.deliver("e=1&d=" + url.QueryEscape(map[bool]string{false: "4x", true: "2:4x"}[strings.Contains(v.query, "EIO=3")])); r.short() != ok {
						t.Errorf("%v", r)
					}
					k.told("1 message x")
				} else {
					k.told("1 " + v.told)
				}
				k.finish()
			})
		})
	}
}

// form is the body that a client makes of a payload.
func form(payload string) string {
	payload = strings.ReplaceAll(payload, `\n`, "\\\n")
	payload = strings.ReplaceAll(payload, "\n", `\n`)
	return "d=" + url.QueryEscape(payload)
}

var (
	oneSlash = regexp.MustCompile(`\\?\\n`)
	naive    = strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`)
)

// naiveForm reads a form as the reference does, by patterns.
func naiveForm(form string) (payload string, ok bool) {
	var all []string
	for _, pair := range strings.Split(form, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if unescape(key) == "d" {
			all = append(all, unescape(value))
		}
	}
	if len(all) != 1 {
		return "", false
	}
	payload = oneSlash.ReplaceAllStringFunc(all[0], func(match string) string {
		if len(match) == 3 {
			return match
		}
		return "\n"
	})
	return strings.ReplaceAll(payload, `\\n`, `\n`), true
}

// unescape decodes a part of a form; escapes that are none stay.
func unescape(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	return regexp.MustCompile(`%[0-9A-Fa-f]{2}`).ReplaceAllStringFunc(text, func(triplet string) string {
		b, _ := url.PathUnescape(triplet)
		return b
	})
}

func FuzzJSONP(f *testing.F) {
	for _, s := range []string{
		"", "d", "d=", "d=4abc", "a=b&d=4x&e=f", "d=1&d=2", "%64=4%5C%5Cn", `d=a\nb\\nc\\\nd\\\\n\`, "d=%zz+%e2%80%a8<\x00\"\\", form(`x\n\\n` + "\n\u2028\u2029</script>"),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		e := &Engine{opts: &Options{}}
		got, ok := e.formPayload([]byte(text))
		if want, wantOK := naiveForm(text); string(got) != want || ok != wantOK {
			t.Errorf("form %q: %q %v, want %q %v", text, got, ok, want, wantOK)
		}
		if ws.ValidUTF8([]byte(text)) && !strings.ContainsAny(text, "&=%+;") {
			if got, ok := e.formPayload([]byte(form(text))); string(got) != text || !ok {
				t.Errorf("%q came back as %q", text, got)
			}
		}
		script := string((&jsonp{[]byte(`___eio[5]("`)}).wrap(nil, []byte(text)))
		if !ws.ValidUTF8([]byte(text)) {
			return
		}
		if got := unwrap(t, "5", script); got != text {
			t.Errorf("%q is %q behind the script", text, got)
		}
		if strings.ContainsAny(script, "<\u2028\u2029\n\r") || naive.Replace(script) != script {
			t.Errorf("script %q", script)
		}
	})
}
