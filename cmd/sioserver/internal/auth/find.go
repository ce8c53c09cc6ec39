// Where a client's token and user are found in its handshake.

package auth

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Presented is what a client shows when it joins a namespace.
type Presented struct {
	Auth   json.RawMessage    // its own object, nil without
	Header func() http.Header // of its handshake; asked for only if it matters
	Query  func() url.Values
}

// Find is the first token at one of the places auth.NAME, header.NAME,
// query.NAME, "" if there is none.
func (p *Presented) Find(places []string) string {
	var fields map[string]any
	for _, place := range places {
		kind, name, _ := strings.Cut(place, ".")
		text := ""
		switch kind {
		case "auth":
			if fields == nil {
				_ = json.Unmarshal(p.Auth, &fields) // what is no object has no fields
			}
			text, _ = fields[name].(string)
		case "header":
			text = p.Header().Get(name)
			if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
				text = strings.TrimSpace(rest)
			} else if strings.EqualFold(name, "authorization") {
				text = "" // of another scheme
			}
		case "query":
			text = p.Query().Get(name)
		}
		if text != "" {
			return text
		}
	}
	return ""
}
