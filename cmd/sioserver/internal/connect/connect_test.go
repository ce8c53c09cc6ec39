package connect_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/connect"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// fixture is a node with a gate.
type fixture struct {
	*nodetest.Node
	gate   *connect.Gate
	users  *connect.Users
	tokens *auth.Tokens
	in     chan *loop.Socket // those of "/" that have connected
}

func start(t *testing.T, c *config.Config, lc loop.Config) *fixture {
	t.Helper()
	tokens, h, users := auth.NewTokens(), hooks.New("test"), connect.NewUsers()
	f := &fixture{gate: connect.New(tokens, h, users), users: users, tokens: tokens, in: make(chan *loop.Socket, 1000)}
	f.Node = nodetest.Start(t, c, lc, tokens, h, f.gate)
	f.Node.Server.Root().OnConnection(func(s *loop.Socket) { f.in <- s }, loop.Inline())
	return f
}

// withTokens lets those with a token in.
func withTokens(c *config.Config) *config.Config {
	c.Auth.Required = true
	c.Auth.JWT.Enabled = true
	c.Auth.JWT.HMACSecret = config.Secrets{"secret"}
	return c
}

func token(t *testing.T, c *config.Config, ttl time.Duration, claims map[string]any) map[string]any {
	t.Helper()
	all := map[string]any{"sub": "42", "exp": time.Now().Add(ttl).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	text, err := auth.Sign(&c.Auth.JWT, all)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"token": text}
}

// refusedWith checks what a client was told.
func refusedWith(t *testing.T, err error, message, code string) *loop.Error {
	t.Helper()
	var e *loop.Error
	if !errors.As(err, &e) {
		t.Fatalf("not refused with %s: %v", code, err)
	}
	data, _ := e.Data.(map[string]any)
	if e.Message != message || fmt.Sprint(data["code"]) != code {
		t.Errorf("refused with %q, %v, not with %q, %s", e.Message, e.Data, message, code)
	}
	return e
}

//effect:keys auth.required auth.jwt.enabled namespaces[].name namespaces[].auth namespaces[].auto_join
func TestTokens(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Namespaces[0].AutoJoin = []string{"user:{user}", "team:{claim.team}", "{claim.none}", "own:{sid}"}
	c.Namespaces = append(c.Namespaces, config.Namespace{Name: "/open", Auth: "none"}, config.Namespace{Name: "/other", Auth: "required"})
	f := start(t, c, loop.Config{})
	good := token(t, c, time.Hour, map[string]any{"team": 7, "sio": map[string]any{
		"ns": []string{"/", "/op*"}, "rooms": []string{"tenant:7", "$user:43"}, "join": []string{"chat:*"}, "data": map[string]any{"name": "Ada"},
	}})
	client := f.Connect("/", good)
	s := <-f.in
	st := session.Of(s)
	if st.User != "42" || string(st.Data()) != `{"name":"Ada"}` || st.Permissions.Join[0] != "chat:*" || st.ExpiresAt().IsZero() {
		t.Errorf("%+v", st)
	}
	for room, want := range map[string]bool{
		"user:42": true, "team:7": true, "own:" + client.ID(): true, "tenant:7": true, session.UserRoom("42"): true,
		session.UserRoom("43"): false, "{claim.none}": false, "": false,
	} {
		if s.InRoom(room) != want {
			t.Errorf("in room %q: %v", room, !want)
		}
	}
	if _, err := client.TryOf("/open", good); err != nil {
		t.Error(err)
	}
	f.Connect("/open", nil)
	_, err := client.TryOf("/other", good)
	refusedWith(t, err, "the token is not for this namespace", "forbidden")
	_, err = client.TryOf("/none", good)
	if err == nil {
		t.Error("a namespace that is not configured")
	}
	for _, test := range []struct {
		auth          any
		message, code string
	}{
		{nil, "unauthorized", "unauthorized"},
		{map[string]any{"token": 7}, "unauthorized", "unauthorized"},
		{map[string]any{"token": "x.y.z"}, "invalid token", "token_invalid"},
		{token(t, c, -time.Hour, nil), "token expired", "token_expired"},
	} {
		_, err := f.Dial(looptest.Options{Auth: test.auth})
		refusedWith(t, err, test.message, test.code)
	}
	_, err = f.Dial(looptest.Options{Namespace: "/open", Auth: map[string]any{"token": "x.y.z"}})
	refusedWith(t, err, "invalid token", "token_invalid")
	if s := f.gate.Stats(); s["ok"] != 3 || s["token_invalid"] != 2 || s["token_expired"] != 1 || s["forbidden"] != 1 {
		t.Errorf("%v", s)
	}
}

