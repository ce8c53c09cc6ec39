// Names of rooms with parts that are filled in.

package connect

import (
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
)

// expand fills {user}, {sid} and {claim.NAME} in. ok is false if one of them is
// not known.
func expand(template string, st *session.State, sid string) (name string, ok bool) {
	var b strings.Builder
	for {
		head, rest, open := strings.Cut(template, "{")
		b.WriteString(head)
		if !open {
			return b.String(), true
		}
		key, tail, closed := strings.Cut(rest, "}")
		if !closed {
			return "", false
		}
		value := ""
		switch claim, isClaim := strings.CutPrefix(key, "claim."); {
		case isClaim:
			if value, ok = text(st.Claims[claim]); !ok {
				return "", false
			}
		case key == "user":
			value = st.User
		case key == "sid":
			value = sid
		}
		if value == "" {
			return "", false
		}
		b.WriteString(value)
		template = tail
	}
}
