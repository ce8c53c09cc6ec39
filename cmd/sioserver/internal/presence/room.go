// room: who is in one room, and who is told.

package presence

import (
	"encoding/json"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

const (
	// large is how many members a room may have before changes are told together.
	large = 100
	// together is the time within which they are.
	together = 100 * time.Millisecond
)

// Member is somebody in a room: a user, or a socket that belongs to none.
type Member struct {
	User string          `json:"user,omitempty"`
	SID  string          `json:"sid"`
	Info json.RawMessage `json:"info,omitempty"`

	id json.RawMessage // of a channel of Laravel Echo: the user as the application has it
}

// name is what a Member is the same by.
func (m Member) name() string {
	if m.User != "" {
		return "u" + m.User
	}
	return "s" + m.SID
}

// room is a room that is watched. The tracker's lock is held at all calls.
type room struct {
	tracker *Tracker
	key     key
	members map[string]*member
	sids    map[string]*member

	// Of a large room, what is to be told together.
	flush        *time.Timer
	came, parted map[string]Member
}

type member struct {
	Member
	sockets int
	leaving *time.Timer // it has no socket, and the time for its return runs
}

func newRoom(t *Tracker, k key) *room {
	return &room{tracker: t, key: k, members: map[string]*member{}, sids: map[string]*member{}, came: map[string]Member{}, parted: map[string]Member{}}
}

// end stops the room's timers.
func (r *room) end() {
	if r.flush != nil {
		r.flush.Stop()
	}
	for _, m := range r.members {
		if m.leaving != nil {
			m.leaving.Stop()
		}
	}
}

// join takes a socket in. rule is nil if the members are not to be told.
func (r *room) join(rule *config.RoomPresence, sid string, who Member) {
	if r.sids[sid] != nil {
		return // it was read twice
	}
	m := r.members[who.name()]
	fresh := m == nil
	if fresh {
		m = &member{Member: who}
		r.members[who.name()] = m
	}
	r.sids[sid] = m
	m.sockets++
	if m.leaving != nil {
		m.leaving.Stop()
		m.leaving = nil
	}
	if fresh {
		r.tracker.publish(lifecycle.MemberJoined, r.key, m.Member)
		r.tell(rule, true, m.Member)
	}
}

// leave takes a socket out.
func (r *room) leave(rule *config.RoomPresence, sid string) {
	m := r.sids[sid]
	if m == nil {
		return
	}
	delete(r.sids, sid)
	if m.sockets--; m.sockets > 0 {
		return
	}
	if rule == nil || rule.LeaveGrace <= 0 {
		r.gone(rule, m)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Duration(rule.LeaveGrace), func() {
		t := r.tracker
		t.mu.Lock()
		defer t.mu.Unlock()
		if m.leaving == timer && !t.mu.over {
			r.gone(t.rule(r.key), m)
			t.tidy(r)
		}
	})
	m.leaving = timer
}

// gone is the end of a member.
func (r *room) gone(rule *config.RoomPresence, m *member) {
	delete(r.members, m.name())
	r.tracker.publish(lifecycle.MemberLeft, r.key, m.Member)
	r.tell(rule, false, m.Member)
}

// change is what members are told in a room that is not large.
type change struct {
	Room   string `json:"room"`
	Member Member `json:"member"`
}

// diff is what they are told in a large one: who came and left, or how many are
// there.
type diff struct {
	Room   string   `json:"room"`
	Joined []Member `json:"joined,omitempty"`
	Left   []Member `json:"left,omitempty"`
	Users  int      `json:"members"`
}

// tell tells the members of a change.
func (r *room) tell(rule *config.RoomPresence, joined bool, m Member) {
	if rule == nil {
		return
	}
	if r.tracker.echoes(r.key) {
		r.tellEcho(rule, joined, m)
		return
	}
	if r.flush == nil && len(r.members) <= large {
		event := "$presence:leave"
		if joined {
			event = "$presence:join"
		}
		r.emit(event, m.SID, change{r.key.name, m})
		return
	}
	// Who came and went, or went and came, within the time has done neither.
	to, other := r.came, r.parted
	if !joined {
		to, other = r.parted, r.came
	}
	if _, both := other[m.name()]; both {
		delete(other, m.name())
	} else {
		to[m.name()] = m
	}
	if r.flush == nil {
		r.flush = time.AfterFunc(together, r.told)
	}
}

// told tells what has come together.
func (r *room) told() {
	t := r.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	r.flush = nil
	if rule := t.rule(r.key); rule != nil && !t.mu.over && len(r.came)+len(r.parted) > 0 {
		d := diff{Room: r.key.name, Users: len(r.members)}
		if len(r.members) <= rule.MaxMembers {
			for _, m := range r.came {
				d.Joined = append(d.Joined, m)
			}
			for _, m := range r.parted {
				d.Left = append(d.Left, m)
			}
		}
		r.emit("$presence:diff", "", d)
	}
	clear(r.came)
	clear(r.parted)
	t.tidy(r)
}

// emit sends an event to the room, without the socket it is about.
func (r *room) emit(event string, except string, args ...any) {
	to := r.key.ns.To(r.key.name)
	if except != "" {
		to = to.Except(except)
	}
	if err := to.Emit(event, args...); err != nil {
		r.tracker.log.Warn("members cannot be told of a change", "namespace", r.key.ns.Name(), "room", r.key.name, "error", err)
	}
}
