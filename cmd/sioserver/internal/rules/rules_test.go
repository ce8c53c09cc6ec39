package rules_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/presence"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/rules"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

type fixture struct {
	*nodetest.Node
	engine *rules.Engine
	cfg    *config.Config
}

func start(t *testing.T, c *config.Config) *fixture {
	t.Helper()
	return startServer(t, c, loop.Config{})
}

func startServer(t *testing.T, c *config.Config, lc loop.Config) *fixture {
	t.Helper()
	c.Auth.JWT.Enabled, c.Auth.JWT.HMACSecret = true, config.Secrets{"secret"}
	tokens, h, users := auth.NewTokens(), hooks.New("test"), connect.NewUsers()
	gate, tracker := connect.New(tokens, h, users), presence.New(users)
	f := &fixture{engine: rules.New(tokens, h, gate, users, tracker), cfg: c}
	f.Node = nodetest.Start(t, c, lc, tokens, h, gate, tracker, f.engine)
	return f
}

// as connects a user, "" for nobody.
func (f *fixture) as(t *testing.T, user string, sio map[string]any) *looptest.Socket {
	t.Helper()
	if user == "" {
		return f.Connect("/", nil)
	}
	return f.Connect("/", map[string]any{"token": f.sign(t, map[string]any{"sub": user, "sio": sio})})
}

func (f *fixture) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims["exp"] = time.Now().Add(time.Hour).Unix()
	text, err := auth.Sign(&f.cfg.Auth.JWT, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func withRules(events ...config.EventRule) *config.Config {
	c := nodetest.Config()
	c.Namespaces[0].Events = events
	c.Namespaces[0].Rooms = []config.RoomRule{{Match: "*", Join: "anyone", Publish: "nobody"}}
	return c
}

// told checks an acknowledgement.
func told(t *testing.T, what string, got looptest.Args, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("%s: acknowledged with %s, not %s", what, got, want)
	}
}

func fails(code, message string) string {
	return fmt.Sprintf(`[{"error":{"code":%q,"message":%q}}]`, code, message)
}

//effect:keys namespaces[].events[].match namespaces[].events[].action namespaces[].events[].ack
func TestFirstRuleDecides(t *testing.T) {
	answer := func(text string, match ...string) config.EventRule {
		return config.EventRule{Match: match, Action: "ack", Ack: []any{text, map[string]any{"n": 1}}}
	}
	f := start(t, withRules(answer("a", "order.create"), answer("b", "order.*", "x"), answer("c", "y", "*.z"), config.EventRule{Match: []string{"no"}, Action: "deny"}))
	c := f.as(t, "", nil)
	for event, want := range map[string]string{"order.create": "a", "order.created": "b", "x": "b", "y": "c", "order.z": "b", "q.z": "c"} {
		told(t, event, c.EmitWithAck(event, 1), fmt.Sprintf(`[%q,{"n":1}]`, want))
	}
	told(t, "denied", c.EmitWithAck("no"), fails("forbidden", "the event is denied"))
	told(t, "unknown", c.EmitWithAck("z"), fails("unknown_event", "there is no rule for this event"))
	told(t, "unknown command", c.EmitWithAck("$none"), `[{"error":{"code":"unknown_event","message":"the command is not enabled"},"ok":false}]`)
	c.Emit("z")
	c.Emit("no")
	f.Settle()
	s := f.engine.Stats()
	if s.None != 2 || len(s.Rules) != 4 || s.Rules[1].Rule != "order.*" || s.Rules[1].Events != 3 || s.Rules[3].Refused != 2 {
		t.Errorf("%+v", s)
	}
	f.Reload(t, func(c *config.Config) {
		c.Namespaces = []config.Namespace{{Name: "/", Auth: "none", Events: []config.EventRule{answer("new", "z")}}}
	})
	told(t, "after a reload", c.EmitWithAck("z"), `["new",{"n":1}]`)
	told(t, "gone with the reload", c.EmitWithAck("x"), fails("unknown_event", "there is no rule for this event"))
}

