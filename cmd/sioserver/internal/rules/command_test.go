package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/loop/looptest"
)

func refused(code, message string) string {
	return fmt.Sprintf(`[{"error":{"code":%q,"message":%q},"ok":false}]`, code, message)
}

func room(name string) map[string]any { return map[string]any{"room": name} }

func withRooms(list ...config.RoomRule) *config.Config {
	c := nodetest.Config()
	c.Namespaces[0].Rooms = list
	return c
}

func (f *fixture) roomToken(t *testing.T, user, name string, caps ...string) string {
	t.Helper()
	text, err := auth.Sign(&f.cfg.Auth.JWT, auth.RoomClaims(user, name, time.Now().Add(time.Hour), caps...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

//effect:keys hooks.join.url namespaces[].commands namespaces[].rooms[].match namespaces[].rooms[].join limits.room_name_max
func TestJoinRules(t *testing.T) {
	c := withRooms(
		config.RoomRule{Match: "public:*", Join: "anyone"}, config.RoomRule{Match: "known:*", Join: "authenticated"},
		config.RoomRule{Match: "user:{user}", Join: "self"}, config.RoomRule{Match: "chat:*", Join: "token", Publish: "token"},
		config.RoomRule{Match: "doc:*", Join: "hook"}, config.RoomRule{Match: "closed", Join: "nobody"},
	)
	c.Limits.RoomNameMax = 20
	c.Auth.JWT.Enabled = true // as start does: the rules are checked before
	c.Hooks.Join.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		switch b["room"] {
		case "doc:yes":
			if b["hook"] != "join" || b["user"] != "1" || b["token"] != "tok" || fmt.Sprint(b["data"]) != "map[a:1]" {
				t.Errorf("%v", b)
			}
			return 200, map[string]any{"allow": true}
		case "doc:no":
			return 200, map[string]any{"allow": false}
		case "doc:403":
			return 403, map[string]any{"error": map[string]any{"code": "E", "message": "private"}}
		}
		return 500, nil
	})
	f := start(t, c)
	user, nobody := f.as(t, "1", map[string]any{"join": []string{"granted:*"}}), f.as(t, "", nil)
	const forbidden = "the rules do not allow it"
	for _, test := range []struct {
		c    *looptest.Socket
		arg  any
		want string
	}{
		{nobody, room("public:a"), `[{"ok":true,"room":"public:a"}]`},
		{nobody, room("known:a"), refused("unauthorized", "the room needs a user")},
		{user, room("known:a"), `[{"ok":true,"room":"known:a"}]`},
		{user, room("user:1"), `[{"ok":true,"room":"user:1"}]`},
		{user, room("user:2"), refused("forbidden", forbidden)},
		{nobody, room("user:"), refused("forbidden", forbidden)},
		{nobody, room("user:{user}"), refused("forbidden", forbidden)},
		{user, room("chat:7"), refused("unauthorized", "the room needs a token")},
		{user, map[string]any{"room": "chat:7", "token": f.roomToken(t, "1", "chat:7", "join")}, `[{"ok":true,"room":"chat:7"}]`},
		{user, map[string]any{"room": "chat:8", "token": f.roomToken(t, "1", "chat:7", "join")}, refused("token_invalid", "the token is not valid for this room and user")},
		{user, map[string]any{"room": "chat:7", "token": f.roomToken(t, "2", "chat:7", "join")}, refused("token_invalid", "the token is not valid for this room and user")},
		{user, map[string]any{"room": "chat:7", "token": f.roomToken(t, "1", "chat:7", "publish")}, refused("forbidden", forbidden)},
		{user, map[string]any{"room": "doc:yes", "token": "tok", "data": map[string]any{"a": 1}}, `[{"ok":true,"room":"doc:yes"}]`},
		{user, room("doc:no"), refused("forbidden", forbidden)},
		{user, room("doc:403"), refused("E", "private")},
		{user, room("doc:500"), refused("unavailable", "backend unavailable")},
		{user, room("closed"), refused("forbidden", forbidden)},
		{user, room("none"), refused("forbidden", forbidden)},
		{user, room("granted:a"), `[{"ok":true,"room":"granted:a"}]`},
		{user, room("$user:2"), refused("forbidden", "the room is not for clients")},
		{user, room(nobody.ID()), refused("forbidden", "the room is not for clients")},
		{user, room(""), refused("bad_request", "the room has no name")},
		{user, room("public:678901234567890"), refused("bad_request", "the room's name is longer than limits.room_name_max")},
		{user, "public:a", `[{"error":{"code":"bad_request","message":"the argument is an object with \"room\""},"ok":false}]`},
	} {
		told(t, fmt.Sprint(test.arg), test.c.EmitWithAck("$join", test.arg), test.want)
	}
	told(t, "leave", user.EmitWithAck("$leave", room("known:a")), `[{"ok":true}]`)
	sockets, err := f.Node.Server.In("known:a").Sockets(t.Context())
	if err != nil || len(sockets) != 0 {
		t.Error(sockets, err)
	}
	told(t, "leave ours", user.EmitWithAck("$leave", room("$user:1")), refused("forbidden", "the room is not for clients"))
	f.Reload(t, func(c *config.Config) {
		c.Namespaces = []config.Namespace{{Name: "/", Commands: []string{"leave"}}}
	})
	told(t, "disabled", user.EmitWithAck("$join", room("public:a")), refused("unknown_event", "the command is not enabled"))
}

//effect:keys namespaces[].rooms[].publish
func TestPublish(t *testing.T) {
	c := withRooms(
		config.RoomRule{Match: "wall", Join: "anyone", Publish: "anyone"}, config.RoomRule{Match: "talk", Join: "anyone", Publish: "members"},
		config.RoomRule{Match: "signed", Join: "token", Publish: "token"}, config.RoomRule{Match: "asked:*", Join: "anyone", Publish: "hook"},
		config.RoomRule{Match: "news", Join: "anyone", Publish: "nobody"},
	)
	c.Auth.JWT.Enabled = true
	c.Hooks.Event.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		if b["event"] != "$publish" {
			t.Errorf("%v", b)
		}
		arg := b["args"].([]any)[0].(map[string]any)
		return 200, map[string]any{"allow": arg["room"] == "asked:yes"}
	})
	f := start(t, c)
	a, b := f.as(t, "1", map[string]any{"publish": []string{"news"}}), f.as(t, "2", nil)
	for _, name := range []string{"wall", "talk", "asked:yes", "news"} {
		b.EmitWithAck("$join", room(name))
	}
	publish := func(s *looptest.Socket, name string, args ...any) looptest.Args {
		return s.EmitWithAck("$publish", map[string]any{"room": name, "event": "said", "args": args})
	}
	const forbidden = "the rules do not allow it"
	told(t, "wall", publish(a, "wall", 1, []byte("b"), nil), `[{"id":"boot1.1","ok":true}]`)
	b.Expect("said", 1, []byte("b"), nil)
	told(t, "not a member", publish(a, "talk"), refused("forbidden", forbidden))
	a.EmitWithAck("$join", room("talk"))
	told(t, "member", publish(a, "talk", 12345678901234567), `[{"id":"boot1.2","ok":true}]`)
	b.Expect("said", 12345678901234567)
	told(t, "without token", publish(a, "signed"), refused("forbidden", forbidden))
	a.EmitWithAck("$join", map[string]any{"room": "signed", "token": f.roomToken(t, "1", "signed", "join", "publish")})
	b.EmitWithAck("$join", map[string]any{"room": "signed", "token": f.roomToken(t, "2", "signed", "join")})
	told(t, "with token", publish(a, "signed"), `[{"id":"boot1.3","ok":true}]`)
	b.Expect("said")
	told(t, "with a token to join", publish(b, "signed"), refused("forbidden", forbidden))
	told(t, "hook, yes", publish(a, "asked:yes"), `[{"id":"boot1.4","ok":true}]`)
	b.Expect("said")
	told(t, "hook, no", publish(a, "asked:no"), refused("forbidden", forbidden))
	told(t, "granted", publish(a, "news"), `[{"id":"boot1.5","ok":true}]`)
	b.Expect("said")
	told(t, "nobody", publish(b, "news"), refused("forbidden", forbidden))
	told(t, "no event", a.EmitWithAck("$publish", room("wall")), refused("bad_request", "the event's name is empty or begins with $"))
	told(t, "a command", a.EmitWithAck("$publish", map[string]any{"room": "wall", "event": "$presence:join"}), refused("bad_request", "the event's name is empty or begins with $"))
	told(t, "reserved", a.EmitWithAck("$publish", map[string]any{"room": "wall", "event": "disconnect"}), refused("bad_request", "the event cannot be sent: its name is reserved"))
	a.ExpectNothing()
	b.ExpectNothing()
}

