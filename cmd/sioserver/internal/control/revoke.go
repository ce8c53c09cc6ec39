// Revoking tokens, and what the nodes of a cluster tell each other of that and of bans.

package control

import (
	"context"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// What nodes tell each other, as events between servers in the namespace "/".
const (
	banEvent    = "$sioserver:ban"
	revokeEvent = "$sioserver:revoke"
)

// banned are users that all nodes keep out.
type banned struct {
	Users []string  `json:"users"`
	Until time.Time `json:"until"`
}

// hearOthers listens to the other nodes.
func (c *Control) hearOthers(s *loop.Server) {
	s.Root().OnServerEvent(banEvent, func(e *loop.ServerEvent) {
		var b banned
		if err := e.Args().Bind(&b); err != nil {
			c.node.Log.Error("another node tells of bans that cannot be read", "error", err)
			return
		}
		until := time.Now().Add(banMost)
		if b.Until.Before(until) {
			until = b.Until
		}
		for _, u := range b.Users {
			if !c.bans.add(u, until) {
				c.node.Log.Error("a ban of another node is lost: there is no place", "limit", bansMost)
			}
		}
	})
	if c.opts.Revoked == nil {
		return
	}
	s.Root().OnServerEvent(revokeEvent, func(e *loop.ServerEvent) {
		var r auth.Revocation
		if err := e.Args().Bind(&r); err != nil || r.JTI == "" && r.User == "" {
			c.node.Log.Error("another node tells of a revocation that cannot be read", "error", err)
			return
		}
		if !c.opts.Revoked.Add(r) {
			c.node.Log.Error("a revocation of another node is lost: there is no place", "limit", auth.RevocationsMost)
		}
		ctx, cancel := context.WithTimeout(context.Background(), revokeTime)
		defer cancel()
		if _, err := c.endRevoked(ctx, &r); err != nil {
			c.node.Log.Error("sockets with a revoked token were not all found", "error", err)
		}
	})
}

// revokeRequest is the body of POST /revoke.
type revokeRequest struct {
	JTI   string    `json:"jti,omitempty"`   // one token, by its claim jti
	User  string    `json:"user,omitempty"`  // all tokens of a user that were issued so far
	Until time.Time `json:"until,omitzero"`  // by when they have expired; 24 hours from now unless set
	Local bool      `json:"local,omitempty"` // on this node only
}

// revokeTime is how long the search for sockets may take on other nodes, and
// revokeDefault how long a revocation holds.
const (
	revokeTime    = time.Minute
	revokeDefault = 24 * time.Hour
)

func (x *call) revoke() (any, error) {
	var q revokeRequest
	if err := x.decode(&q); err != nil {
		return nil, err
	}
	now := time.Now()
	if q.Until.IsZero() {
		q.Until = now.Add(revokeDefault)
	}
	switch {
	case x.opts.Revoked == nil:
		return nil, fail(codeNotAvailable, "this server has no tokens")
	case (q.JTI == "") == (q.User == ""):
		return nil, invalid("jti", "one of jti and user must be there")
	case len(q.JTI) > maxNameBytes:
		return nil, invalid("jti", "it has %d bytes, it may have %d", len(q.JTI), maxNameBytes)
	case len(q.User) > maxNameBytes:
		return nil, invalid("user", "it has %d bytes, it may have %d", len(q.User), maxNameBytes)
	case !q.Until.After(now) || q.Until.Sub(now) > auth.RevocationMost:
		return nil, invalid("until", "it must be in the future, at most %d days from now", int(auth.RevocationMost.Hours()/24))
	case len(x.reachable()) < len(x.node.Config().NamespaceNames()):
		return nil, fail(codeForbidden, "a token may be good for namespaces that the key %s may not touch", x.key.name)
	}
	r := auth.Revocation{JTI: q.JTI, User: q.User, Until: q.Until}
	if r.User != "" {
		r.Issued = now
	}
	if !x.opts.Revoked.Add(r) {
		return nil, fail(codeConflict, "%d tokens and users are revoked already", auth.RevocationsMost)
	}
	if !q.Local {
		if err := x.node.Server.Root().ServerSideEmit(revokeEvent, r); err != nil {
			return nil, err
		}
	}
	n, err := x.endRevoked(x.ctx, &r)
	x.node.Log.Info("tokens are revoked by the API", "key", x.key.name, "user", r.User, "sockets", n, "id", x.id)
	return matched{n}, err
}

// maxNameBytes is how long the id of a token, or the name of a user, may be here.
const maxNameBytes = 1024

// endRevoked disconnects the sockets of this node that came with what is revoked.
func (c *Control) endRevoked(ctx context.Context, r *auth.Revocation) (n int, err error) {
	end := func(s *loop.Socket) {
		if st := session.Of(s); st != nil && r.Concerns(st.User, st.Token()) {
			st.End("token_revoked")
			s.Disconnect(false)
			n++
		}
	}
	for _, name := range c.node.Config().NamespaceNames() {
		ns := c.node.Server.Of(name)
		if r.JTI == "" {
			sockets, err := ns.To(session.UserRoom(r.User)).Local().Sockets(ctx)
			if err != nil {
				return n, err
			}
			for _, s := range sockets {
				end(s)
			}
			continue
		}
		for at, begun := loop.Cursor(0), false; !begun || at != 0; begun = true {
			var part []loop.SocketStatus
			if part, at, err = ns.Scan(ctx, at, scanPage); err != nil {
				return n, err
			}
			for _, s := range part {
				end(s.Socket)
			}
		}
	}
	return n, nil
}