//effect:keys namespaces[].events[].to namespaces[].events[].as namespaces[].events[].include_sender namespaces[].events[].stamp
func TestRelay(t *testing.T) {
	relay := func(r config.EventRule) config.EventRule {
		r.Action = "relay"
		return r
	}
	f := start(t, withRules(
		relay(config.EventRule{Match: []string{"typing"}, To: "{data.room}", Require: "member", Volatile: true}),
		relay(config.EventRule{Match: []string{"say.*"}, To: "{data}", As: "said", Stamp: true, IncludeSender: true}),
		relay(config.EventRule{Match: []string{"echo"}, To: "{sid}", IncludeSender: true}),
		relay(config.EventRule{Match: []string{"all"}, To: "*"}),
		relay(config.EventRule{Match: []string{"to"}, To: "user:{data.user}"}),
		relay(config.EventRule{Match: []string{"hidden"}, To: "$user:{data.user}"}),
	))
	a, b, out := f.as(t, "1", nil), f.as(t, "2", nil), f.as(t, "", nil)
	for _, c := range []*looptest.Socket{a, b} {
		told(t, "join", c.EmitWithAck("$join", map[string]any{"room": "7"}), `[{"ok":true,"room":"7"}]`)
	}
	told(t, "typing", a.EmitWithAck("typing", map[string]any{"x": []any{"}", `"`}, "room": 7}, []byte("raw")), `[{"ok":true}]`)
	b.Expect("typing", map[string]any{"x": []any{"}", `"`}, "room": 7}, []byte("raw"))
	told(t, "not a member", out.EmitWithAck("typing", map[string]any{"room": "7"}), fails("forbidden", "the event needs membership of the room"))
	for _, arg := range []any{map[string]any{}, map[string]any{"room": ""}, map[string]any{"room": nil}, map[string]any{"room": []string{"7"}}, "7", 7, nil} {
		told(t, fmt.Sprint(arg), a.EmitWithAck("typing", arg), fails("bad_request", "the event does not name the room"))
	}
	told(t, "no argument", a.EmitWithAck("typing"), fails("bad_request", "the event does not name the room"))
	a.Emit("say.hello", "7", "hi")
	b.Expect("said", "7", "hi", map[string]any{"user": "1", "sid": a.ID()})
	a.Expect("said", "7", "hi", map[string]any{"user": "1", "sid": a.ID()})
	told(t, "echo", a.EmitWithAck("echo", 1, []byte("x")), `[{"ok":true}]`)
	a.Expect("echo", 1, []byte("x"))
	a.Emit("all", 2)
	b.Expect("all", 2)
	out.Expect("all", 2)
	out.Emit("to", map[string]any{"user": "2"})
	b.Expect("to", map[string]any{"user": "2"})
	told(t, "a room of ours", a.EmitWithAck("hidden", map[string]any{"user": "2"}), fails("forbidden", "the room is not for clients"))
	for _, c := range []*looptest.Socket{a, b, out} {
		c.ExpectNothing()
	}
}

//effect:keys namespaces[].events[].require namespaces[].events[].binary namespaces[].events[].rate namespaces[].events[].max_bytes
func TestConditions(t *testing.T) {
	ok := func(r config.EventRule) config.EventRule {
		r.Action, r.Ack = "ack", []any{"ok"}
		return r
	}
	f := start(t, withRules(
		ok(config.EventRule{Match: []string{"user"}, Require: "authenticated"}),
		ok(config.EventRule{Match: []string{"caps*"}, Require: "caps"}),
		ok(config.EventRule{Match: []string{"text"}, Binary: "deny"}),
		ok(config.EventRule{Match: []string{"small"}, MaxBytes: 20}),
		ok(config.EventRule{Match: []string{"slow"}, Rate: 0.001}),
	))
	anonymous, user := f.as(t, "", nil), f.as(t, "1", map[string]any{"emit": []string{"caps.a", "other"}})
	told(t, "anonymous", anonymous.EmitWithAck("user"), fails("unauthorized", "the event needs a user"))
	told(t, "user", user.EmitWithAck("user"), `["ok"]`)
	told(t, "with the permission", user.EmitWithAck("caps.a"), `["ok"]`)
	told(t, "without", user.EmitWithAck("caps.b"), fails("forbidden", "the event is not among the permissions"))
	told(t, "text", user.EmitWithAck("text", "x"), `["ok"]`)
	told(t, "binary", user.EmitWithAck("text", []byte("x")), fails("bad_request", "the event must not have binary arguments"))
	told(t, "20 bytes", user.EmitWithAck("small", "0123456789012"), `["ok"]`)
	told(t, "21 bytes", user.EmitWithAck("small", "01234567890123"), fails("too_large", "the event is larger than max_bytes of its rule"))
	told(t, "the first", user.EmitWithAck("slow"), `["ok"]`)
	f.Reload(t, func(c *config.Config) { c.Limits.Violation = "ack_error" })
	told(t, "the first after a reload", user.EmitWithAck("slow"), `["ok"]`)
	told(t, "the second", user.EmitWithAck("slow"), fails("rate_limited", "rate is reached"))
	told(t, "of another socket", anonymous.EmitWithAck("slow"), `["ok"]`)
	if s := f.engine.Stats(); s.Limits["rule_rate"] != 1 || s.Limits["rule_max_bytes"] != 1 {
		t.Errorf("%+v", s)
	}
}

