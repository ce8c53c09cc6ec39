// Join, leave and disconnect.

package control

import (
	"slices"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// membersRequest is the body of POST /join and /leave.
type membersRequest struct {
	selector
	All   bool     `json:"all,omitempty"` // without to and users: yes, everybody
	Rooms []string `json:"rooms"`
}

// matched is how many sockets of this node were addressed.
type matched struct {
	Matched int `json:"matched"`
}

func (x *call) join() (any, error) {
	return x.members(func(o loop.BroadcastOperator, rooms []string) error { return o.SocketsJoin(rooms...) })
}

func (x *call) leave() (any, error) {
	return x.members(func(o loop.BroadcastOperator, rooms []string) error { return o.SocketsLeave(rooms...) })
}

func (x *call) members(do func(loop.BroadcastOperator, []string) error) (any, error) {
	var r membersRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	if err := sure(&r.selector, r.All); err != nil {
		return nil, err
	}
	most := x.node.Config().Limits.RoomNameMax
	switch {
	case len(r.Rooms) == 0:
		return nil, invalid("rooms", "it is missing")
	case len(r.Rooms) > mostNames:
		return nil, invalid("rooms", "it has %d names, it may have %d", len(r.Rooms), mostNames)
	}
	for _, room := range r.Rooms {
		if room == "" || session.Hidden(room) || most > 0 && len(room) > most {
			return nil, invalid("rooms", "%q is no name of a room: 1 to %d bytes, and the names of users' rooms are taken", room, most)
		}
	}
	o, err := x.operator(&r.selector)
	if err != nil {
		return nil, err
	}
	n := o.Count()
	return matched{n}, do(o, r.Rooms)
}

// sure checks that a whole namespace is meant where one is addressed.
func sure(s *selector, all bool) error {
	if s.everybody() && !all {
		return invalid("all", "nobody is addressed by to or users: with \"all\": true it is the whole namespace")
	}
	return nil
}

// disconnectRequest is the body of POST /disconnect.
type disconnectRequest struct {
	selector
	All    bool   `json:"all,omitempty"`
	Mode   string `json:"mode,omitempty"` // kick or reconnect
	Reason string `json:"reason,omitempty"`
	BanMS  int64  `json:"ban_ms,omitempty"` // with users: they may not connect for so long
}

// The modes of a disconnect.
const (
	modeKick      = "kick"
	modeReconnect = "reconnect"
)

func (x *call) disconnect() (any, error) {
	var r disconnectRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	if err := sure(&r.selector, r.All); err != nil {
		return nil, err
	}
	return x.disconnectNow(&r)
}

func (x *call) disconnectNow(r *disconnectRequest) (any, error) {
	if r.Mode == "" {
		r.Mode = modeKick
	}
	switch {
	case r.Mode != modeKick && r.Mode != modeReconnect:
		return nil, invalid("mode", "it is %q, it must be %q or %q", r.Mode, modeKick, modeReconnect)
	case r.BanMS < 0 || r.BanMS > banMost.Milliseconds():
		return nil, invalid("ban_ms", "it is %d, it must be 0 to %d", r.BanMS, banMost.Milliseconds())
	case r.BanMS > 0 && len(r.Users) == 0:
		return nil, invalid("ban_ms", "only users can be banned: name them in users")
	}
	o, err := x.operator(&r.selector)
	if err != nil {
		return nil, err
	}
	if r.BanMS > 0 {
		until := time.Now().Add(time.Duration(r.BanMS) * time.Millisecond)
		for _, u := range r.Users {
			if !x.bans.add(u, until) {
				return nil, fail(codeConflict, "%d users are banned already", bansMost)
			}
		}
		if !r.Local {
			if err := x.node.Server.Root().ServerSideEmit(banEvent, banned{r.Users, until}); err != nil {
				return nil, err
			}
		}
	}
	n := o.Count()
	x.node.Log.Info("sockets are disconnected by the API", "key", x.key.name, "mode", r.Mode, "sockets", n, "reason", r.Reason, "id", x.id)
	if r.Mode == modeKick {
		return matched{n}, o.DisconnectSockets(false)
	}
	sockets, err := o.Local().Sockets(x.ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range sockets {
		s.Conn().Close(false)
	}
	return matched{len(sockets)}, nil
}

// userOf is whose a socket is, "" if nobody knows.
func userOf(s loop.RemoteSocket) string {
	if local := s.Local(); local != nil {
		if st := session.Of(local); st != nil {
			return st.User
		}
		return ""
	}
	var st session.State
	if s.Data(&st) != nil {
		return ""
	}
	return st.User
}

// visible are rooms without those that are not listed.
func visible(rooms []string) []string {
	return slices.DeleteFunc(rooms, session.Hidden)
}
