// The built-in commands: events whose names begin with $.

package rules

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

var commandNames = []string{"$join", "$leave", "$publish", "$presence", "$refresh"}

// commandTime is how long a command may take.
const commandTime = 30 * time.Second

// result is the acknowledgement of a command.
type result map[string]any

// command runs a command, off the loops.
func (n *namespace) command(s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) {
	name := e.Name()
	if !t.commands[name] {
		reply(e, nil, &problem{"unknown_event", "the command is not enabled"})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	var r result
	var p *problem
	switch name {
	case "$join":
		r, p = n.join(ctx, s, e, st, c, t)
	case "$leave":
		r, p = n.leave(s, e, t)
	case "$publish":
		r, p = n.publish(ctx, s, e, st, c, t)
	case "$presence":
		r, p = n.members(ctx, s, e, st, t)
	case "$refresh":
		r, p = n.refresh(ctx, s, e)
	}
	reply(e, r, p)
}

func reply(e *loop.Event, r result, p *problem) {
	if !e.WantsAck() {
		return
	}
	if p != nil {
		_ = e.Ack(result{"ok": false, "error": p})
		return
	}
	if r == nil {
		r = result{}
	}
	r["ok"] = true
	_ = e.Ack(r)
}

// roomArgs is the argument of commands about rooms.
type roomArgs struct {
	Room  string          `json:"room"`
	Token string          `json:"token"`
	Data  json.RawMessage `json:"data"`
}

// room reads the argument and checks the room's name.
func (n *namespace) room(s *loop.Socket, e *loop.Event, t *table) (a roomArgs, p *problem) {
	if err := e.Args().Decode(0, &a); err != nil {
		return a, &problem{"bad_request", `the argument is an object with "room"`}
	}
	return a, n.checkRoom(s, a.Room, t)
}

func (n *namespace) checkRoom(s *loop.Socket, room string, t *table) *problem {
	switch {
	case room == "":
		return &problem{"bad_request", "the room has no name"}
	case t.limits.RoomNameMax > 0 && len(room) > t.limits.RoomNameMax:
		return &problem{"bad_request", "the room's name is longer than limits.room_name_max"}
	case session.Hidden(room), room != s.ID() && n.engine.users.Has(n.ns, room):
		return &problem{"forbidden", "the room is not for clients"}
	}
	return nil
}

var errForbidden = &problem{"forbidden", "the rules do not allow it"}

// joinRequest is what the join hook is asked, and joinAnswer what it says.
type joinRequest struct {
	hooks.Header
	Namespace  string          `json:"namespace"`
	SID        string          `json:"sid"`
	User       string          `json:"user,omitempty"`
	Room       string          `json:"room"`
	Token      string          `json:"token,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	SocketData json.RawMessage `json:"socket_data,omitempty"`
	Meta       json.RawMessage `json:"meta,omitempty"`
}

type joinAnswer struct {
	Allow        *bool           `json:"allow"`
	PresenceInfo json.RawMessage `json:"presence_info"`
	Error        *problem        `json:"error"`
}

func (n *namespace) join(ctx context.Context, s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) (result, *problem) {
	a, p := n.room(s, e, t)
	if p != nil {
		return nil, p
	}
	r := t.room(a.Room, st.User)
	info, p := n.mayJoin(ctx, s, st, c, t, r, a)
	if p != nil {
		return nil, p
	}
	seen := r != nil && r.Presence.Enabled
	if seen && info != nil {
		n.engine.presence.Inform(s, a.Room, info)
	}
	if err := s.Join(a.Room); err != nil {
		n.engine.presence.Inform(s, a.Room, nil)
		return nil, &problem{"max_rooms_per_socket", "the socket is in as many rooms as limits.max_rooms_per_socket"}
	}
	out := result{"room": a.Room}
	if seen {
		list, err := n.engine.presence.List(ctx, n.ns, a.Room, r.Presence.MaxMembers)
		if err == nil {
			out["presence"] = list
		}
	}
	return out, nil
}

// mayJoin decides about a join. info is what presence tells of the client, nil
// for its data.
func (n *namespace) mayJoin(ctx context.Context, s *loop.Socket, st *session.State, c *client, t *table, r *config.RoomRule, a roomArgs) (info json.RawMessage, p *problem) {
	if glob.Any(st.Permissions.Join, a.Room) {
		return nil, nil
	}
	if r == nil {
		return nil, errForbidden
	}
	switch r.Join {
	case "anyone":
		return nil, nil
	case "authenticated":
		if st.User != "" {
			return nil, nil
		}
		return nil, &problem{"unauthorized", "the room needs a user"}
	case "self":
		return nil, nil // the room is that of the user, or the rule would not fit
	case "token":
		return nil, n.byToken(ctx, st, c, a)
	case "hook":
		return n.byHook(ctx, s, st, t, a)
	}
	return nil, errForbidden
}

// byToken checks a room token, and notes what else it allows.
func (n *namespace) byToken(ctx context.Context, st *session.State, c *client, a roomArgs) *problem {
	if a.Token == "" {
		return &problem{"unauthorized", "the room needs a token"}
	}
	caps, err := n.engine.tokens.VerifyRoom(ctx, a.Token, st.User, a.Room)
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		return &problem{"unavailable", "the token cannot be verified at present"}
	case errors.Is(err, auth.ErrExpired):
		return &problem{"token_expired", "the token has expired"}
	case err != nil:
		return &problem{"token_invalid", "the token is not valid for this room and user"}
	case !slices.Contains(caps, auth.CapJoin):
		return errForbidden
	}
	if slices.Contains(caps, auth.CapPublish) {
		if c.publish == nil {
			c.publish = map[string]bool{}
		}
		c.publish[a.Room] = true
	}
	return nil
}

func (n *namespace) byHook(ctx context.Context, s *loop.Socket, st *session.State, t *table, a roomArgs) (json.RawMessage, *problem) {
	h := &t.hooks.Join
	var x joinAnswer
	_, err := n.engine.hooks.Ask(ctx, hooks.Target{Hook: hooks.Join, URL: h.URL, Timeout: time.Duration(h.Timeout)}, &joinRequest{
		Namespace: n.ns.Name(), SID: s.ID(), User: st.User, Room: a.Room, Token: a.Token, Data: a.Data, SocketData: st.Data(), Meta: st.Meta,
	}, &x)
	switch {
	case err != nil && !errors.Is(err, hooks.ErrDenied):
		return nil, &problem{"unavailable", message(err)}
	case x.Error != nil:
		return nil, x.Error
	case err != nil, x.Allow == nil, !*x.Allow:
		return nil, errForbidden
	}
	return x.PresenceInfo, nil
}

func (n *namespace) leave(s *loop.Socket, e *loop.Event, t *table) (result, *problem) {
	a, p := n.room(s, e, t)
	if p != nil || a.Room == s.ID() {
		return nil, p
	}
	s.Leave(a.Room)
	return nil, nil
}

func (n *namespace) publish(ctx context.Context, s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) (result, *problem) {
	var a struct {
		Room, Event string
		Args        []any
	}
	if err := e.Args().Decode(0, &a); err != nil {
		return nil, &problem{"bad_request", `the argument is an object with "room", "event" and a list "args"`}
	}
	if p := n.checkRoom(s, a.Room, t); p != nil {
		return nil, p
	}
	if a.Event == "" || strings.HasPrefix(a.Event, "$") {
		return nil, &problem{"bad_request", "the event's name is empty or begins with $"}
	}
	if p := n.mayPublish(ctx, s, e, st, c, t, a.Room); p != nil {
		return nil, p
	}
	args := a.Args
	if e.Args().Attachments() == 0 {
		// As they came: decoded numbers lose digits.
		var exact struct{ Args []json.RawMessage }
		if e.Args().Decode(0, &exact) == nil {
			args = args[:0]
			for _, raw := range exact.Args {
				args = append(args, raw)
			}
		}
	}
	if err := s.To(a.Room).Emit(a.Event, args...); err != nil {
		return nil, &problem{"bad_request", "the event cannot be sent: its name is reserved"}
	}
	return result{"id": n.engine.node.Boot + "." + strconv.FormatUint(n.engine.ids.Add(1), 10)}, nil
}

func (n *namespace) mayPublish(ctx context.Context, s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table, room string) *problem {
	if glob.Any(st.Permissions.Publish, room) {
		return nil
	}
	r := t.room(room, st.User)
	if r == nil {
		return errForbidden
	}
	switch r.Publish {
	case "anyone":
		return nil
	case "members":
		if s.InRoom(room) {
			return nil
		}
	case "token":
		if c.publish[room] && s.InRoom(room) {
			return nil
		}
	case "hook":
		return n.publishByHook(ctx, s, e, st, c, t)
	}
	return errForbidden
}

// publishByHook asks the event hook about a $publish.
func (n *namespace) publishByHook(ctx context.Context, s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) *problem {
	c.seq++
	h := &t.hooks.Event
	var x answer
	_, err := n.engine.hooks.Ask(ctx, hooks.Target{Hook: hooks.Event, URL: h.URL, Timeout: time.Duration(h.Timeout)}, &request{
		Namespace: n.ns.Name(), SID: s.ID(), User: st.User, Seq: c.seq, Event: "$publish", Args: hooks.Raw(e.Args()), Ack: e.WantsAck(),
		Data: st.Data(), Meta: st.Meta,
	}, &x)
	switch {
	case err != nil && !errors.Is(err, hooks.ErrDenied):
		return &problem{"unavailable", message(err)}
	case x.Error != nil:
		return x.Error
	case err != nil, x.Allow == nil, !*x.Allow:
		return errForbidden
	}
	return nil
}

func (n *namespace) members(ctx context.Context, s *loop.Socket, e *loop.Event, st *session.State, t *table) (result, *problem) {
	a, p := n.room(s, e, t)
	if p != nil {
		return nil, p
	}
	r := t.room(a.Room, st.User)
	if r == nil || !r.Presence.Enabled || !s.InRoom(a.Room) {
		return nil, errForbidden
	}
	list, err := n.engine.presence.List(ctx, n.ns, a.Room, r.Presence.MaxMembers)
	if err != nil {
		return nil, &problem{"unavailable", "not all servers have answered"}
	}
	return result{"members": list.Members, "sockets": list.Sockets, "users": list.Users}, nil
}

func (n *namespace) refresh(ctx context.Context, s *loop.Socket, e *loop.Event) (result, *problem) {
	var a struct{ Token string }
	if e.Args().Len() > 0 && e.Args().Decode(0, &a) != nil {
		return nil, &problem{"bad_request", `the argument is an object with "token"`}
	}
	until, err := n.engine.gate.Refresh(ctx, s, a.Token)
	switch {
	case errors.Is(err, auth.ErrUnavailable), errors.Is(err, hooks.ErrUnavailable):
		return nil, &problem{"unavailable", "it cannot be decided at present"}
	case errors.Is(err, auth.ErrExpired):
		return nil, &problem{"token_expired", "the token has expired"}
	case err != nil:
		return nil, &problem{"token_invalid", "the token does not extend this connection"}
	case until.IsZero():
		return nil, nil
	}
	return result{"expires_at": until.Unix()}, nil
}
