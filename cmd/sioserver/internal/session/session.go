// State: what the command knows of a socket beyond what package loop does.

// Package session holds what the command keeps with each socket: whose it is,
// what it may do, and what its backend said of it. It is the value of
// [loop.Socket.SetData]; the rooms of users, which are how one user is found on
// all servers of a cluster, are here too.
package session

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// userRooms is the prefix of the rooms that hold the sockets of one user. No
// client can join one by name, and they are left out of what is listed.
const userRooms = "$user:"

// UserRoom is the room with all sockets of a user.
func UserRoom(user string) string { return userRooms + user }

// RoomUser is the user of a UserRoom.
func RoomUser(room string) (user string, ok bool) { return strings.CutPrefix(room, userRooms) }

// Hidden reports whether a room is one of ours, which is not listed. The room of
// a socket's own id is not told apart here.
func Hidden(room string) bool { return strings.HasPrefix(room, userRooms) }

// CountRooms tells how many of the rooms of a namespace are listed, and how many
// users have one.
func CountRooms(names []string) (listed, users int) {
	for _, room := range names {
		if _, ok := RoomUser(room); ok {
			users++
		} else if !Hidden(room) {
			listed++
		}
	}
	return listed, users
}

// Permissions are what a token or the connect hook lets a socket do beyond the
// rules, each an event or a room with * for a part.
type Permissions struct {
	Join    []string `json:"join,omitempty"`
	Emit    []string `json:"emit,omitempty"`
	Publish []string `json:"publish,omitempty"`
}

// Emission is an event that a backend wants sent.
type Emission struct {
	Event string            `json:"event"`
	Args  []json.RawMessage `json:"args"`
}

// ConnID names the connection of a socket in logs and to backends. It tells
// nothing by which somebody could take part in the session, as the session's own
// id would.
func ConnID(node string, s *loop.Socket) string {
	sum := sha256.Sum256([]byte(s.Conn().ID()))
	return node + "." + hex.EncodeToString(sum[:8])
}

// State is what is kept for a socket. Its fields are set before the socket's
// connection handlers run and are not changed afterwards, but for those behind
// methods. Any goroutine may read it.
type State struct {
	User        string          // "" for one that nobody knows
	Claims      map[string]any  // of its token
	Meta        json.RawMessage // private: for hooks and webhooks only
	Permissions Permissions
	Since       time.Time // of the connect
	IP          string    // of the client, as far as is known

	// EventsPerSecond limits the socket in place of limits.events_per_second; 0
	// does not.
	EventsPerSecond float64
	// Welcome is what the connect hook wants sent first; see TakeWelcome.
	Welcome []Emission
	// Echo belongs to the preset for Laravel Echo, nil without it.
	Echo *Echo
	// Rules belongs to the rules about events: it is touched by the socket's event
	// handlers only, which run one after the other.
	Rules any

	mu        sync.Mutex
	data      json.RawMessage // public
	expiresAt time.Time       // zero for never
	ended     string
	shown     map[string]any // claims of a newer token
}

// Clone is a State for a socket that takes the place of another one.
func (s *State) Clone() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &State{
		User: s.User, Claims: s.Claims, Meta: s.Meta, Permissions: s.Permissions, Since: s.Since, IP: s.IP,
		EventsPerSecond: s.EventsPerSecond, Echo: s.Echo, data: s.data, expiresAt: s.expiresAt, shown: s.shown,
	}
}

// TakeWelcome is Welcome, once.
func (s *State) TakeWelcome() []Emission {
	list := s.Welcome
	s.Welcome = nil
	return list
}

// End notes why this side is about to disconnect the socket; what was noted first
// stays. It is the reason that webhooks and the log tell.
func (s *State) End(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == "" {
		s.ended = reason
	}
}

// Ended is what was given to End, "" if nothing was.
func (s *State) Ended() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Show notes the claims of a token that the socket has shown since.
func (s *State) Show(claims map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = claims
}

// Token are the claims of the token that the socket has shown last, nil if it
// came without.
func (s *State) Token() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown != nil {
		return s.shown
	}
	return s.Claims
}

// Data is what is public about the socket: presence, API, admin page.
func (s *State) Data() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// SetData replaces it.
func (s *State) SetData(data json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
}

// ExpiresAt is when the socket must have shown a newer token, zero for never.
func (s *State) ExpiresAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expiresAt
}

// SetExpiresAt changes it.
func (s *State) SetExpiresAt(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiresAt = t
}

// public is the form in which other servers of a cluster see a State.
type public struct {
	User string          `json:"user,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`

	Members map[string]Member `json:"members,omitempty"` // of presence channels
}

// MarshalJSON tells what other servers may know: the user, the public data, and
// who it is in presence channels.
func (s *State) MarshalJSON() ([]byte, error) {
	return json.Marshal(public{s.User, s.Data(), s.Echo.all()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(text []byte) error {
	var p public
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	s.User = p.User
	s.SetData(p.Data)
	if p.Members != nil {
		s.Echo = &Echo{members: p.Members}
	}
	return nil
}

// Of is the State of a socket of this server, nil before the socket was let in.
func Of(s *loop.Socket) *State {
	st, _ := s.Data().(*State)
	return st
}
