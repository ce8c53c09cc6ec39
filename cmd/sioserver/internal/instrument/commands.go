// Commands: what a page may ask the server to do, unless it is for reading only.

package instrument

import (
	"encoding/json"

	"github.com/sioserver/sioserver/loop"
)

// commands registers the events that pages send.
func (p *Part) commands() {
	if p.c.ReadOnly {
		return
	}
	p.admin.OnConnection(func(s *loop.Socket) {
		s.On("emit", p.command(p.emit))
		s.On("join", p.command(func(a loop.Args) error {
			return p.rooms(a, loop.BroadcastOperator.SocketsJoin)
		}))
		s.On("leave", p.command(func(a loop.Args) error {
			return p.rooms(a, loop.BroadcastOperator.SocketsLeave)
		}))
		s.On("_disconnect", p.command(p.disconnect))
	})
}

// command makes a handler of f. The protocol has no answers, so that what cannot
// be done is logged.
func (p *Part) command(f func(loop.Args) error) loop.Handler {
	return func(_ *loop.Socket, e *loop.Event) {
		if err := f(e.Args()); err != nil {
			p.node.Log.Warn("a command of the admin UI was not carried out", "command", e.Name(), "error", err)
		}
	}
}

// to are the sockets of a namespace that a filter leaves: all of them for null,
// else those of a room, or one by its id.
func (p *Part) to(namespace string, filter *string) (loop.BroadcastOperator, error) {
	ns, err := p.namespace(namespace)
	if err != nil {
		return loop.BroadcastOperator{}, err
	}
	if filter == nil || *filter == "" {
		return ns.In(), nil
	}
	return ns.In(*filter), nil
}

// emit is (namespace, filter, event, ...arguments).
func (p *Part) emit(a loop.Args) error {
	var namespace, event string
	var filter *string
	if err := a.Bind(&namespace, &filter, &event); err != nil {
		return err
	}
	to, err := p.to(namespace, filter)
	if err != nil {
		return err
	}
	return to.EmitArgs(event, a.Slice(3, a.Len()))
}

// rooms is (namespace, room or rooms, filter).
func (p *Part) rooms(a loop.Args, do func(loop.BroadcastOperator, ...string) error) error {
	var namespace string
	var names json.RawMessage
	var filter *string
	if err := a.Bind(&namespace, &names, &filter); err != nil {
		return err
	}
	var list []string
	if json.Unmarshal(names, &list) != nil {
		var one string
		if err := json.Unmarshal(names, &one); err != nil {
			return err
		}
		list = []string{one}
	}
	to, err := p.to(namespace, filter)
	if err != nil {
		return err
	}
	return do(to, list...)
}

// disconnect is (namespace, close, filter).
func (p *Part) disconnect(a loop.Args) error {
	var namespace string
	var conn bool
	var filter *string
	if err := a.Bind(&namespace, &conn, &filter); err != nil {
		return err
	}
	to, err := p.to(namespace, filter)
	if err != nil {
		return err
	}
	return to.DisconnectSockets(conn)
}