//effect:keys limits.events_per_second limits.bytes_per_second limits.violation
func TestViolations(t *testing.T) {
	c := withRules(config.EventRule{Match: []string{"e"}, Action: "ack", Ack: []any{"ok"}})
	c.Limits.EventsPerSecond = 0.5 // a burst of one
	f := start(t, c)
	s := f.as(t, "", nil)
	told(t, "first", s.EmitWithAck("e"), `["ok"]`)
	second := s.Ask("e")
	if second.Came() {
		t.Error("a dropped event was acknowledged")
	}
	f.Reload(t, func(c *config.Config) { c.Limits.Violation = "ack_error" })
	told(t, "third", s.EmitWithAck("e"), fails("rate_limited", "events_per_second is reached"))
	told(t, "commands count", s.EmitWithAck("$join", map[string]any{"room": "a"}), fails("rate_limited", "events_per_second is reached"))
	f.Reload(t, func(c *config.Config) { c.Limits.Violation = "disconnect" })
	s.Emit("e")
	s.Emit("e")
	f.Settle()
	s.Emit("e")
	if reason := s.ExpectDisconnect(); reason != "io server disconnect" {
		t.Error(reason)
	}
	if e := f.Events.Next(t, lifecycle.SocketDisconnected); e.Reason != "rate_limited" {
		t.Errorf("%+v", e)
	}
	if n := f.engine.Stats().Limits["events_per_second"]; n != 6 {
		t.Errorf("%d violations", n)
	}
	f.Reload(t, func(c *config.Config) {
		c.Limits.EventsPerSecond, c.Limits.BytesPerSecond, c.Limits.Violation = 0, 10, "ack_error"
	})
	s = f.as(t, "", nil)
	told(t, "20 bytes", s.EmitWithAck("e", "01234567890123456"), `["ok"]`)
	told(t, "more", s.EmitWithAck("e", "01234567890123456"), fails("rate_limited", "bytes_per_second is reached"))
}

