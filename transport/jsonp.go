// JSONP: polling for pages that can do no more than load scripts and submit forms.

package transport

// No rule about origins holds for scripts, so that JSONP opens the server to the
// pages of everybody, with the cookies of their visitors. It is offered only
// where clients of versions 1 and 2 are let in, the last ones that use it.

import (
	"slices"

	"github.com/sioserver/sioserver/transport/http1"
)

// jsonp is what a session has whose client polls by scripts. Its answers call
// a function of the page.
type jsonp struct {
	call []byte // ___eio[7]("
}

// mostIndex is the longest parameter j that is taken, in bytes. Clients count
// from 0.
const mostIndex = 32

// scriptFields are the field lines of an answer that is a script: a browser
// must not take it for anything else.
var scriptFields = []byte("X-Content-Type-Options: nosniff\r\n")

// jsonpOf is the function of a handshake, nil if it does not ask for one. Only
// the digits of the client's parameter go into it.
func jsonpOf(q *http1.Query) *jsonp {
	if q.J == nil {
		return nil
	}
	call := append(make([]byte, 0, len(`___eio[](""`)+len(q.J)), "___eio["...)
	for _, b := range q.J {
		if b >= '0' && b <= '9' {
			call = append(call, b)
		}
	}
	return &jsonp{append(call, `]("`...)}
}

// wrap appends a payload as a script.
func (p *jsonp) wrap(dst, payload []byte) []byte {
	dst = appendScriptText(append(dst, p.call...), payload)
	return append(dst, `");`...)
}

// appendScriptText appends text as it stands between the quotes of a JavaScript
// string that is also JSON. The line ends U+2028 and U+2029 may not stand in
// strings of old browsers, and no tag may end a script element that somebody
// puts the answer into.
func appendScriptText(dst, text []byte) []byte {
	done := 0
	for i, b := range text {
		if b >= ' ' && b != '"' && b != '\\' && b != '<' && b != 0xe2 {
			continue
		}
		escaped, n := "", 1
		switch b {
		case '"':
			escaped = `\"`
		case '\\':
			escaped = `\\`
		case '\n':
			escaped = `\n`
		case 0xe2:
			if len(text)-i < 3 || text[i+1] != 0x80 || text[i+2]|1 != 0xa9 {
				continue
			}
			escaped, n = `\u2028`, 3
			if text[i+2] == 0xa9 {
				escaped = `\u2029`
			}
		}
		dst = append(dst, text[done:i]...)
		done = i + n
		if escaped != "" {
			dst = append(dst, escaped...)
			continue
		}
		const hex = "0123456789abcdef"
		dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
	}
	return append(dst, text[done:]...)
}

// formPayload takes the payload out of a form, in place: the field d. There is
// none if the form has no such field, or several.
func (e *Engine) formPayload(form []byte) (payload []byte, ok bool) {
	e.scratch = slices.Grow(e.scratch[:0], len(form))
	found := 0
	http1.EachPair(form, e.scratch, func(key, value []byte) {
		if string(key) == "d" {
			found++
			// Never longer than what it was made of, and that has been read.
			payload = append(form[:0], value...)
		}
	})
	e.trimScratch()
	if found != 1 {
		return nil, false
	}
	return unescapeLines(payload), true
}

// unescapeLines undoes in place what clients do to the ends of lines, which
// browsers change in forms: a line end was sent as a backslash and n, these two
// with one more backslash in front.
func unescapeLines(text []byte) []byte {
	out, slashes := text[:0], 0
	for _, b := range text {
		if b == 'n' && slashes > 0 {
			out = out[:len(out)-1]
			if slashes == 1 {
				b = '\n'
			}
		}
		if slashes++; b != '\\' {
			slashes = 0
		}
		out = append(out, b)
	}
	return out
}