// TestRootWithoutConfiguration: "/" exists in every server, and lets nobody in
// who is not wanted there.
func TestRootWithoutConfiguration(t *testing.T) {
	c := nodetest.Config()
	c.Namespaces[0].Name = "/chat"
	f := start(t, c, loop.Config{})
	f.Connect("/chat", nil)
	_, err := f.Dial(looptest.Options{})
	refusedWith(t, err, "Invalid namespace", "unknown_namespace")
	f.Reload(t, func(c *config.Config) {
		c.Namespaces = []config.Namespace{{Name: "/", Auth: "inherit"}, {Name: "/new", Auth: "inherit"}}
	})
	f.Connect("/", nil)
	f.Connect("/new", nil)
	_, err = f.Dial(looptest.Options{Namespace: "/chat"})
	refusedWith(t, err, "Invalid namespace", "unknown_namespace")
}

//effect:keys auth.user_header
func TestUserHeader(t *testing.T) {
	c := nodetest.Config()
	c.Auth.Required, c.Auth.UserHeader = true, "X-User-Id"
	f := start(t, c, trusting("10.0.0.0/8"))
	dial := func(from, user string) error {
		r, _ := http.NewRequest("GET", "/socket.io/?EIO=4", nil)
		r.RemoteAddr = from
		if user != "" {
			r.Header.Set("X-User-Id", user)
		}
		_, err := f.Dial(looptest.Options{Request: r})
		return err
	}
	if err := dial("10.1.2.3:99", "42"); err != nil {
		t.Fatal(err)
	}
	if st := session.Of(<-f.in); st.User != "42" {
		t.Errorf("user %q", st.User)
	}
	refusedWith(t, dial("10.1.2.3:99", ""), "unauthorized", "unauthorized")
	refusedWith(t, dial("11.1.2.3:99", "42"), "unauthorized", "unauthorized")
}