//effect:keys hooks.event.url namespaces[].events[].url namespaces[].events[].on_error
func TestHookRule(t *testing.T) {
	requests := make(chan map[string]any, 10)
	var backend atomic.Pointer[func(map[string]any) (int, any)] // of the moment
	answer := func(f func(map[string]any) (int, any)) { backend.Store(&f) }
	url := nodetest.Backend(t, func(b map[string]any) (int, any) {
		requests <- b
		return (*backend.Load())(b)
	})
	c := withRules(
		config.EventRule{Match: []string{"order.*"}, Action: "hook", Order: "socket", URL: url},
		config.EventRule{Match: []string{"quiet"}, Action: "hook", Order: "none", OnError: "no_ack"},
		config.EventRule{Match: []string{"cut"}, Action: "hook", Order: "none", OnError: "disconnect"},
	)
	c.Hooks.Event.URL = url
	f := start(t, c)
	a, b := f.as(t, "42", map[string]any{"data": map[string]any{"name": "Ada"}}), f.as(t, "43", nil)
	answer(func(map[string]any) (int, any) {
		return 200, map[string]any{
			"ack": []any{map[string]any{"id": 1}, map[string]any{"$binary": "aGk="}},
			"emit": []any{
				map[string]any{"to": []string{"@self"}, "event": "to-self", "args": []any{1}},
				map[string]any{"event": "alone", "args": []any{}},
				map[string]any{"to": []string{"user:43"}, "event": "to-room"},
				map[string]any{"users": []string{"43"}, "event": "to-user", "args": []any{nil, 12345678901234567}},
				map[string]any{"to": []string{"@all"}, "except": []string{"@self"}, "event": "others"},
			},
			"join": []string{"order:1", "$user:43"}, "leave": []string{"user:42", "$user:42"}, "set_data": map[string]any{"orders": 1},
		}
	})
	ack := a.EmitWithAck("order.create", map[string]any{"sku": "A1"}, []byte("hi"))
	told(t, "order.create", ack, `[{"id":1},"aGk="]`)
	if string(ack.At(1).([]byte)) != "hi" {
		t.Error(ack)
	}
	r := <-requests
	text, _ := json.Marshal([]any{r["hook"], r["namespace"], r["sid"] == a.ID(), r["user"], r["seq"], r["event"], r["args"], r["ack"], r["data"]})
	if want := `["event","/",true,"42",1,"order.create",[{"sku":"A1"},{"$binary":"aGk="}],true,{"name":"Ada"}]`; string(text) != want {
		t.Errorf("asked %s, not %s", text, want)
	}
	a.Expect("to-self", 1)
	a.Expect("alone")
	b.Expect("to-room")
	b.Expect("to-user", nil, 12345678901234567)
	b.Expect("others")
	sockets, err := f.Node.Server.In("order:1").Sockets(t.Context())
	if err != nil || len(sockets) != 1 || sockets[0].InRoom("user:42") || sockets[0].InRoom("$user:43") || !sockets[0].InRoom("$user:42") {
		t.Error(sockets, err)
	}
	answer(func(b map[string]any) (int, any) {
		if d, _ := json.Marshal(b["data"]); string(d) != `{"orders":1}` || b["seq"] != 2.0 {
			t.Errorf("%v", b)
		}
		return 204, nil
	})
	told(t, "204", a.EmitWithAck("order.x"), `[]`)
	answer(func(map[string]any) (int, any) { return 500, nil })
	told(t, "500", a.EmitWithAck("order.x"), fails("unavailable", "backend unavailable"))
	quiet := a.Ask("quiet")
	// The backend's next answers are not for this one.
	for deadline := time.After(20 * time.Second); statsOf(f, "quiet").Refused == 0; {
		select {
		case <-deadline:
			t.Fatal("the hook of quiet has not failed")
		case <-time.After(time.Millisecond):
		}
	}
	if quiet.Came() {
		t.Error("no_ack was acknowledged")
	}
	b.Emit("cut")
	if reason := b.ExpectDisconnect(); reason != "transport close" {
		t.Error(reason)
	}
	answer(func(map[string]any) (int, any) { return 403, nil })
	told(t, "403", a.EmitWithAck("order.x"), fails("forbidden", "the backend denies it"))
	answer(func(map[string]any) (int, any) {
		return 403, map[string]any{"error": map[string]any{"code": "E", "message": "no"}}
	})
	told(t, "403 with words", a.EmitWithAck("order.x"), fails("E", "no"))
	answer(func(map[string]any) (int, any) { return 200, map[string]any{"disconnect": true, "ack": []any{"bye"}} })
	told(t, "disconnect", a.EmitWithAck("order.x"), `["bye"]`)
	if reason := a.ExpectDisconnect(); reason != "io server disconnect" {
		t.Error(reason)
	}
}

