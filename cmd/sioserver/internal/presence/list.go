// The members of a room, on all servers.

package presence

import (
	"context"
	"encoding/json"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// List are the members of a room.
type List struct {
	Members []Member `json:"members"` // none if there are more than the rule wants told
	Sockets int      `json:"sockets"`
	Users   int      `json:"users"`
}

// List asks all servers for the members of a room. If they are more than most,
// only their numbers are told. It waits, until ctx ends.
func (t *Tracker) List(ctx context.Context, ns *loop.Namespace, room string, most int) (*List, error) {
	sockets, err := ns.In(room).FetchSockets(ctx)
	if err != nil {
		return nil, err
	}
	list := &List{Members: []Member{}, Sockets: len(sockets)}
	seen := map[string]bool{}
	for _, s := range sockets {
		var st session.State
		if s.Data(&st) != nil {
			continue // of a server that keeps something else
		}
		m := Member{User: st.User, SID: s.ID(), Info: t.info(s, room)}
		if m.Info == nil {
			m.Info = st.Data()
		}
		if seen[m.name()] {
			continue
		}
		seen[m.name()] = true
		list.Members = append(list.Members, m)
	}
	if list.Users = len(seen); list.Users > most {
		list.Members = []Member{}
	}
	return list, nil
}

func (t *Tracker) info(s loop.RemoteSocket, room string) json.RawMessage {
	local := s.Local()
	if local == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.infos[key{local.Namespace(), local.ID()}][room]
}
