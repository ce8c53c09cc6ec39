// Clients of version 2: Engine.IO 3 with Socket.IO 4, where they differ above the transport.

package loop

import (
	"bytes"
	"net/url"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// beginRevision3 puts a client into the namespace "/", for which those of
// revision 3 do not ask.
func (l *Loop) beginRevision3(s *transport.Session, c *client) {
	l.connect(s, c, &socketio.Packet{Type: socketio.Connect, Namespace: []byte("/")})
}

// splitRevision3 takes the query off the namespace that a client asks for: its
// parameters are the auth payload, the last one of a name counts. It reports
// whether there is a namespace: the reference reads a URL there, of which we
// refuse what would be neither path nor query.
func (l *Loop) splitRevision3(p *socketio.Packet) bool {
	if bytes.ContainsAny(p.Namespace, `#\`) {
		return false
	}
	name, query, found := bytes.Cut(p.Namespace, []byte{'?'})
	p.Namespace, p.Payload = name, nil
	if !found {
		return true
	}
	// What cannot be parsed is left out, the rest counts.
	values, _ := url.ParseQuery(string(query))
	auth := map[string]any{}
	for key, list := range values {
		auth[key] = list[len(list)-1]
	}
	p.Payload, _, _ = l.server.form.appendValues(nil, nil, []any{auth})
	return true
}

// revision3ID is the id of such a client's socket; sid is the session's.
func revision3ID(n *Namespace, sid string) string {
	if n.name == "/" {
		return sid
	}
	return n.name + "#" + sid
}