func TestRefreshCommand(t *testing.T) {
	f := start(t, withRooms())
	s := f.as(t, "1", nil)
	exp := time.Now().Add(2 * time.Hour).Unix()
	text, err := auth.Sign(&f.cfg.Auth.JWT, map[string]any{"sub": "1", "exp": exp})
	if err != nil {
		t.Fatal(err)
	}
	told(t, "refresh", s.EmitWithAck("$refresh", map[string]any{"token": text}), fmt.Sprintf(`[{"expires_at":%d,"ok":true}]`, exp))
	told(t, "another user's", s.EmitWithAck("$refresh", map[string]any{"token": f.sign(t, map[string]any{"sub": "2"})}), refused("token_invalid", "the token does not extend this connection"))
	told(t, "nothing", s.EmitWithAck("$refresh"), refused("token_invalid", "the token does not extend this connection"))
	told(t, "of another type", s.EmitWithAck("$refresh", 1), `[{"error":{"code":"bad_request","message":"the argument is an object with \"token\""},"ok":false}]`)
}

//effect:keys namespaces[].rooms[].presence.enabled namespaces[].rooms[].presence.max_members
func TestPresence(t *testing.T) {
	c := withRooms(config.RoomRule{Match: "chat:*", Join: "anyone", Presence: config.RoomPresence{Enabled: true, MaxMembers: 3}}, config.RoomRule{Match: "*", Join: "anyone"})
	c.Webhooks = []config.Webhook{{Events: []string{"member.*", "room.*"}}}
	f := start(t, c)
	data := func(name string) map[string]any { return map[string]any{"data": map[string]any{"name": name}} }
	a, b := f.as(t, "1", data("Ada")), f.as(t, "2", data("Bob"))
	member := func(user, sid, name string) map[string]any {
		return map[string]any{"user": user, "sid": sid, "info": map[string]any{"name": name}}
	}
	a.EmitWithAck("$join", room("chat:7"))
	if e := f.Events.Next(t, lifecycle.RoomOccupied); e.Room != "user:1" {
		t.Errorf("%+v", e) // joined from the start
	}
	for {
		if e := f.Events.Next(t, lifecycle.MemberJoined); e.Room == "chat:7" {
			if e.User != "1" || e.SID != a.ID() || string(e.Data) != `{"name":"Ada"}` {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	b.EmitWithAck("$join", room("chat:7"))
	a.Expect("$presence:join", map[string]any{"room": "chat:7", "member": member("2", b.ID(), "Bob")})
	// Another socket of the same user is no other member.
	b2 := f.as(t, "2", data("Bob"))
	b2.EmitWithAck("$join", room("chat:7"))
	var list struct {
		OK             bool
		Members        []struct{ User, SID string }
		Sockets, Users int
	}
	a.EmitWithAck("$presence", room("chat:7")).Bind(&list)
	if !list.OK || len(list.Members) != 2 || list.Sockets != 3 || list.Users != 2 {
		t.Errorf("%+v", list)
	}
	b.EmitWithAck("$leave", room("chat:7"))
	f.Settle()
	b2.Drop()
	a.Expect("$presence:leave", map[string]any{"room": "chat:7", "member": member("2", b.ID(), "Bob")})
	if e := f.Events.Next(t, lifecycle.MemberLeft); e.Room != "chat:7" || e.User != "2" {
		t.Errorf("%+v", e)
	}
	told(t, "not a member", b.EmitWithAck("$presence", room("chat:7")), refused("forbidden", "the rules do not allow it"))
	b.EmitWithAck("$join", room("other"))
	told(t, "no presence", b.EmitWithAck("$presence", room("other")), refused("forbidden", "the rules do not allow it"))
	for range 3 {
		f.as(t, "", nil).EmitWithAck("$join", room("chat:7"))
		a.Expect("$presence:join")
	}
	a.EmitWithAck("$presence", room("chat:7")).Bind(&list)
	if len(list.Members) != 0 || list.Sockets != 4 || list.Users != 4 {
		t.Errorf("more than max_members: %+v", list)
	}
	a.EmitWithAck("$leave", room("user:1"))
	if e := f.Events.Next(t, lifecycle.RoomVacated); e.Room != "user:1" {
		t.Errorf("%+v", e)
	}
	b.Disconnect()
	a.ExpectNothing()
}

//effect:keys namespaces[].rooms[].presence.leave_grace
func TestPresenceGrace(t *testing.T) {
	c := withRooms(config.RoomRule{Match: "*", Join: "anyone", Presence: config.RoomPresence{Enabled: true, MaxMembers: 1000, LeaveGrace: config.Duration(time.Hour)}})
	f := start(t, c)
	a, b := f.as(t, "1", nil), f.as(t, "2", nil)
	a.EmitWithAck("$join", room("r"))
	b.EmitWithAck("$join", room("r"))
	a.Expect("$presence:join")
	b.Drop()
	f.Settle()
	back := f.as(t, "2", nil)
	back.EmitWithAck("$join", room("r"))
	a.ExpectNothing() // was back in time
	f.Reload(t, func(c *config.Config) {
		c.Namespaces = []config.Namespace{{Name: "/", Commands: []string{"join"}, Rooms: []config.RoomRule{{
			Match: "*", Join: "anyone", Presence: config.RoomPresence{Enabled: true, MaxMembers: 1000, LeaveGrace: config.Duration(10 * time.Millisecond)},
		}}}}
	})
	back.Drop()
	a.Expect("$presence:leave")
}

// TestLargeRoom: changes of a room with many members are told together, and who
// has come and gone meanwhile has done neither.
func TestLargeRoom(t *testing.T) {
	const members = 110
	c := withRooms(config.RoomRule{Match: "*", Join: "anyone", Presence: config.RoomPresence{Enabled: true, MaxMembers: members}})
	f := start(t, c)
	watcher := f.as(t, "0", nil)
	watcher.EmitWithAck("$join", room("r"))
	seen, diffs, last := map[string]bool{}, 0, 0
	note := func(until int) {
		t.Helper()
		for last != until {
			e := watcher.Next()
			switch e.Name {
			case "$presence:join":
				var x struct{ Member struct{ User string } }
				e.Args.Bind(&x)
				seen[x.Member.User] = true
				last = len(seen) + 1
			case "$presence:diff":
				var x struct {
					Joined, Left []struct{ User string }
					Members      int
				}
				e.Args.Bind(&x)
				diffs++
				last = x.Members
				for _, m := range x.Joined {
					seen[m.User] = true
				}
				for _, m := range x.Left {
					delete(seen, m.User)
				}
			}
		}
	}
	var clients []*looptest.Socket
	for i := 1; i < members; i++ {
		s := f.as(t, fmt.Sprint(i), nil)
		s.EmitWithAck("$join", room("r"))
		clients = append(clients, s)
	}
	note(members)
	if len(seen) != members-1 || diffs == 0 || diffs > 10 {
		t.Errorf("%d seen, %d diffs", len(seen), diffs)
	}
	clients[0].Drop()
	note(members - 1)
	if len(seen) != members-2 || seen["1"] {
		t.Errorf("%d seen", len(seen))
	}
	for i := range 2 {
		f.as(t, fmt.Sprint("more", i), nil).EmitWithAck("$join", room("r"))
	}
	note(members + 1)
	if len(seen) > members-1 {
		t.Error("more than max_members were told of") // of the numbers only
	}
}
