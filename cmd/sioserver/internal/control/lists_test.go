// Lists, single things, and what is done to sockets.

package control

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/loop"
)

// config2 is a key with its name as its text, for one namespace.
func config2(name, namespace string) config.Key {
	return config.Key{Name: name, Key: config.Secret(name), Scopes: []string{scopeEmit, scopeRead, scopeManage}, Namespaces: []string{namespace}}
}

func TestSockets(t *testing.T) {
	p := serving(t, settings(), Options{})
	sids := map[string]string{}
	for i := range 7 {
		user := fmt.Sprintf("u%d", i%3)
		p.Connect("/", who(user, "all", fmt.Sprintf("r%d", i)))
		sids[user] += "x"
	}
	p.Connect("/chat", who("u0"))
	for _, query := range []string{"limit=2", "limit=2&room=all", "limit=3&room=all&sort=connected_at", "limit=100", "limit=4&ip="} {
		seen := map[string]bool{}
		cursor, pages := "", 0
		for ; pages == 0 || cursor != ""; pages++ {
			var page listed[socketItem]
			p.get("/sockets?"+query+"&cursor="+url.QueryEscape(cursor), &page)
			for _, s := range page.Items {
				if seen[s.SID] || s.Namespace != "/" || !slices.Contains(s.Rooms, "all") || s.ConnectedAt.IsZero() || !strings.Contains(string(s.Data), s.User) {
					t.Errorf("%s: %+v", query, s)
				}
				for _, r := range s.Rooms {
					if strings.HasPrefix(r, "$") {
						t.Errorf("%s: a hidden room: %v", query, s.Rooms)
					}
				}
				seen[s.SID] = true
			}
			cursor = page.Next
			if pages > 10 {
				t.Fatalf("%s: it does not end", query)
			}
		}
		if len(seen) != 7 {
			t.Errorf("%s: %d sockets in %d pages, there are 7", query, len(seen), pages)
		}
	}
	var page listed[socketItem]
	p.get("/sockets?user=u0", &page)
	if len(page.Items) != 3 {
		t.Errorf("%d sockets of u0", len(page.Items))
	}
	var one socketItem
	p.get("/sockets/"+page.Items[0].SID, &one)
	if one.User != "u0" || one.Transport == "" {
		t.Errorf("%+v", one)
	}
	p.get("/sockets?namespace=/chat&sort=pending", &page)
	if len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	p.get("/sockets?room=all&user=u1", &page)
	if len(page.Items) != 2 {
		t.Errorf("%+v", page)
	}
	for path, status := range map[string]int{
		"/sockets?limit=0": 422, "/sockets?limit=1001": 422, "/sockets?sort=x": 422, "/sockets?cursor=%25": 422, "/sockets?namespace=/x": 404,
		"/sockets/nobody": 404, "/sockets/all": 404, "/nothing": 404, "/sockets?limit=1000": 200,
	} {
		if a := p.do("read", "GET", "/api/v1"+path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := p.do("read", "POST", "/api/v1/sockets", ""); a.status != 405 || a.header.Get("Allow") != "GET" {
		t.Errorf("POST: %d %v", a.status, a.header)
	}
}

func TestRoomsAndUsers(t *testing.T) {
	p := serving(t, settings(), Options{})
	for i := range 6 {
		p.Connect("/", who(fmt.Sprintf("u%d", i%4), "all", fmt.Sprintf("r/%d", i%2)))
	}
	p.Connect("/", who("", "all"))
	var rooms listed[roomItem]
	p.get("/rooms?limit=2", &rooms)
	if len(rooms.Items) != 2 || rooms.Items[0].Room != "all" || rooms.Items[0].Sockets != 7 || *rooms.Items[0].Users != 4 || rooms.Next != "r/0" {
		t.Errorf("%+v", rooms)
	}
	next := rooms.Next
	rooms = listed[roomItem]{}
	p.get("/rooms?limit=2&cursor="+url.QueryEscape(next), &rooms)
	if len(rooms.Items) != 1 || rooms.Items[0].Room != "r/1" || rooms.Items[0].Sockets != 3 || rooms.Next != "" {
		t.Errorf("%+v", rooms)
	}
	p.get("/rooms?prefix=r&min_sockets=4", &rooms)
	if len(rooms.Items) != 0 {
		t.Errorf("%+v", rooms)
	}
	var room roomItem
	p.get("/rooms/r%2F1", &room)
	if room.Room != "r/1" || room.Sockets != 3 || *room.Users != 2 {
		t.Errorf("%+v", room)
	}
	members := []string{}
	for cursor, more := "", true; more; more = cursor != "" {
		var page listed[memberItem]
		p.get("/rooms/all/members?limit=2&cursor="+url.QueryEscape(cursor), &page)
		members = append(members, names(page.Items, func(m memberItem) string { return fmt.Sprint(m.User, len(m.SIDs)) })...)
		cursor = page.Next
	}
	slices.Sort(members)
	if got := strings.Join(members, " "); got != "1 u02 u12 u21 u31" {
		t.Error(got)
	}
	var online listed[userItem]
	p.get("/users?ids=u0,nobody,u3", &online)
	if x := online.Items; len(x) != 3 || !x[0].Online || x[0].Sockets != 2 || x[1].Online || !x[2].Online || x[0].Since.IsZero() {
		t.Errorf("%+v", online)
	}
	var u userItem
	p.get("/users/u1", &u)
	if !u.Online || u.Sockets != 2 {
		t.Errorf("%+v", u)
	}
	var spaces listed[namespaceItem]
	p.get("/namespaces", &spaces)
	if x := spaces.Items; len(x) != 2 || x[0] != (namespaceItem{"/", 7, 3, 4, 19}) {
		t.Errorf("%+v", spaces)
	}
	for path, status := range map[string]int{
		"/rooms?min_sockets=x": 422, "/rooms/$user:u1": 404, "/rooms/$user:u1/members": 404, "/users?limit=0": 422, "/users?namespace=/x": 404, "/users?ids=" + strings.Repeat("x,", 1000): 422, "/rooms/none": 200,
	} {
		if a := p.do("read", "GET", "/api/v1"+path, ""); a.status != status {
			t.Errorf("%.60s: %d %s", path, a.status, a.body)
		}
	}
	var stats statsResult
	p.get("/stats", &stats)
	if stats.Node.Sockets != 7 || stats.Node.ID != "n1" || stats.Stats.Sockets != 7 {
		t.Errorf("%+v", stats)
	}
	var nodes nodesResult
	p.get("/nodes", &nodes)
	if nodes.Count != 1 || nodes.Self.Clients != 7 {
		t.Errorf("%+v", nodes)
	}
	var slow slowResult
	p.get("/slow", &slow)
	if len(slow.Items) != slow.Clients {
		t.Errorf("%+v", slow)
	}
}

func TestJoinAndLeave(t *testing.T) {
	p := serving(t, settings(), Options{})
	ann, bob := p.Connect("/", who("ann", "a")), p.Connect("/", who("bob"))
	if r := p.post("/join", `{"users":["ann"],"rooms":["x","y"]}`); r != `{"matched":1}` {
		t.Error(r)
	}
	p.post("/join", `{"all":true,"rooms":["x"]}`)
	p.post("/leave", `{"to":["a"],"rooms":["y"]}`)
	p.post("/emit", `{"to":["x"],"event":"x"}`)
	p.post("/emit", `{"to":["y"],"event":"y"}`)
	ann.Expect("x")
	bob.Expect("x")
	ann.ExpectNothing()
	for body, field := range map[string]string{
		`{"rooms":["x"]}`:                    "all",
		`{"all":true}`:                       "rooms",
		`{"all":true,"rooms":[""]}`:          "rooms",
		`{"all":true,"rooms":["$user:bob"]}`: "rooms",
		`{"all":true,"rooms":["` + strings.Repeat("x", 201) + `"]}`: "rooms",
	} {
		if a := p.do("manage", "POST", "/api/v1/join", body); a.status != 422 || a.Error.Field != field {
			t.Errorf("%.60s: %d %s", body, a.status, a.body)
		}
	}
	if a := p.do("emit", "POST", "/api/v1/join", `{"all":true,"rooms":["x"]}`); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestDisconnect: kicked for good, or told nothing so that the client comes back.
func TestDisconnect(t *testing.T) {
	p := serving(t, settings(), Options{})
	reasons := make(chan string, 10)
	p.n.Server.Root().OnDisconnect(func(_ *loop.Socket, reason loop.DisconnectReason, _ error) { reasons <- string(reason) })
	for _, user := range []string{"ann", "bob", "cid", "dan"} {
		p.Connect("/", who(user))
	}
	if r := p.post("/disconnect", `{"users":["ann"]}`); r != `{"matched":1}` {
		t.Error(r)
	}
	if r := within(t, reasons); r != "server namespace disconnect" {
		t.Error(r)
	}
	if r := p.post("/disconnect", `{"users":["bob"],"mode":"reconnect","reason":"balance"}`); r != `{"matched":1}` {
		t.Error(r)
	}
	if r := within(t, reasons); r != "forced close" {
		t.Error(r)
	}
	if r := p.post("/users/cid/disconnect", `{"ban_ms":3600000}`); r != `{"matched":1}` {
		t.Error(r)
	}
	within(t, reasons)
	if _, err := p.Dial(dialAs("cid")); err == nil || err.Error() != "banned" {
		t.Errorf("a banned user: %v", err)
	}
	p.Connect("/", who("ann"))
	for body, field := range map[string]string{
		`{}`: "all", `{"all":true,"mode":"x"}`: "mode", `{"all":true,"ban_ms":1}`: "ban_ms", `{"users":["dan"],"ban_ms":-1}`: "ban_ms",
	} {
		if a := p.do("manage", "POST", "/api/v1/disconnect", body); a.status != 422 || a.Error.Field != field {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

// TestUserList: users in pages, by name.
func TestUserList(t *testing.T) {
	p := serving(t, settings(), Options{})
	for i := range 5 {
		p.Connect("/", who(fmt.Sprintf("u%d", i)))
	}
	p.Connect("/", who("u1"))
	p.Connect("/", who(""))
	p.Connect("/chat", who("x"))
	var all []string
	cursor := ""
	for pages := 1; ; pages++ {
		var page listed[userItem]
		p.get("/users?limit=2&cursor="+cursor, &page)
		for _, u := range page.Items {
			all = append(all, fmt.Sprintf("%s %d", u.User, u.Sockets))
			if !u.Online || u.Since.IsZero() {
				t.Errorf("%+v", u)
			}
		}
		if cursor = page.Next; cursor == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if want := []string{"u0 1", "u1 2", "u2 1", "u3 1", "u4 1"}; !slices.Equal(all, want) {
		t.Errorf("%v", all)
	}
	var page listed[userItem]
	p.get("/users?prefix=u4", &page)
	if len(page.Items) != 1 || page.Items[0].User != "u4" {
		t.Errorf("%+v", page)
	}
	p.get("/users?namespace=/chat", &page)
	if len(page.Items) != 1 || page.Items[0].User != "x" {
		t.Errorf("%+v", page)
	}
	if a := p.do("read", "GET", "/api/v1/users?ids=", ""); a.status != 422 {
		t.Errorf("no ids: %d %s", a.status, a.body)
	}
}
