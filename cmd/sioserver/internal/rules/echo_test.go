package rules_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/rules"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// asked is what an application was asked about a channel.
type asked struct {
	channel, socket string
	head            http.Header
}

// application is a backend with Laravel's /broadcasting/auth: the bearer token is
// the user, "no" is none.
func application(t *testing.T) (url string, requests chan asked) {
	requests = make(chan asked, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		channel, user := r.PostFormValue("channel_name"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		requests <- asked{channel, r.PostFormValue("socket_id"), r.Header}
		switch {
		case user == "" || user == "no":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(channel, "status"):
			w.WriteHeader(419)
		case strings.HasSuffix(channel, "html"):
			fmt.Fprint(w, "<html>log in")
		case strings.HasSuffix(channel, "empty"):
		case strings.HasSuffix(channel, "false"):
			fmt.Fprint(w, "false")
		case strings.HasSuffix(channel, "pusher"):
			fmt.Fprint(w, `{"auth":"x"}`)
		case strings.HasPrefix(channel, "presence-"):
			size := 10
			if strings.HasSuffix(channel, "large") {
				size = 16<<10 - len(`{"n":""}`) // and the id
			}
			fmt.Fprintf(w, `{"channel_data":{"user_id":%s,"user_info":{"n":%q}}}`, user, strings.Repeat("x", size-strings.Count(channel, "max")))
		default:
			fmt.Fprint(w, "true")
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func withEcho(url string) *config.Config {
	c := nodetest.Config()
	c.Namespaces[0].Rooms = []config.RoomRule{{Match: "public-*", Join: "anyone"}, {Match: "news", Join: "anyone"}}
	c.LaravelEcho = config.LaravelEcho{Enabled: true, AuthURL: url, Headers: []string{"authorization", "cookie"}, MaxMembers: 1000}
	return c
}

// subscription is the argument of Echo's event.
func subscription(channel, user string) map[string]any {
	return map[string]any{"channel": channel, "auth": map[string]any{"headers": map[string]any{"Authorization": "Bearer " + user, "X-Other": "y", "N": 1}}}
}

// member is one as Echo is told of it.
func echoMember(id any, c *looptest.Socket) map[string]any {
	return map[string]any{"user_id": id, "user_info": map[string]any{"n": "xxxxxxxxxx"}, "socketId": c.ID()}
}

// members are the user ids of the next presence:subscribed.
func members(t *testing.T, c *looptest.Socket, channel string) string {
	t.Helper()
	e := c.Expect("presence:subscribed")
	if e.Args.At(0) != channel {
		t.Errorf("the list is of %v, not %s", e.Args.At(0), channel)
	}
	var ids []string
	for _, m := range e.Args.At(1).([]any) {
		id, _ := json.Marshal(m.(map[string]any)["user_id"])
		ids = append(ids, string(id))
	}
	return strings.Join(ids, " ")
}

// TestEchoSubscribe: who may be in a channel, and what the application is told.
//
//effect:keys laravel_echo.auth_url laravel_echo.headers
func TestEchoSubscribe(t *testing.T) {
	t.Parallel()
	url, requests := application(t)
	c := withEcho(url)
	c.Limits.RoomNameMax = 30
	f := start(t, c)
	a := f.Connect("/", nil)
	told(t, "private", a.EmitWithAck("subscribe", subscription("private-1", "1")), `[{"ok":true}]`)
	r := <-requests
	if r.channel != "private-1" || r.socket != a.ID() || r.head.Get("Authorization") != "Bearer 1" || r.head.Get("X-Other") != "" ||
		r.head.Get("X-Requested-With") != "XMLHttpRequest" || r.head.Get("Accept") != "application/json" || r.head.Get("Webhook-Signature") != "" {
		t.Errorf("%+v", r)
	}
	told(t, "public", a.EmitWithAck("subscribe", map[string]any{"channel": "news", "auth": map[string]any{}}), `[{"ok":true}]`)
	told(t, "an object", a.EmitWithAck("subscribe", subscription("private-pusher", "1")), `[{"ok":true}]`)
	<-requests
	in := func(channel string) bool {
		list, err := f.In(channel).Sockets(t.Context())
		return err == nil && len(list) == 1
	}
	if !in("private-1") || !in("news") || !in("private-pusher") {
		t.Error("not in the channels")
	}
	other := f.Connect("/", nil)
	for _, test := range []struct {
		channel, user string
		status        int
		code          string
	}{
		{"private-2", "no", 403, "forbidden"},
		{"presence-2", "no", 403, "forbidden"},
		{"secret", "1", 403, "forbidden"},
		{"private-status", "1", 419, "unavailable"},
		{"private-html", "1", 0, "unavailable"},
		{"private-empty", "1", 0, "unavailable"},
		{"private-false", "1", 0, "unavailable"},
		{"presence-pusher", "1", 0, "unavailable"},
		{"presence-n", "null", 0, "unavailable"},
		{"presence-n", `""`, 0, "unavailable"},
		{strings.Repeat("x", 31), "1", 400, "bad_request"},
		{other.ID(), "1", 400, "forbidden"},
		{"$user:1", "1", 400, "forbidden"},
		{"", "1", 400, "bad_request"},
	} {
		got := a.EmitWithAck("subscribe", subscription(test.channel, test.user))
		if e := got.At(0).(map[string]any)["error"]; e == nil || e.(map[string]any)["code"] != test.code {
			t.Errorf("%s: %v", test.channel, got)
		}
		a.Expect("subscription_error", test.channel, test.status)
		if test.channel != other.ID() && in(test.channel) {
			t.Errorf("%s: it is in the channel", test.channel)
		}
	}
	a.EmitWithAck("subscribe", "news")
	a.Expect("subscription_error", "", 400)
	// Who may not be in a channel any more is taken out of it.
	a.EmitWithAck("subscribe", subscription("private-1", "no"))
	a.Expect("subscription_error", "private-1", 403)
	told(t, "unsubscribe", a.EmitWithAck("unsubscribe", map[string]any{"channel": "news"}), `[{"ok":true}]`)
	if in("private-1") || in("news") {
		t.Error("in the channels still")
	}
	a.ExpectNothing()
	i := statsOf(f, "laravel_echo")
	if i.Events != 20 || i.Refused != 16 {
		t.Errorf("%+v", i)
	}
}

func statsOf(f *fixture, rule string) (s rules.RuleStats) {
	for _, r := range f.engine.Stats().Rules {
		if r.Rule == rule {
			return r
		}
	}
	return s
}

// TestEchoDown: who is in a channel stays in it while nobody can decide.
func TestEchoDown(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	f := start(t, withEcho(url))
	a := f.Connect("/", nil)
	a.EmitWithAck("subscribe", subscription("private-1", "1"))
	f.Reload(t, func(c *config.Config) { c.LaravelEcho.AuthURL = "http://127.0.0.1:1/" })
	a.EmitWithAck("subscribe", subscription("private-1", "1"))
	a.Expect("subscription_error", "private-1", 0)
	a.EmitWithAck("subscribe", subscription("private-2", "1"))
	a.Expect("subscription_error", "private-2", 0)
	if one, two := f.To("private-1").Count(), f.To("private-2").Count(); one != 1 || two != 0 {
		t.Errorf("%d and %d sockets", one, two)
	}
}

func TestEchoPresence(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	c := withEcho(url)
	c.Webhooks = []config.Webhook{{Name: "w", Events: []string{"member.*"}}}
	f := start(t, c)
	const channel = "presence-room"
	a, b := f.Connect("/", nil), f.Connect("/", nil)
	a.EmitWithAck("subscribe", subscription(channel, "1"))
	a.Expect("presence:subscribed", channel, []any{echoMember(1, a)})
	if e := f.Events.Next(t, lifecycle.MemberJoined); e.User != "1" || e.Room != channel || !strings.Contains(string(e.Data), "xxx") {
		t.Errorf("%+v", e)
	}
	b.EmitWithAck("subscribe", subscription(channel, `"two"`))
	a.Expect("presence:joining", channel, echoMember("two", b))
	if got := members(t, b, channel); got != `1 "two"` && got != `"two" 1` {
		t.Error(got)
	}
	// A second tab is no second member, and its end no end of one.
	tab := f.Connect("/", nil)
	tab.EmitWithAck("subscribe", subscription(channel, "1"))
	if got := members(t, tab, channel); len(strings.Fields(got)) != 2 {
		t.Error(got)
	}
	tab.Disconnect()
	// One who subscribes again gets the list again, and nobody is told.
	a.EmitWithAck("subscribe", subscription(channel, "1"))
	if got := members(t, a, channel); len(strings.Fields(got)) != 2 {
		t.Error(got)
	}
	b.ExpectNothing()
	// As somebody else it leaves and joins.
	b.EmitWithAck("subscribe", subscription(channel, "3"))
	a.Expect("presence:leaving", channel, echoMember("two", b))
	a.Expect("presence:joining", channel, echoMember(3, b))
	b.Expect("presence:subscribed")
	b.EmitWithAck("unsubscribe", map[string]any{"channel": channel})
	a.Expect("presence:leaving", channel, echoMember(3, b))
	b.EmitWithAck("subscribe", subscription(channel, "3"))
	a.Expect("presence:joining", channel, echoMember(3, b))
	b.Drop()
	a.Expect("presence:leaving", channel, echoMember(3, b))
	a.ExpectNothing()
}

// TestEchoMaxMembers: with as many as max_members all are told, with one more
// nobody is, and it is counted.
//
//effect:keys laravel_echo.max_members
func TestEchoMaxMembers(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	c := withEcho(url)
	c.LaravelEcho.MaxMembers, c.LaravelEcho.LeaveGrace = 2, config.Duration(time.Hour)
	f := start(t, c)
	const channel = "presence-room"
	var all []*looptest.Socket
	for i := range 3 {
		s := f.Connect("/", nil)
		s.EmitWithAck("subscribe", subscription(channel, fmt.Sprint(i)))
		want := []int{1, 2, 0}[i]
		if got := members(t, s, channel); len(strings.Fields(got)) != want {
			t.Errorf("%d: %s", i, got)
		}
		all = append(all, s)
	}
	all[0].Expect("presence:joining")
	for _, s := range all {
		s.ExpectNothing()
	}
	if n := f.engine.Stats().Limits["echo_max_members"]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

// TestEchoLeaveGrace: one who is back in time has not left.
//
//effect:keys laravel_echo.leave_grace
func TestEchoLeaveGrace(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	c := withEcho(url)
	c.LaravelEcho.LeaveGrace = config.Duration(time.Hour)
	f := start(t, c)
	a, b := f.Connect("/", nil), f.Connect("/", nil)
	for i, s := range []*looptest.Socket{a, b} {
		s.EmitWithAck("subscribe", subscription("presence-room", fmt.Sprint(i)))
	}
	a.Expect("presence:joining")
	a.Expect("presence:subscribed")
	b.Drop()
	b = f.Connect("/", nil)
	b.EmitWithAck("subscribe", subscription("presence-room", "1"))
	b.Expect("presence:subscribed")
	a.ExpectNothing()
	f.Reload(t, func(c *config.Config) { c.LaravelEcho.LeaveGrace = 0 })
	b.Drop()
	a.Expect("presence:leaving")
}

// TestEchoTimeout: an application that does not answer is not waited for.
//
//effect:keys laravel_echo.timeout
func TestEchoTimeout(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	c := withEcho(s.URL)
	c.LaravelEcho.Timeout = config.Duration(time.Millisecond) // hooks.defaults.timeout is a minute
	a := start(t, c).Connect("/", nil)
	a.EmitWithAck("subscribe", subscription("private-1", "1"))
	a.Expect("subscription_error", "private-1", 0)
}

func TestEchoLimits(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	f := startServer(t, withEcho(url), loop.Config{Limits: loop.Limits{Rooms: 2}}) // besides its own
	a := f.Connect("/", nil)
	told(t, "the largest member", a.EmitWithAck("subscribe", subscription("presence-max-large", "1")), `[{"ok":true}]`)
	a.Expect("presence:subscribed")
	told(t, "a larger one", a.EmitWithAck("subscribe", subscription("presence-large", "1")),
		`[{"error":{"code":"too_large","message":"what the application says of the member is too large"}}]`)
	a.Expect("subscription_error", "presence-large", 413)
	told(t, "the last channel", a.EmitWithAck("subscribe", map[string]any{"channel": "public-1"}), `[{"ok":true}]`)
	told(t, "one more", a.EmitWithAck("subscribe", map[string]any{"channel": "public-2"}),
		`[{"error":{"code":"max_rooms_per_socket","message":"the socket is in as many rooms as limits.max_rooms_per_socket"}}]`)
	a.Expect("subscription_error", "public-2", 429)
}

func TestEchoWhisper(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	c := withEcho(url)
	c.Limits.EventNameMax = 20
	f := start(t, c)
	a, b, outside := f.Connect("/", nil), f.Connect("/", nil), f.Connect("/", nil)
	for _, s := range []*looptest.Socket{a, b} {
		s.EmitWithAck("subscribe", subscription("private-1", "1"))
		s.EmitWithAck("subscribe", subscription("news", "1"))
	}
	whisper := func(channel, event string, data any) map[string]any {
		return map[string]any{"channel": channel, "event": event, "data": data}
	}
	told(t, "whisper", a.EmitWithAck("client event", whisper("private-1", "client-typing", map[string]any{"n": 12345678901234567, "s": "é"})), `[{"ok":true}]`)
	b.Expect("client-typing", "private-1", map[string]any{"n": 12345678901234567, "s": "é"})
	a.EmitWithAck("client event", whisper("private-1", "client-b", []byte("bytes")))
	if e := b.Expect("client-b"); string(e.Args.At(1).([]byte)) != "bytes" {
		t.Errorf("%v", e.Args)
	}
	a.EmitWithAck("client event", map[string]any{"channel": "private-1", "event": "client-none"})
	b.Expect("client-none", "private-1", nil)
	a.EmitWithAck("client event", whisper("private-1", "client-"+strings.Repeat("x", 13), 1))
	b.Expect("client-xxxxxxxxxxxxx")
	for what, arg := range map[string]any{
		"no event of clients": whisper("private-1", "OrderShipped", 1), "a long name": whisper("private-1", "client-"+strings.Repeat("x", 14), 1),
		"a public channel": whisper("news", "client-x", 1), "another channel": whisper("private-2", "client-x", 1), "no object": 7, "no channel": map[string]any{"event": "client-x"},
	} {
		if got := a.EmitWithAck("client event", arg); got.At(0).(map[string]any)["error"] == nil {
			t.Errorf("%s: %v", what, got)
		}
	}
	outside.EmitWithAck("client event", whisper("private-1", "client-x", 1))
	for _, s := range []*looptest.Socket{a, b, outside} {
		s.ExpectNothing()
	}
}

// TestEchoElsewhere: in another namespace, and without the preset, the events are
// like all others.
//
//effect:keys laravel_echo.enabled
func TestEchoElsewhere(t *testing.T) {
	t.Parallel()
	url, _ := application(t)
	c := withEcho(url)
	c.Namespaces = append(c.Namespaces, config.Namespace{Name: "/other", Auth: "inherit"})
	f := start(t, c)
	told(t, "another namespace", f.Connect("/other", nil).EmitWithAck("subscribe", subscription("news", "1")), fails("unknown_event", "there is no rule for this event"))
	f = start(t, nodetest.Config())
	told(t, "no preset", f.Connect("/", nil).EmitWithAck("subscribe", subscription("news", "1")), fails("unknown_event", "there is no rule for this event"))
}
