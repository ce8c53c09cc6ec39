// Ids of sessions that the layer above has chosen, and which of the engines' own they stand for.

package transport

import (
	"errors"
	"hash/maphash"
	"sync"

	"github.com/sioserver/sioserver/proto/id"
)

// ErrNameTaken is behind the refusal of a handshake whose id another session has.
var ErrNameTaken = errors.New("another session has this id")

// names finds sessions by chosen ids, for all engines of a group. It is in parts,
// so that the loops hardly ever wait for each other.
type names struct {
	seed  maphash.Seed
	parts [64]struct {
		sync.Mutex
		ids map[string]id.ID
	}
}

func newNames() *names { return &names{seed: maphash.MakeSeed()} }

// add gives a name to an id, unless another one has it.
func (n *names) add(name string, sid id.ID) bool {
	p := &n.parts[maphash.String(n.seed, name)%uint64(len(n.parts))]
	p.Lock()
	defer p.Unlock()
	if _, taken := p.ids[name]; taken {
		return false
	}
	if p.ids == nil {
		p.ids = map[string]id.ID{}
	}
	p.ids[name] = sid
	return true
}

func (n *names) find(name []byte) (sid id.ID, ok bool) {
	p := &n.parts[maphash.Bytes(n.seed, name)%uint64(len(n.parts))]
	p.Lock()
	defer p.Unlock()
	sid, ok = p.ids[string(name)]
	return sid, ok
}

func (n *names) remove(name string) {
	p := &n.parts[maphash.String(n.seed, name)%uint64(len(n.parts))]
	p.Lock()
	defer p.Unlock()
	if delete(p.ids, name); len(p.ids) == 0 {
		p.ids = nil // a map does not shrink
	}
}

// find reads the id of a session, as a client gives it. ok is false if there can
// be no such session. Any goroutine.
func (e *Engine) find(text []byte) (sid id.ID, ok bool) {
	if e.opts.Named {
		return e.names.find(text)
	}
	sid, ok = id.Parse(text)
	return sid, ok && int(sid.Tag()) < len(e.peers)
}

// Home is the engine of the session with an id, as a client gives it; nil if
// there can be no such session. Any goroutine.
func (e *Engine) Home(sid []byte) *Engine {
	if id, ok := e.find(sid); ok {
		return e.peers[id.Tag()]
	}
	return nil
}

// newID makes the id of a session for the request at hand, under the name that
// the verdict on it has.
func (e *Engine) newID() (sid id.ID, name string, err *HandshakeError) {
	sid = e.ids.New(e.index)
	if !e.opts.Named {
		return sid, "", nil
	}
	if e.verdict != nil {
		name = e.verdict.SID
	}
	if name == "" {
		name = sid.String()
	}
	if !e.names.add(name, sid) {
		return sid, "", errNameTaken
	}
	return sid, name, nil
}

// named keeps the name of a session.
func (e *Engine) named(s *Session, name string) {
	if name == "" {
		return
	}
	if e.chosen == nil {
		e.chosen = map[uint32]string{}
	}
	e.chosen[s.index] = name
}

// unname gives the name of a session up, for others to have.
func (e *Engine) unname(s *Session) {
	if name, ok := e.chosen[s.index]; ok {
		e.names.remove(name)
		if delete(e.chosen, s.index); len(e.chosen) == 0 {
			e.chosen = nil
		}
	}
}

// Name is the session's id as its client knows it, a secret between the two.
// Loop only.
func (s *Session) Name() string {
	if name, ok := s.engine.chosen[s.index]; ok {
		return name
	}
	return s.id.String()
}

// Chosen reports whether Name is one that the layer above has chosen. Loop only.
func (s *Session) Chosen() bool {
	_, ok := s.engine.chosen[s.index]
	return ok
}
