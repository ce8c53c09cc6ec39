// Tracker: the part of a node that watches who is in which room.

// Package presence tells the members of rooms who comes and goes, if a rule
// wants it, and webhooks of rooms and their members. It hears of joins and
// leaves from package loop, in order, whoever caused them. A user with several
// sockets in a room is one member; one who leaves and is back within the rule's
// time has not left.
package presence

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// Tracker watches rooms. It is a [node.Part]; its other methods may be called
// from any goroutine.
type Tracker struct {
	users *connect.Users
	node  *node.Node
	log   *slog.Logger

	mu struct {
		sync.Mutex
		rules map[string]*config.Namespace
		echo  *config.RoomPresence // of the channels of Laravel Echo, nil without
		tell  bool                 // webhooks want events of members
		rooms map[key]*room
		stop  map[string]func()                  // by namespace
		infos map[key]map[string]json.RawMessage // of sockets, by room
		over  bool
	}
}

type key struct {
	ns   *loop.Namespace
	name string
}

// New returns a tracker.
func New(users *connect.Users) *Tracker {
	t := &Tracker{users: users}
	t.mu.rooms, t.mu.stop, t.mu.infos = map[key]*room{}, map[string]func(){}, map[key]map[string]json.RawMessage{}
	return t
}

// Start implements [node.Part].
func (t *Tracker) Start(_ context.Context, n *node.Node) error {
	t.node, t.log = n, n.Log
	apply, err := t.Prepare(n.Config())
	if err == nil {
		apply()
	}
	return err
}

// Prepare implements [node.Part]. Namespaces in which nobody wants to know cost
// nothing.
func (t *Tracker) Prepare(c *config.Config) (apply func(), err error) {
	rules, wanted := map[string]*config.Namespace{}, map[string]bool{}
	members, changes := wants(c, lifecycle.MemberJoined, lifecycle.MemberLeft), wants(c, lifecycle.RoomOccupied, lifecycle.RoomVacated)
	for i := range c.Namespaces {
		ns := &c.Namespaces[i]
		rules[ns.Name] = ns
		wanted[ns.Name] = c.LaravelEcho.Enabled && ns.Name == "/" || members || changes || slices.ContainsFunc(ns.Rooms, func(r config.RoomRule) bool { return r.Presence.Enabled })
	}
	return func() {
		t.mu.Lock()
		t.mu.rules, t.mu.tell, t.mu.echo = rules, members, echoRule(&c.LaravelEcho)
		t.mu.Unlock()
		for name, yes := range wanted {
			t.watch(name, yes)
		}
	}, nil
}

// wants reports whether a webhook wants events of one of some types.
func wants(c *config.Config, types ...string) bool {
	for _, w := range c.Webhooks {
		for _, kind := range types {
			if glob.Any(w.Events, kind) {
				return true
			}
		}
	}
	return false
}

// watch begins to watch a namespace, or ends it.
func (t *Tracker) watch(name string, yes bool) {
	t.mu.Lock()
	stop := t.mu.stop[name]
	t.mu.Unlock()
	switch {
	case yes && stop == nil:
		ns := t.node.Server.Of(name)
		stop = ns.OnRoomEvent((&watcher{tracker: t}).changed)
		t.mu.Lock()
		t.mu.stop[name] = stop
		t.mu.Unlock()
		if ns.ConnectedSockets() > 0 {
			t.catchUp(ns)
		}
	case !yes && stop != nil:
		stop()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.mu.stop, name)
		for k, r := range t.mu.rooms {
			if k.ns.Name() == name {
				r.end()
				delete(t.mu.rooms, k)
			}
		}
	}
}

// Stop implements [node.Part].
func (t *Tracker) Stop(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.over = true
	for _, r := range t.mu.rooms {
		r.end()
	}
	return nil
}

// watcher hears the changes of one namespace, one after the other.
type watcher struct {
	tracker *Tracker
	created string // a room with its first member, who is told next
	own     string // the room of a socket's own, whose end is told next
}

// changed is told of every change of a room.
func (w *watcher) changed(e loop.RoomEvent) {
	t := w.tracker
	event := lifecycle.Event{Namespace: e.Namespace.Name(), Room: e.Room}
	switch e.Type {
	case rooms.ChangesMissed:
		t.log.Warn("changes of rooms were missed, presence is read anew", "namespace", e.Namespace.Name(), "changes", e.Missed)
		t.catchUp(e.Namespace)
		return
	case rooms.RoomCreated:
		w.created = e.Room
		return
	case rooms.RoomDeleted:
		if e.Room != w.own && !session.Hidden(e.Room) {
			event.Type = lifecycle.RoomVacated
			t.node.Bus.Publish(&event)
		}
		return
	}
	created := w.created == e.Room
	w.created, w.own = "", ""
	switch {
	case e.Room == e.ID:
		w.own = e.Room
	case session.Hidden(e.Room):
	case e.Type == rooms.RoomJoined:
		if created {
			event.Type = lifecycle.RoomOccupied
			t.node.Bus.Publish(&event)
		}
		t.users.When(e.Namespace, e.ID, e.Room, func(s *loop.Socket) { t.joined(e.Namespace, e.Room, s) })
	case e.Type == rooms.RoomLeft:
		t.users.Forget(e.Namespace, e.ID, e.Room)
		t.left(e.Namespace, e.Room, e.ID)
	}
}

