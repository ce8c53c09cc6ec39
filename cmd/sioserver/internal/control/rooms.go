// Rooms and users.

package control

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// roomItem is a room as it is listed.
type roomItem struct {
	Room    string `json:"room"`
	Sockets int    `json:"sockets"`
	Users   *int   `json:"users,omitempty"` // not told of rooms with more than 10,000 sockets
}

// roomCounted is the size of a room up to which its users are counted in lists.
const roomCounted = 10_000

func (x *call) rooms() (any, error) {
	q := x.r.URL.Query()
	n, most, err := x.paging()
	if err != nil {
		return nil, err
	}
	least := 1
	if text := q.Get("min_sockets"); text != "" {
		if least, err = strconv.Atoi(text); err != nil || least < 0 {
			return nil, invalid("min_sockets", "it is %q, it must be a number", text)
		}
	}
	page := listed[roomItem]{Items: []roomItem{}}
	after := q.Get("cursor")
	for len(page.Items) < most {
		list := n.RoomSizes(q.Get("prefix"), after, scanPage)
		for _, r := range list {
			if after = r.Name; session.Hidden(r.Name) || r.Members < least {
				continue
			}
			i := roomItem{Room: r.Name, Sockets: r.Members}
			if r.Members <= roomCounted {
				_, users, err := x.count(n, r.Name)
				if err != nil {
					return nil, err
				}
				i.Users = &users
			}
			if page.Items = append(page.Items, i); len(page.Items) == most {
				break
			}
		}
		if len(list) < scanPage && (len(list) == 0 || after == list[len(list)-1].Name) {
			return page, nil
		}
	}
	page.Next = after
	return page, nil
}

// count is how many sockets of this node a room has, and how many users they are.
func (x *call) count(n *loop.Namespace, room string) (sockets, users int, err error) {
	list, err := n.To(room).Local().Sockets(x.ctx)
	if err != nil {
		return 0, 0, err
	}
	seen := map[string]struct{}{}
	for _, s := range list {
		if st := session.Of(s); st != nil && st.User != "" {
			seen[st.User] = struct{}{}
		}
	}
	return len(list), len(seen), nil
}

func (x *call) room() (any, error) {
	room, n, err := x.pathRoom()
	if err != nil {
		return nil, err
	}
	sockets, users, err := x.count(n, room)
	return roomItem{Room: room, Sockets: sockets, Users: &users}, err
}

func (x *call) pathRoom() (string, *loop.Namespace, error) {
	room := x.r.PathValue("room")
	n, err := x.namespace(x.r.URL.Query().Get("namespace"))
	if err == nil && session.Hidden(room) {
		err = fail(codeNotFound, "there is no room %q: users are under /users", room)
	}
	return room, n, err
}

// memberItem is a user in a room, or a socket that is nobody's.
type memberItem struct {
	User string          `json:"user"`
	SIDs []string        `json:"sids"`
	Info json.RawMessage `json:"info,omitempty"` // the public data of one of them
}

