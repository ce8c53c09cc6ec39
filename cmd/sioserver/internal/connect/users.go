// Users: whose sockets are connected here.

package connect

import (
	"slices"
	"sync"

	"github.com/sioserver/sioserver/loop"
)

// Users are the users with sockets on this server. Its methods may be called
// from any goroutine.
type Users struct {
	mu      sync.Mutex
	users   map[string][]place
	sockets map[key]*loop.Socket
	waiting map[key]map[string]func(*loop.Socket)
}

// place is a socket of a user: one that has connected, or one on its way in.
// The oldest comes first.
type place struct {
	socket *loop.Socket
	in     bool
}

// gone reports whether a socket has gone on its way in, of which nobody is told.
func (p place) gone() bool { return !p.in && p.socket.Conn().ReadyState() == "closed" }

// key names a socket; clients of version 2 have one id in several namespaces.
type key struct {
	ns  *loop.Namespace
	sid string
}

func keyOf(s *loop.Socket) key { return key{s.Namespace(), s.ID()} }

// NewUsers returns a register without users.
func NewUsers() *Users {
	return &Users{users: map[string][]place{}, sockets: map[key]*loop.Socket{}, waiting: map[key]map[string]func(*loop.Socket){}}
}

// reserve takes a place for a socket that is on its way in. Without one it
// returns the sockets to close for it if replace is true, else false.
func (u *Users) reserve(s *loop.Socket, user string, limit int, replace bool) (oldest []*loop.Socket, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := slices.DeleteFunc(u.users[user], place.gone)
	n := 0
	for _, p := range list {
		if p.socket.Namespace() == s.Namespace() {
			n++
		}
	}
	if n >= limit && !replace {
		u.put(user, list)
		return nil, false
	}
	for _, p := range list {
		if n >= limit && p.socket.Namespace() == s.Namespace() {
			oldest = append(oldest, p.socket)
			n--
		}
	}
	// They leave the list when they disconnect; one on its way in does at once.
	list = slices.DeleteFunc(list, func(p place) bool { return !p.in && slices.Contains(oldest, p.socket) })
	u.put(user, append(list, place{s, false}))
	return oldest, true
}

// put replaces the sockets of a user. mu is held.
func (u *Users) put(user string, list []place) {
	if len(list) == 0 {
		delete(u.users, user)
		return
	}
	u.users[user] = list
}

// add takes a socket that has connected, and returns how many its user has now.
func (u *Users) add(s *loop.Socket, user string) (now int) {
	u.mu.Lock()
	if user != "" {
		list := u.users[user]
		if i := slices.IndexFunc(list, func(p place) bool { return p.socket == s }); i >= 0 {
			list[i].in = true
		} else {
			list = append(list, place{s, true})
			u.users[user] = list
		}
		now = inside(list)
	}
	k := keyOf(s)
	u.sockets[k] = s
	waiting := u.waiting[k]
	delete(u.waiting, k)
	u.mu.Unlock()
	for _, f := range waiting {
		f(s)
	}
	return now
}

// inside counts those of a list that have connected.
func inside(list []place) (n int) {
	for _, p := range list {
		if p.in {
			n++
		}
	}
	return n
}

// remove takes a socket that has disconnected away, and returns how many its
// user has left.
func (u *Users) remove(s *loop.Socket, user string) (left int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sockets[keyOf(s)] == s {
		delete(u.sockets, keyOf(s))
	}
	if user == "" {
		return 0
	}
	list := slices.DeleteFunc(u.users[user], func(p place) bool { return p.socket == s })
	u.put(user, list)
	return inside(list)
}

// When calls f with a socket: at once, or on its loop when it has connected. tag
// is for Forget.
func (u *Users) When(ns *loop.Namespace, sid, tag string, f func(*loop.Socket)) {
	k := key{ns, sid}
	u.mu.Lock()
	s := u.sockets[k]
	if s == nil {
		if u.waiting[k] == nil {
			u.waiting[k] = map[string]func(*loop.Socket){}
		}
		u.waiting[k][tag] = f
	}
	u.mu.Unlock()
	if s != nil {
		f(s)
	}
}

// Forget takes back a When that has not been answered.
func (u *Users) Forget(ns *loop.Namespace, sid, tag string) {
	k := key{ns, sid}
	u.mu.Lock()
	defer u.mu.Unlock()
	if delete(u.waiting[k], tag); len(u.waiting[k]) == 0 {
		delete(u.waiting, k)
	}
}

// Has reports whether a socket of this server has an id.
func (u *Users) Has(ns *loop.Namespace, sid string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sockets[key{ns, sid}] != nil
}

// Sockets are the sockets of a user on this server, the oldest first.
func (u *Users) Sockets(user string) (list []*loop.Socket) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.users[user] {
		if p.in {
			list = append(list, p.socket)
		}
	}
	return list
}

// Count is the number of users with sockets on this server.
func (u *Users) Count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.users)
}

// sweep forgets those who have gone on their way in.
func (u *Users) sweep() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for user, list := range u.users {
		u.put(user, slices.DeleteFunc(list, place.gone))
	}
}