// TestHookOrder: those of one socket come one after the other, in order, and wait
// neither for other sockets nor hold up what is no hook.
//
//effect:keys namespaces[].events[].order
func TestHookOrder(t *testing.T) {
	arrived, release := make(chan string, 100), make(chan struct{})
	url := nodetest.Backend(t, func(b map[string]any) (int, any) {
		arrived <- fmt.Sprint(b["user"], b["args"])
		<-release
		return 204, nil
	})
	c := withRules(
		config.EventRule{Match: []string{"o"}, Action: "hook", Order: "socket", URL: url},
		config.EventRule{Match: []string{"p"}, Action: "hook", Order: "none", URL: url},
		config.EventRule{Match: []string{"ack"}, Action: "ack"},
	)
	c.Hooks.Defaults.MaxPending = 9
	f := start(t, c)
	a, b := f.as(t, "1", nil), f.as(t, "2", nil)
	var answers []*looptest.Answer
	for i := range 5 {
		answers = append(answers, a.Ask("o", i))
	}
	if got := <-arrived; got != "1[0]" {
		t.Error(got)
	}
	b.Emit("o", 0)
	if got := <-arrived; got != "2[0]" {
		t.Error(got)
	}
	for range 3 {
		b.Emit("p", 7)
	}
	for range 3 {
		if got := <-arrived; got != "2[7]" {
			t.Error(got)
		}
	}
	a.EmitWithAck("ack")
	// Nine wait or are under way now.
	told(t, "one too many", a.EmitWithAck("o", 9), fails("unavailable", "too many events wait for the backend"))
	told(t, "one too many, in no order", b.EmitWithAck("p", 9), fails("unavailable", "too many events wait for the backend"))
	close(release)
	for i := 1; i < 5; i++ {
		if got := <-arrived; got != fmt.Sprintf("1[%d]", i) {
			t.Errorf("%s, not %d", got, i)
		}
	}
	for _, x := range answers {
		told(t, "hook", x.Wait(), `[]`)
	}
	if n := f.engine.Stats().Limits["max_pending"]; n != 2 {
		t.Errorf("%d beyond max_pending", n)
	}
}

//effect:keys namespaces[].events[].webhook
func TestWebhookRule(t *testing.T) {
	c := withRules(config.EventRule{Match: []string{"log.*"}, Action: "webhook", Webhook: "main"})
	c.Webhooks = []config.Webhook{{Name: "main"}}
	f := start(t, c)
	s := f.as(t, "42", nil)
	told(t, "log", s.EmitWithAck("log.click", map[string]any{"x": 1}, []byte("b")), `[{"ok":true}]`)
	e := f.Events.Next(t, lifecycle.EventReceived)
	args, _ := json.Marshal(e.Args)
	if e.Webhook != "main" || e.Event != "log.click" || e.User != "42" || e.SID != s.ID() || string(args) != `[{"x":1},{"$binary":"Yg=="}]` {
		t.Errorf("%+v %s", e, args)
	}
}

func TestBadRules(t *testing.T) {
	var n atomic.Int32
	for name, change := range map[string]func(*config.Config, *config.Namespace){
		"no names":          func(_ *config.Config, ns *config.Namespace) { ns.Events[0].Match = nil },
		"a command":         func(_ *config.Config, ns *config.Namespace) { ns.Events[0].Match = []string{"$join"} },
		"unreachable":       func(_ *config.Config, ns *config.Namespace) { ns.Events[0].Match = []string{"*"} },
		"relay to nowhere":  func(_ *config.Config, ns *config.Namespace) { ns.Events[0].To = "" },
		"unknown part":      func(_ *config.Config, ns *config.Namespace) { ns.Events[0].To = "{room}" },
		"open brace":        func(_ *config.Config, ns *config.Namespace) { ns.Events[0].To = "{data.room" },
		"member of nothing": func(_ *config.Config, ns *config.Namespace) { ns.Events[0].To, ns.Events[0].Require = "*", "member" },
		"hook without url":  func(_ *config.Config, ns *config.Namespace) { ns.Events[0].Action = "hook" },
		"no such webhook": func(_ *config.Config, ns *config.Namespace) {
			ns.Events[0].Action, ns.Events[0].Webhook = "webhook", "x"
		},
		"self of nobody":    func(_ *config.Config, ns *config.Namespace) { ns.Rooms[0].Join = "self" },
		"join without hook": func(_ *config.Config, ns *config.Namespace) { ns.Rooms[0].Join = "hook" },
		"publish w/o hook":  func(_ *config.Config, ns *config.Namespace) { ns.Rooms[0].Publish = "hook" },
		"token without JWT": func(c *config.Config, ns *config.Namespace) { ns.Rooms[0].Join, c.Auth.JWT.Enabled = "token", false },
		"a room's no name":  func(_ *config.Config, ns *config.Namespace) { ns.Rooms[0].Match = "" },
	} {
		c := withRules(config.EventRule{Match: []string{"a"}, Action: "relay", To: "a"}, config.EventRule{Match: []string{"b"}, Action: "deny"})
		if err := rules.Check(c); err != nil {
			t.Fatal(err)
		}
		change(c, &c.Namespaces[0])
		if err := rules.Check(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
		n.Add(1)
	}
}
