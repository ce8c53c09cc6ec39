// The presence channels of Laravel Echo: the same members, told in its words.

package presence

import (
	"context"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// EchoPrefix is how the names of presence channels begin.
const EchoPrefix = "presence-"

// EchoMember is a member as Echo is told of it.
type EchoMember struct {
	session.Member
	SocketID string `json:"socketId"`
}

// echoRule is the rule of all presence channels, nil without Echo.
func echoRule(c *config.LaravelEcho) *config.RoomPresence {
	if !c.Enabled {
		return nil
	}
	return &config.RoomPresence{Enabled: true, LeaveGrace: c.LeaveGrace, MaxMembers: c.MaxMembers}
}

// echoes reports whether a room is a presence channel. mu is held.
func (t *Tracker) echoes(k key) bool {
	return t.mu.echo != nil && k.ns.Name() == "/" && strings.HasPrefix(k.name, EchoPrefix)
}

// tellEcho tells the members of a change. Echo knows no lists of changes, so in
// channels with more members than the rule wants told nobody is told.
func (r *room) tellEcho(rule *config.RoomPresence, joined bool, m Member) {
	if len(r.members) > rule.MaxMembers {
		return
	}
	event := "presence:leaving"
	if joined {
		event = "presence:joining"
	}
	r.emit(event, m.SID, r.key.name, EchoMember{session.Member{UserID: m.id, UserInfo: m.Info}, m.SID})
}

// EchoList asks all servers for the members of a presence channel, each user
// once. If they are more than most, the list is empty and all is false. It waits,
// until ctx ends.
func (t *Tracker) EchoList(ctx context.Context, ns *loop.Namespace, channel string, most int) (list []EchoMember, all bool, err error) {
	sockets, err := ns.In(channel).FetchSockets(ctx)
	if err != nil {
		return nil, false, err
	}
	list = []EchoMember{}
	seen := map[string]bool{}
	for _, s := range sockets {
		var st session.State
		if s.Data(&st) != nil {
			continue // of a server that keeps something else
		}
		m, known := st.Echo.Member(channel)
		if !known || seen[m.User()] {
			continue
		}
		seen[m.User()] = true
		list = append(list, EchoMember{m, s.ID()})
	}
	if len(list) > most {
		return []EchoMember{}, false, nil
	}
	return list, true, nil
}
