// template: the name of a room with parts that an event fills in.

package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// template is a text with {user}, {sid}, {data} for the event's first argument,
// and {data.NAME} for a member of it.
type template []piece

type piece struct {
	text string
	kind pieceKind
}

type pieceKind int8

const (
	pieceText pieceKind = iota
	pieceUser
	pieceSID
	pieceData // text is the member, "" for the argument itself
)

func parseTemplate(text string) (t template, err error) {
	for text != "" {
		head, rest, open := strings.Cut(text, "{")
		if head != "" {
			t = append(t, piece{head, pieceText})
		}
		if !open {
			return t, nil
		}
		key, tail, closed := strings.Cut(rest, "}")
		name, isMember := strings.CutPrefix(key, "data.")
		switch {
		case !closed:
			return nil, errors.New("a { without }")
		case key == "user":
			t = append(t, piece{"", pieceUser})
		case key == "sid":
			t = append(t, piece{"", pieceSID})
		case key == "data":
			t = append(t, piece{"", pieceData})
		case isMember && name != "":
			t = append(t, piece{name, pieceData})
		default:
			return nil, fmt.Errorf("{%s} is not known: there are {user}, {sid}, {data}, {data.NAME}", key)
		}
		text = tail
	}
	return t, nil
}

// expand fills the template in. ok is false if a part of it is not there, or is
// no text or number.
func (t template) expand(s *loop.Socket, st *session.State, a loop.Args) (text string, ok bool) {
	if len(t) == 1 {
		return t[0].value(s, st, a)
	}
	var b strings.Builder
	for _, p := range t {
		v, ok := p.value(s, st, a)
		if !ok {
			return "", false
		}
		b.WriteString(v)
	}
	return b.String(), b.Len() > 0
}

func (p piece) value(s *loop.Socket, st *session.State, a loop.Args) (text string, ok bool) {
	switch p.kind {
	case pieceUser:
		return st.User, st.User != ""
	case pieceSID:
		return s.ID(), true
	case pieceData:
		raw := []byte(a.Raw(0))
		if p.text != "" {
			raw = member(raw, p.text)
		}
		text = scalar(raw)
		return text, text != ""
	}
	return p.text, true
}

// scalar is a string or a number as text, "" for everything else.
func scalar(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		for _, b := range raw[1 : len(raw)-1] {
			if b == '\\' {
				var text string
				_ = json.Unmarshal(raw, &text) // it came over the wire, which was checked
				return text
			}
		}
		return string(raw[1 : len(raw)-1])
	case c == '-' || c >= '0' && c <= '9':
		return string(raw)
	}
	return ""
}

// member is the value of a member of an object, nil if there is none. raw is
// valid JSON. Of members with one name the last counts, as for every decoder that
// looks at the same event later.
func member(raw []byte, name string) (value []byte) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return nil
	}
	for i = space(raw, i+1); i < len(raw) && raw[i] == '"'; i = space(raw, i+1) {
		end := skip(raw, i)
		same := isKey(raw[i:end], name)
		i = space(raw, space(raw, end)+1) // behind the colon
		end = skip(raw, i)
		if same {
			value = raw[i:end]
		}
		if i = space(raw, end); i >= len(raw) || raw[i] != ',' {
			break
		}
	}
	return value
}

// isKey reports whether a string of JSON is a name.
func isKey(raw []byte, name string) bool {
	if string(raw[1:len(raw)-1]) == name {
		return true
	}
	for _, b := range raw {
		if b == '\\' {
			var text string
			return json.Unmarshal(raw, &text) == nil && text == name
		}
	}
	return false
}

func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}

// skip is where the value that begins at i ends.
func skip(raw []byte, i int) int {
	depth, quoted := 0, false
	for ; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
				if depth == 0 {
					return i + 1
				}
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i // of what is around
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return i
		}
	}
	return i
}
