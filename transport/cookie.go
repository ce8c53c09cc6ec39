// The cookie that tells proxies in front which session a client has.

package transport

// Cookie is set by the answer to a polling handshake, its value the id of the
// session. It is read-only once an engine exists.
type Cookie struct {
	Name       string // a token
	Attributes string // as they go on the wire, each with "; " in front
}

// line is the field line for a session.
func (k *Cookie) line(sid string) []byte {
	return appendField(nil, "Set-Cookie", k.Name+"="+sid+k.Attributes)
}