func (x *call) roomMembers() (any, error) {
	room, n, err := x.pathRoom()
	if err != nil {
		return nil, err
	}
	most, err := x.limit()
	if err != nil {
		return nil, err
	}
	sockets, err := n.To(room).Local().Sockets(x.ctx)
	if err != nil {
		return nil, err
	}
	byUser := map[string]*memberItem{}
	for _, s := range sockets {
		name, m := "", memberItem{}
		if st := session.Of(s); st != nil {
			m.User, m.Info = st.User, st.Data()
			name = "u" + m.User
		}
		if m.User == "" {
			name = "s" + s.ID()
		}
		if byUser[name] == nil {
			byUser[name] = &m
		}
		byUser[name].SIDs = append(byUser[name].SIDs, s.ID())
	}
	names := make([]string, 0, len(byUser))
	for name := range byUser {
		if name > x.r.URL.Query().Get("cursor") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	page := listed[memberItem]{Items: []memberItem{}}
	for i, name := range names {
		if i == most {
			page.Next = names[i-1]
			break
		}
		page.Items = append(page.Items, *byUser[name])
	}
	return page, nil
}

// userItem tells of a user.
type userItem struct {
	User    string    `json:"user"`
	Online  bool      `json:"online"`
	Sockets int       `json:"sockets"`
	Since   time.Time `json:"since,omitzero"` // of the first of these, known on their node
}

// usersMost is how many users can be asked for at once, and usersTime how long the
// other nodes may take.
const (
	usersMost = 1000
	usersTime = 2 * time.Second
)

func (x *call) users() (any, error) {
	q := x.r.URL.Query()
	if !q.Has("ids") {
		return x.listUsers(q)
	}
	ids := strings.Split(q.Get("ids"), ",")
	if ids[0] == "" || len(ids) > usersMost {
		return nil, invalid("ids", "it names the users, 1 to %d, with commas between them", usersMost)
	}
	items, err := x.online(ids)
	return listed[userItem]{Items: items}, err
}

// listUsers lists who has a socket in a namespace of this node, by name.
func (x *call) listUsers(q url.Values) (any, error) {
	n, most, err := x.paging()
	if err != nil {
		return nil, err
	}
	page := listed[userItem]{Items: []userItem{}}
	after := ""
	if c := q.Get("cursor"); c != "" {
		after = session.UserRoom(c)
	}
	// One more tells whether there is another page.
	list := n.RoomSizes(session.UserRoom(q.Get("prefix")), after, most+1)
	if len(list) > most {
		list = list[:most]
		page.Next, _ = session.RoomUser(list[most-1].Name)
	}
	for _, r := range list {
		sockets, err := n.To(r.Name).Local().Sockets(x.ctx)
		if err != nil {
			return nil, err
		}
		u := userItem{Online: true, Sockets: len(sockets)}
		u.User, _ = session.RoomUser(r.Name)
		for _, s := range sockets {
			if t := since(s); u.Since.IsZero() || t.Before(u.Since) {
				u.Since = t
			}
		}
		if len(sockets) > 0 { // who has gone meanwhile is left out
			page.Items = append(page.Items, u)
		}
	}
	return page, nil
}

func (x *call) user() (any, error) {
	items, err := x.online([]string{x.r.PathValue("id")})
	if err != nil {
		return nil, err
	}
	return items[0], nil
}

// online finds the sockets of users, in all namespaces that the key may touch and
// on all nodes.
func (x *call) online(ids []string) ([]userItem, error) {
	ctx, cancel := context.WithTimeout(x.ctx, usersTime)
	defer cancel()
	names := make([]string, len(ids))
	items := make([]userItem, len(ids))
	at := make(map[string]int, len(ids))
	for i, id := range ids {
		names[i], items[i].User, at[id] = session.UserRoom(id), id, i
	}
	for _, n := range x.reachable() {
		sockets, err := n.To(names...).FetchSockets(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range sockets {
			i, ok := at[userOf(s)]
			if !ok {
				continue
			}
			u := &items[i]
			u.Online = true
			u.Sockets++
			if local := s.Local(); local != nil {
				if t := since(local); u.Since.IsZero() || t.Before(u.Since) {
					u.Since = t
				}
			}
		}
	}
	return items, nil
}

// userDisconnect is the body of POST /users/{id}/disconnect.
type userDisconnect struct {
	Namespace string `json:"namespace,omitempty"` // empty for all
	Mode      string `json:"mode,omitempty"`
	Reason    string `json:"reason,omitempty"`
	BanMS     int64  `json:"ban_ms,omitempty"`
}

func (x *call) disconnectUser() (any, error) {
	var r userDisconnect
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	names := []string{r.Namespace}
	if r.Namespace == "" {
		names = nil
		for _, n := range x.reachable() {
			names = append(names, n.Name())
		}
	}
	total := 0
	for _, name := range names {
		d := disconnectRequest{selector: selector{Namespace: name, Users: []string{x.r.PathValue("id")}}, Mode: r.Mode, Reason: r.Reason, BanMS: r.BanMS}
		result, err := x.disconnectNow(&d)
		if err != nil {
			return nil, err
		}
		total += result.(matched).Matched
	}
	return matched{total}, nil
}
