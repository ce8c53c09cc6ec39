// Dynamic namespaces: which names clients may ask for, and the namespaces made for them.

package loop

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/transport"
)

// dynamic is what a parent namespace has more than others.
type dynamic struct {
	pattern *regexp.Regexp                       // nil if there is a func
	match   func(name string, h *Handshake) bool // nil if there is a pattern
}

// OfMatch returns a new parent namespace for all names, slash included, that
// match a pattern. A client that asks for such a name gets a namespace of its
// own for it, a child, with the middleware and handlers that the parent has at
// that moment. What is sent to the parent goes to all its children. Any
// goroutine.
func (s *Server) OfMatch(pattern *regexp.Regexp) *Namespace {
	return s.newParent(&dynamic{pattern: pattern})
}

// OfFunc is [Server.OfMatch] with a function that decides, off the loops, which
// names clients may ask for. The handshake has the auth payload of the request
// for the namespace. A panic is a no. Any goroutine.
func (s *Server) OfFunc(match func(name string, h *Handshake) bool) *Namespace {
	s.asked.Store(true)
	return s.newParent(&dynamic{match: match})
}

func (s *Server) newParent(d *dynamic) *Namespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.dynamic.Load()
	n := &Namespace{server: s, name: "/_" + strconv.Itoa(len(*old)), dynamic: d}
	n.init()
	next := append(slices.Clone(*old), n)
	s.dynamic.Store(&next)
	return n
}

// Children are the namespaces that were made for names a parent namespace
// allows, none if this is not a parent.
func (n *Namespace) Children() (list []*Namespace) {
	if n.dynamic == nil {
		return nil
	}
	for _, c := range *n.server.namespaces.Load() {
		if c.parent == n {
			list = append(list, c)
		}
	}
	return list
}

// Parent is the parent namespace of a child, else nil.
func (n *Namespace) Parent() *Namespace { return n.parent }

// parts are the namespaces whose sockets the namespace stands for: its children,
// or itself.
func (n *Namespace) parts() []*Namespace {
	if n.dynamic == nil {
		return []*Namespace{n}
	}
	return n.Children()
}

// OnNewNamespace adds a function that is called with every namespace made from
// now on, before clients can join it, by the goroutine that makes it. It may add
// middleware and handlers. Any goroutine.
func (s *Server) OnNewNamespace(f func(*Namespace)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.announce = append(s.mu.announce[:len(s.mu.announce):len(s.mu.announce)], f)
}

// add makes a namespace unless there is one. It returns nil for a child of a
// server that shuts down or has as many as it may have.
func (s *Server) add(name string, parent *Namespace) *Namespace {
	s.mu.Lock()
	old := *s.namespaces.Load()
	if n := old[name]; n != nil {
		s.mu.Unlock()
		<-n.opened
		return n
	}
	if parent != nil && (s.mu.closing || s.mu.children >= s.cfg.Limits.DynamicNamespaces) {
		if !s.mu.closing {
			s.full.Add(1)
		}
		s.mu.Unlock()
		return nil
	}
	n := &Namespace{server: s, name: name, parent: parent, opened: make(chan struct{})}
	n.init()
	if parent != nil {
		s.mu.children++
		n.handlers.Store(parent.handlers.Load())
		n.hooks.Store(parent.hooks.Load())
		n.watchRooms()
	}
	next := make(map[string]*Namespace, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	next[name] = n
	s.namespaces.Store(&next)
	announce := s.mu.announce
	s.mu.Unlock()
	for _, f := range announce {
		s.guard("OnNewNamespace", func() { f(n) })
	}
	n.open.Store(true)
	close(n.opened)
	return n
}

// patternFor returns the first parent with a pattern that a name matches.
func (s *Server) patternFor(name string) *Namespace {
	for _, p := range *s.dynamic.Load() {
		if p.dynamic.pattern != nil && p.dynamic.pattern.MatchString(name) {
			return p
		}
	}
	return nil
}

// lookup finds or makes the namespace for a name that a client asks for, nil if
// there is none. It calls functions of the user's.
func (s *Server) lookup(name string, h *Handshake) (found *Namespace) {
	if n := s.namespace(name); n != nil {
		<-n.opened
		return n
	}
	for _, p := range *s.dynamic.Load() {
		ok := false
		if d := p.dynamic; d.pattern != nil {
			ok = d.pattern.MatchString(name)
		} else {
			s.guard("OfFunc", func() { ok = d.match(name, h) })
		}
		if ok {
			return s.add(name, p)
		}
	}
	return nil
}

// guard calls a function of the user's that belongs to no socket.
func (s *Server) guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.logPanic(what, p)
		}
	}()
	f()
}

