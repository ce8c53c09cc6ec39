// The application of bench/CONTRACT.md, and the faults it makes.

package server

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"

	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// dispatch does what a packet asks for.
func (s *Server) dispatch(v *session, p wire.Packet) {
	switch p.Type {
	case wire.Connect:
		v.joined = true
		s.send(v, []byte(`40{"sid":"`+v.sid+`"}`))
		return
	case wire.Event:
	default:
		return
	}
	s.stats.Received++
	s.messages++
	if n := s.cfg.Faults.CutEvery; n > 0 && s.messages%n == 0 {
		s.endSession(v)
		return
	}
	name, rest, ok := wire.EventName(p.Args)
	if !ok {
		return
	}
	switch string(name) {
	case "echo":
		s.reply(v, append([]byte("42"), p.Args...))
		if p.HasID {
			s.acknowledge(v, p.ID, arguments(rest))
		}
	case "join", "leave":
		s.room(v, string(name) == "join", firstString(rest))
		if p.HasID {
			s.acknowledge(v, p.ID, []byte("[]"))
		}
	case "room":
		out := append([]byte("42"), p.Args...)
		for to := range s.rooms[firstString(rest)] {
			s.reply(to, out)
		}
	case "bcast":
		s.broadcast(append([]byte("42"), p.Args...))
	case "stats":
		if p.HasID {
			s.acknowledge(v, p.ID, s.ownStats())
		}
	}
}

// ownStats answers the event stats.
func (s *Server) ownStats() []byte {
	me, _ := proc.Read(os.Getpid(), false)
	b, _ := json.Marshal([]any{map[string]any{"rss": me.RSSBytes, "conns": s.stats.Open, "counts": s.Stats()}})
	return b
}

// arguments are the arguments behind an event's name as an array.
func arguments(rest []byte) []byte {
	if len(rest) > 1 && rest[0] == ',' {
		return append([]byte{'['}, rest[1:]...)
	}
	return []byte("[]")
}

// firstString is the first argument behind an event's name if it is a string.
func firstString(rest []byte) string {
	if len(rest) < 3 || rest[0] != ',' || rest[1] != '"' {
		return ""
	}
	room, _, _ := bytes.Cut(rest[2:], []byte{'"'})
	return string(room)
}

// room lets a session in or out of a room.
func (s *Server) room(v *session, in bool, name string) {
	if !in {
		delete(s.rooms[name], v)
		delete(v.rooms, name)
		return
	}
	if s.rooms[name] == nil {
		s.rooms[name] = map[*session]struct{}{}
	}
	if v.rooms == nil {
		v.rooms = map[string]struct{}{}
	}
	s.rooms[name][v] = struct{}{}
	v.rooms[name] = struct{}{}
}

// acknowledge sends an acknowledgement.
func (s *Server) acknowledge(v *session, id uint64, args []byte) {
	b := strconv.AppendUint([]byte("43"), id, 10)
	s.reply(v, append(b, args...))
}

// broadcast sends to every session in the namespace.
func (s *Server) broadcast(b []byte) {
	for _, v := range s.sessions {
		if v.joined {
			s.reply(v, b)
		}
	}
}

// reply sends a message, with the faults that are asked for.
func (s *Server) reply(v *session, b []byte) {
	s.replies++
	f := &s.cfg.Faults
	switch {
	case f.Drop > 0 && s.replies%f.Drop == 0:
		s.stats.Dropped++
		return
	case f.Double > 0 && s.replies%f.Double == 0:
		s.stats.Doubled++
		s.stats.Sent++
		s.send(v, b)
	case f.Swap > 0 && s.replies%f.Swap == 0 && v.held == nil:
		v.held, v.behind = bytes.Clone(b), max(f.Behind, 1)
		return
	}
	s.stats.Sent++
	s.send(v, b)
	if v.behind--; v.held != nil && v.behind == 0 {
		held := v.held
		v.held = nil
		s.stats.Swapped++
		s.stats.Sent++
		s.send(v, held)
	}
}

// publish takes POST /api/v1/emit.
func (s *Server) publish(c *conn, body []byte) {
	var p struct {
		Event string            `json:"event"`
		Args  []json.RawMessage `json:"args"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		s.answer(c, 400, "application/json", []byte(`{"ok":false}`))
		return
	}
	name, _ := json.Marshal(p.Event)
	args, _ := json.Marshal(append([]json.RawMessage{name}, p.Args...))
	s.broadcast(append([]byte("42"), args...))
	s.answer(c, 200, "application/json", []byte(`{"ok":true}`))
}
