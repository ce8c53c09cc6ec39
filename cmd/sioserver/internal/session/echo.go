// Echo: what the preset for Laravel Echo keeps with a socket.

package session

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
)

// Member is who a client is in a presence channel, as the application said. Both
// are JSON.
type Member struct {
	UserID   json.RawMessage `json:"user_id"`
	UserInfo json.RawMessage `json:"user_info"`
}

// User is the member's id as text.
func (m Member) User() string {
	var text string
	if json.Unmarshal(m.UserID, &text) == nil {
		return text
	}
	return string(m.UserID)
}

// Echo is part of a State. Its methods may be called from any goroutine, and on
// nil, which has nothing.
type Echo struct {
	// Headers are those of the handshake that the application is told when it is
	// asked about channels.
	Headers http.Header

	mu      sync.Mutex
	members map[string]Member // by channel
}

// NewEcho keeps header fields of a handshake, and of the socket that a client was
// before, if there was one, who it is in its channels.
func NewEcho(headers http.Header, was *Echo) *Echo {
	return &Echo{Headers: headers, members: was.all()}
}

// Member is who the client is in a channel.
func (e *Echo) Member(channel string) (m Member, ok bool) {
	if e == nil {
		return m, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	m, ok = e.members[channel]
	return m, ok
}

// SetMember notes who it is. What is known of channels for which in is false is
// forgotten.
func (e *Echo) SetMember(channel string, m Member, in func(channel string) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.members, func(c string, _ Member) bool { return !in(c) })
	if e.members == nil {
		e.members = map[string]Member{}
	}
	e.members[channel] = m
}

// Forget is for a channel that the client leaves.
func (e *Echo) Forget(channel string) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.members, channel)
}

// all is a copy of what is known, nil if that is nothing.
func (e *Echo) all() map[string]Member {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.members) == 0 {
		return nil
	}
	return maps.Clone(e.members)
}