// rule is the first rule that fits a room: with {user} for any user. mu is held.
func (t *Tracker) rule(k key) *config.RoomPresence {
	if t.echoes(k) {
		return t.mu.echo
	}
	ns := t.mu.rules[k.ns.Name()]
	if ns == nil {
		return nil
	}
	for i := range ns.Rooms {
		if r := &ns.Rooms[i]; glob.Match(strings.ReplaceAll(r.Match, "{user}", "*"), k.name) {
			if r.Presence.Enabled {
				return &r.Presence
			}
			return nil
		}
	}
	return nil
}

// Inform sets what presence tells of a socket in a room, in place of its public
// data. It is called before the socket joins; nil takes it back.
func (t *Tracker) Inform(s *loop.Socket, room string, info json.RawMessage) {
	k := key{s.Namespace(), s.ID()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if info == nil {
		t.forget(k, room)
		return
	}
	if t.mu.infos[k] == nil {
		t.mu.infos[k] = map[string]json.RawMessage{}
	}
	t.mu.infos[k][room] = info
}

// forget drops what Inform has set. mu is held.
func (t *Tracker) forget(k key, room string) {
	if delete(t.mu.infos[k], room); len(t.mu.infos[k]) == 0 {
		delete(t.mu.infos, k)
	}
}

// joined takes a socket into a room.
func (t *Tracker) joined(ns *loop.Namespace, name string, s *loop.Socket) {
	st := session.Of(s)
	if st == nil || !s.InRoom(name) {
		return // it left meanwhile
	}
	k := key{ns, name}
	t.mu.Lock()
	defer t.mu.Unlock()
	rule := t.rule(k)
	if rule == nil && !t.mu.tell || t.mu.over {
		return
	}
	r := t.mu.rooms[k]
	if r == nil {
		r = newRoom(t, k)
		t.mu.rooms[k] = r
	}
	if t.echoes(k) {
		if m, known := st.Echo.Member(name); known {
			r.join(rule, s.ID(), Member{User: m.User(), SID: s.ID(), Info: m.UserInfo, id: m.UserID})
		}
		t.tidy(r)
		return
	}
	info := t.mu.infos[key{ns, s.ID()}][name]
	if info == nil {
		info = st.Data()
	}
	r.join(rule, s.ID(), Member{User: st.User, SID: s.ID(), Info: info})
}

// left takes a socket out of a room.
func (t *Tracker) left(ns *loop.Namespace, name, sid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(key{ns, sid}, name)
	k := key{ns, name}
	r := t.mu.rooms[k]
	if r == nil {
		return
	}
	r.leave(t.rule(k), sid)
	t.tidy(r)
}

// tidy forgets a room without members. mu is held.
func (t *Tracker) tidy(r *room) {
	if len(r.members) == 0 && r.flush == nil {
		delete(t.mu.rooms, r.key)
	}
}

// catchUp reads the rooms of a namespace anew.
func (t *Tracker) catchUp(ns *loop.Namespace) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list, err := ns.Sockets(ctx)
	if err != nil {
		t.log.Warn("presence cannot be read anew", "namespace", ns.Name(), "error", err)
		return
	}
	here := map[string]*loop.Socket{}
	for _, s := range list {
		here[s.ID()] = s
	}
	t.mu.Lock()
	type pair struct{ room, sid string }
	var gone []pair
	for k, r := range t.mu.rooms {
		for sid := range r.sids {
			if s := here[sid]; k.ns == ns && (s == nil || !s.InRoom(k.name)) {
				gone = append(gone, pair{k.name, sid})
			}
		}
	}
	t.mu.Unlock()
	for _, p := range gone {
		t.left(ns, p.room, p.sid)
	}
	for _, s := range list {
		for _, name := range s.Rooms() {
			if name != s.ID() && !session.Hidden(name) {
				t.joined(ns, name, s)
			}
		}
	}
}

// publish tells webhooks. mu is held; subscribers do not block.
func (t *Tracker) publish(kind string, k key, m Member) {
	if t.mu.tell {
		t.node.Bus.Publish(&lifecycle.Event{Type: kind, Namespace: k.ns.Name(), Room: k.name, User: m.User, SID: m.SID, Data: m.Info})
	}
}