//effect:keys hooks.connect.url hooks.connect.headers hooks.connect.on_failure
func TestConnectHook(t *testing.T) {
	c := withTokens(nodetest.Config())
	var asked atomic.Int32
	c.Hooks.Connect.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		asked.Add(1)
		auth, _ := b["auth"].(map[string]any)
		if b["hook"] != "connect" || b["namespace"] != "/" || len(b["sid"].(string)) != 20 || b["eio"] != 4.0 || b["transport"] != "memory" {
			t.Errorf("%v", b)
		}
		if q := b["query"].(map[string]any); len(q) != 1 || q["lang"] != "fr" {
			t.Errorf("query %v", q)
		}
		// What is not listed is not told, and auth is not a header.
		if h := b["headers"].(map[string]any); len(h) != 1 || h["cookie"] != "session=1" {
			t.Errorf("headers %v", h)
		}
		switch auth["as"] {
		case "anonymous":
			return 200, map[string]any{"allow": true}
		case "nobody":
			return 200, map[string]any{"allow": false}
		case "told":
			return 200, map[string]any{"allow": false, "error": map[string]any{"message": "go away", "data": map[string]any{"code": "E_SESSION"}}}
		case "forbidden":
			return 403, nil
		case "broken":
			return 500, nil
		case "empty":
			return 204, nil
		}
		return 200, map[string]any{
			"allow": true, "user": 42, "rooms": []string{"tenant:7", "$user:1"}, "data": map[string]any{"name": "Ada"}, "meta": map[string]any{"plan": "pro"},
			"expire_at": time.Now().Add(time.Hour).Unix(), "permissions": map[string]any{"join": []string{"chat:*"}, "emit": []string{"e"}, "publish": []string{"p"}},
			"limits": map[string]any{"events_per_second": "30/m"},
			"emit":   []any{map[string]any{"event": "welcome", "args": []any{map[string]any{"motd": "hi", "b": map[string]any{"$binary": "aGk="}}}}},
		}
	})
	f := start(t, c, loop.Config{})
	dial := func(as string) (*looptest.Socket, error) {
		r, _ := http.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&lang=fr", nil)
		r.Header.Set("Cookie", "session=1")
		r.Header.Set("X-Secret", "1")
		return f.Dial(looptest.Options{Auth: map[string]any{"as": as}, Request: r})
	}
	client, err := dial("ada")
	if err != nil {
		t.Fatal(err)
	}
	client.Expect("welcome", map[string]any{"motd": "hi", "b": []byte("hi")})
	s := <-f.in
	st := session.Of(s)
	if st.User != "42" || string(st.Data()) != `{"name":"Ada"}` || string(st.Meta) != `{"plan":"pro"}` || st.ExpiresAt().IsZero() || st.EventsPerSecond != 0.5 ||
		st.Permissions.Join[0] != "chat:*" || st.Permissions.Emit[0] != "e" || st.Permissions.Publish[0] != "p" {
		t.Errorf("%+v", st)
	}
	if !s.InRoom("tenant:7") || !s.InRoom("user:42") || s.InRoom(session.UserRoom("1")) {
		t.Error(s.Rooms())
	}
	if _, err := dial("anonymous"); err != nil {
		t.Error("one whom the backend lets in without a name:", err)
	}
	_, err = dial("nobody")
	refusedWith(t, err, "unauthorized", "denied")
	_, err = dial("forbidden")
	refusedWith(t, err, "unauthorized", "denied")
	_, err = dial("told")
	refusedWith(t, err, "go away", "E_SESSION")
	before := asked.Load()
	f.Connect("/", token(t, c, time.Hour, nil))
	if asked.Load() != before {
		t.Error("asked about one with a token")
	}
	// The transport ends, so that the client comes again by itself.
	for _, as := range []string{"broken", "empty"} {
		if _, err := dial(as); errors.As(err, new(*loop.Error)) || err == nil {
			t.Errorf("%s: %v", as, err)
		}
	}
	f.Reload(t, func(c *config.Config) { c.Hooks.Connect.OnFailure = "deny" })
	_, err = dial("broken")
	refusedWith(t, err, "unavailable", "unavailable")
}

// TestRetryBesideOthers: the transport is not closed under another namespace.
func TestRetryBesideOthers(t *testing.T) {
	c := nodetest.Config()
	c.Namespaces = append(c.Namespaces, config.Namespace{Name: "/second"})
	c.Hooks.Connect.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		if b["namespace"] == "/" {
			return 200, map[string]any{"allow": true}
		}
		return 503, nil
	})
	f := start(t, c, loop.Config{})
	client := f.Connect("/", nil)
	_, err := client.TryOf("/second", nil)
	e := refusedWith(t, err, "unavailable", "unavailable")
	if ms := e.Data.(map[string]any)["retry_after_ms"]; fmt.Sprint(ms) != "1000" {
		t.Errorf("retry after %v", ms)
	}
	if s := <-f.in; !s.Connected() {
		t.Error("the other namespace is gone")
	}
}

//effect:keys hooks.connect.when hooks.connect.cache_ttl
func TestHookAlwaysAndCache(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Hooks.Connect.When, c.Hooks.Connect.CacheTTL = "always", config.Duration(time.Hour)
	var asked atomic.Int32
	c.Hooks.Connect.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		asked.Add(1)
		if b["user"] != "42" || b["claims"].(map[string]any)["sub"] != "42" {
			t.Errorf("%v", b)
		}
		return 200, map[string]any{"allow": true, "data": 1}
	})
	f := start(t, c, loop.Config{})
	first, second := token(t, c, time.Hour, nil), token(t, c, 2*time.Hour, nil)
	for _, a := range []any{first, first, second, first} {
		f.Connect("/", a)
		if st := session.Of(<-f.in); st.User != "42" || string(st.Data()) != "1" {
			t.Errorf("%+v", st)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times about two tokens", n)
	}
	f.Reload(t, func(*config.Config) {})
	f.Connect("/", first)
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times after a reload", n)
	}
}