// mayExist reports whether a name that is not known is worth a search.
func (s *Server) mayExist(name []byte) bool {
	for _, p := range *s.dynamic.Load() {
		if p.dynamic.pattern == nil || p.dynamic.pattern.Match(name) {
			return true
		}
	}
	return false
}

// searching reports whether a client waits for a namespace to be found.
func (c *client) searching(name string) bool {
	return c.kept != nil && slices.Contains(c.kept.searches, name)
}

// namespaces is the number of namespaces a client is in or waits for.
func (c *client) namespaces() int {
	n := int(c.sockets)
	if c.kept != nil {
		n += len(c.kept.searches)
	}
	return n
}

// search looks for the namespace a client asks for, off the loop.
func (l *Loop) search(s *transport.Session, c *client, name string, auth []byte) {
	k := c.keep()
	k.searches = append(k.searches, name)
	h := &Handshake{request: c.request, auth: auth}
	look := func() {
		l.engine.Post(&searchResult{l, s, k, name, auth, l.server.lookup(name, h)})
	}
	if !c.announced() {
		// Whoever is being told of the client comes first.
		l.run(&k.conn.actor, job{call: look})
		return
	}
	l.server.workers.do(l.server, look)
}

// searchResult brings the namespace to the loop of the client that asked.
type searchResult struct {
	loop    *Loop
	session *transport.Session
	kept    *kept // of the client, while it is there
	name    string
	auth    []byte
	found   *Namespace
}

// Run implements [transport.Task].
func (r *searchResult) Run(*transport.Engine) {
	l := r.loop
	c := l.client(r.session)
	if c.kept != r.kept {
		// The client has gone meanwhile, and may have been the first to ask.
		if r.found != nil && r.found.cleaned() {
			r.found.removeEmpty()
		}
		return
	}
	r.kept.searches = slices.DeleteFunc(r.kept.searches, func(s string) bool { return s == r.name })
	switch {
	case r.found == nil:
		l.refuse(r.session, c, nil, r.name, errInvalidNamespace)
	case r.found.enter():
		l.join(r.session, c, r.found, r.auth)
	default:
		// It was cleaned up between the two.
		l.search(r.session, c, r.name, r.auth)
	}
}

var errInvalidNamespace = &Error{Message: "Invalid namespace"}

// removed is the number of sockets of a child that was cleaned up.
const removed = -1

// enter counts a socket in. It reports false if the namespace was cleaned up.
func (n *Namespace) enter() bool {
	if !n.cleaned() {
		return true
	}
	for {
		v := n.inside.Load()
		if v == removed {
			return false
		}
		if n.inside.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

// leave counts a socket out, and removes a child that has none.
func (n *Namespace) leave() {
	if n.cleaned() && n.inside.Add(-1) == 0 {
		n.removeEmpty()
	}
}

// removeEmpty removes a child unless somebody has entered it.
func (n *Namespace) removeEmpty() {
	if n.inside.CompareAndSwap(0, removed) {
		// Adapters may take their time to close.
		n.server.workers.do(n.server, func() { n.server.remove(n) })
	}
}

// cleaned reports whether the namespace goes with its last socket.
func (n *Namespace) cleaned() bool {
	return n.parent != nil && n.server.cfg.CleanupEmptyChildNamespaces
}

// remove takes a child out of the server.
func (s *Server) remove(n *Namespace) {
	s.mu.Lock()
	if s.mu.closing {
		s.mu.Unlock()
		return // its adapter is closed with the others
	}
	old := *s.namespaces.Load()
	next := make(map[string]*Namespace, len(old))
	for k, v := range old {
		if v != n {
			next[k] = v
		}
	}
	s.namespaces.Store(&next)
	s.mu.children--
	s.mu.Unlock()
	if err := n.adapter.Close(); err != nil {
		s.cfg.Logger.Error("the adapter of a namespace failed to close", "namespace", n.name, "error", err)
	}
}

// slashed adds the slash that a name of a namespace begins with.
func slashed(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + name
}