//effect:keys limits.max_connections_per_user limits.on_user_limit
func TestUserLimit(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Limits.MaxConnectionsPerUser = 2
	c.Namespaces = append(c.Namespaces, config.Namespace{Name: "/other", Auth: "inherit"})
	f := start(t, c, loop.Config{})
	mine, hers := token(t, c, time.Hour, nil), token(t, c, time.Hour, map[string]any{"sub": "43"})
	a, b := f.Connect("/", mine), f.Connect("/", mine)
	_, err := f.Dial(looptest.Options{Auth: mine})
	refusedWith(t, err, "too many connections of this user", "max_connections_per_user")
	f.Connect("/", hers)
	f.Connect("/other", mine)
	f.Settle()
	if f.users.Count() != 2 || len(f.users.Sockets("42")) != 3 {
		t.Errorf("%d users, %d sockets", f.users.Count(), len(f.users.Sockets("42")))
	}
	a.Disconnect()
	f.Settle()
	third := f.Connect("/", mine)
	f.Reload(t, func(c *config.Config) { c.Limits.OnUserLimit = "close_oldest" })
	f.Connect("/", mine)
	if reason := b.ExpectDisconnect(); reason != "io server disconnect" {
		t.Errorf("the oldest is told %q", reason)
	}
	for {
		if e := f.Events.Next(t, lifecycle.SocketDisconnected); e.SID == b.ID() {
			if e.Reason != "replaced" {
				t.Errorf("reason %q", e.Reason)
			}
			break
		}
	}
	f.Connect("/", mine)
	third.ExpectDisconnect()
}

//effect:keys auth.on_expire.warn_before
func TestExpiry(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Auth.OnExpire.WarnBefore = config.Duration(time.Hour)
	f := start(t, c, loop.Config{})
	// The warning comes at once, the end in two seconds at most.
	client := f.Connect("/", token(t, c, 2*time.Second, nil))
	var warning struct {
		InMS int64 `json:"in_ms"`
	}
	client.Expect("$token:expiring").Args.Bind(&warning)
	if warning.InMS <= 0 || warning.InMS > 2000 {
		t.Errorf("in %d ms", warning.InMS)
	}
	if reason := client.ExpectDisconnect(); reason != "io server disconnect" {
		t.Error(reason)
	}
	if e := f.Events.Next(t, lifecycle.SocketDisconnected); e.Reason != "token_expired" || e.User != "42" {
		t.Errorf("%+v", e)
	}
}

func TestRefresh(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Auth.OnExpire.WarnBefore = config.Duration(time.Hour)
	f := start(t, c, loop.Config{})
	client := f.Connect("/", token(t, c, 10*time.Minute, nil))
	client.Expect("$token:expiring")
	s := <-f.in
	bad := func(what string, claims map[string]any, ttl time.Duration) {
		t.Helper()
		if _, err := f.gate.Refresh(t.Context(), s, token(t, c, ttl, claims)["token"].(string)); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	bad("a token of another user", map[string]any{"sub": "43"}, time.Hour)
	bad("an old token", nil, -time.Hour)
	until, err := f.gate.Refresh(t.Context(), s, token(t, c, 2*time.Hour, nil)["token"].(string))
	if err != nil || time.Until(until) < 119*time.Minute || !session.Of(s).ExpiresAt().Equal(until) {
		t.Error(until, err)
	}
	if _, err := f.gate.Refresh(t.Context(), s, ""); err == nil {
		t.Error("refreshed by nothing")
	}
	f.Settle()
	client.ExpectNothing()
}

//effect:keys hooks.refresh.url
func TestRefreshHook(t *testing.T) {
	c := withTokens(nodetest.Config())
	c.Auth.OnExpire.WarnBefore = config.Duration(time.Hour)
	more := make(chan bool, 2)
	c.Hooks.Refresh.URL = nodetest.Backend(t, func(b map[string]any) (int, any) {
		if b["hook"] != "refresh" || b["user"] != "42" {
			t.Errorf("%v", b)
		}
		if <-more {
			return 200, map[string]any{"expire_at": time.Now().Add(time.Hour + 2*time.Second).Unix()}
		}
		return 200, map[string]any{"expired": true}
	})
	f := start(t, c, loop.Config{})
	more <- true
	more <- false
	client := f.Connect("/", token(t, c, 10*time.Minute, nil))
	// The first time the backend gives it two seconds more than the warning's
	// hour; then it is asked again, and the client is told.
	client.Expect("$token:expiring")
	if len(more) != 0 {
		t.Error("the backend was not asked twice")
	}
}

func TestLifecycle(t *testing.T) {
	c := withTokens(nodetest.Config())
	f := start(t, c, loop.Config{})
	a := f.Connect("/", token(t, c, time.Hour, map[string]any{"sio": map[string]any{"data": 1}}))
	e := f.Events.Next(t, lifecycle.SocketConnected)
	if e.User != "42" || e.SID != a.ID() || e.Transport != "memory" || string(e.Data) != "1" || *e.Recovered || e.ConnID == "" || e.Namespace != "/" {
		t.Errorf("%+v", e)
	}
	if e := f.Events.Next(t, lifecycle.UserOnline); e.User != "42" || *e.Sockets != 1 {
		t.Errorf("%+v", e)
	}
	b := f.Connect("/", token(t, c, time.Hour, nil))
	f.Events.Next(t, lifecycle.SocketConnected)
	a.Disconnect()
	if e := f.Events.Next(t, lifecycle.SocketDisconnected); e.SID != a.ID() || e.Reason != "client namespace disconnect" || e.DurationMS < 0 {
		t.Errorf("%+v", e)
	}
	f.Settle()
	f.Events.None(t, lifecycle.UserOffline)
	b.Drop()
	if e := f.Events.Next(t, lifecycle.UserOffline); e.User != "42" || *e.Sockets != 0 {
		t.Errorf("%+v", e)
	}
	_, _ = f.Dial(looptest.Options{})
	if e := f.Events.Next(t, lifecycle.ConnectionRefused); e.Reason != "unauthorized: unauthorized" {
		t.Errorf("%+v", e)
	}
	if f.users.Count() != 0 {
		t.Errorf("%d users are left", f.users.Count())
	}
}

// TestRecovered: a socket that comes back passes without the middleware, and is
// who it was.
func TestRecovered(t *testing.T) {
	c := withTokens(nodetest.Config())
	f := start(t, c, loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{}})
	client := f.Connect("/", token(t, c, 3*time.Second, nil))
	first := session.Of(<-f.in)
	_ = f.Node.Server.Emit("something")
	client.Expect("something")
	client.Drop()
	f.Settle()
	back := client.Reconnect(nil)
	s := <-f.in
	st := session.Of(s)
	if back.ID() != client.ID() || !s.Recovered() || st.User != "42" || st == first || len(f.users.Sockets("42")) != 1 {
		t.Errorf("%+v", st)
	}
	if e := f.Events.Next(t, lifecycle.UserOffline); e.User != "42" {
		t.Errorf("%+v", e)
	}
	if e := f.Events.Next(t, lifecycle.SocketConnected); !*e.Recovered {
		t.Errorf("%+v", e)
	}
	back.ExpectDisconnect() // the token is as old as it is
}

// trusting is a server behind a proxy.
func trusting(networks ...string) (lc loop.Config) {
	for _, n := range networks {
		lc.TrustedProxies = append(lc.TrustedProxies, netip.MustParsePrefix(n))
	}
	return lc
}

// TestRevokedTokens: neither at the connect nor at a refresh.
func TestRevokedTokens(t *testing.T) {
	c := withTokens(nodetest.Config())
	f := start(t, c, loop.Config{})
	first := token(t, c, time.Hour, map[string]any{"jti": "first"})
	second := token(t, c, time.Hour, map[string]any{"jti": "second"})
	f.Connect("/", first)
	s := <-f.in
	until := time.Now().Add(time.Hour)
	f.tokens.Revoked().Add(auth.Revocation{JTI: "second", Until: until})
	if _, err := f.gate.Refresh(t.Context(), s, second["token"].(string)); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("refreshed: %v", err)
	}
	third := token(t, c, time.Hour, map[string]any{"jti": "third"})
	if _, err := f.gate.Refresh(t.Context(), s, third["token"].(string)); err != nil {
		t.Error(err)
	}
	if jti := session.Of(s).Token()["jti"]; jti != "third" {
		t.Errorf("the token shown last is %v", jti)
	}
	_, err := f.Dial(looptest.Options{Auth: second})
	refusedWith(t, err, "token revoked", "token_revoked")
	f.Connect("/", first)
}
