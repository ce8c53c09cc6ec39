// Whom a packet is for, and how it is sent, in both forms.

package wire

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
)

// AppendOptions appends whom and how. timeout is for broadcasts with answers.
func AppendOptions(dst []byte, t rooms.Target, timeout time.Duration) []byte {
	dst = msgpack.AppendMapHead(dst, 3)
	dst = appendNames(msgpack.AppendString(dst, "rooms"), t.Rooms)
	dst = appendNames(msgpack.AppendString(dst, "except"), t.Except)
	return appendFlags(dst, t, timeout)
}

// AppendEmitterOptions is AppendOptions in the order of the reference's emitter.
func AppendEmitterOptions(dst []byte, t rooms.Target) []byte {
	dst = msgpack.AppendMapHead(dst, 3)
	dst = appendNames(msgpack.AppendString(dst, "rooms"), t.Rooms)
	dst = appendFlags(dst, t, 0)
	return appendNames(msgpack.AppendString(dst, "except"), t.Except)
}

func appendFlags(dst []byte, t rooms.Target, timeout time.Duration) []byte {
	flags := 0
	for _, set := range []bool{t.Flags.Volatile, !t.Flags.Compress, timeout > 0, t.Flags.Conflate != ""} {
		if set {
			flags++
		}
	}
	dst = msgpack.AppendMapHead(msgpack.AppendString(dst, "flags"), flags)
	if t.Flags.Volatile {
		dst = append(msgpack.AppendString(dst, "volatile"), msgpackTrue)
	}
	if !t.Flags.Compress {
		dst = append(msgpack.AppendString(dst, "compress"), msgpackFalse)
	}
	if timeout > 0 {
		dst, _ = msgpack.AppendArgs(msgpack.AppendString(dst, "timeout"), []any{timeout.Milliseconds()})
	}
	if t.Flags.Conflate != "" {
		// A flag of this server's, which those of the reference pass over.
		dst = msgpack.AppendString(msgpack.AppendString(dst, "conflate"), t.Flags.Conflate)
	}
	return dst
}

const (
	msgpackFalse = 0xc2
	msgpackTrue  = 0xc3
)

// appendNames appends the names of rooms, each once.
func appendNames(dst []byte, names []string) []byte {
	names = Unique(names)
	dst = msgpack.AppendArrayHead(dst, len(names))
	for _, name := range names {
		dst = msgpack.AppendString(dst, name)
	}
	return dst
}

// Unique is names without repetitions, in their order. Nobody else's list is
// changed.
func Unique(names []string) []string {
	if len(names) < 2 {
		return names
	}
	seen := make(map[string]bool, len(names))
	list := make([]string, 0, len(names))
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

// Options are whom and how, as they are read from MessagePack and from JSON.
type Options struct {
	Rooms  []Name `json:"rooms"`
	Except []Name `json:"except"`
	Flags  struct {
		Volatile bool    `json:"volatile"`
		Compress *bool   `json:"compress"`
		Timeout  float64 `json:"timeout"`
		Conflate string  `json:"conflate"`
	} `json:"flags"`
}

// Name is the name of a room, which with JavaScript may be a number.
type Name string

// UnmarshalJSON takes strings and numbers.
func (n *Name) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*n = Name(s)
		return err
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*n = Name(strconv.FormatFloat(f, 'f', -1, 64))
	return nil
}

func ReadOptions(b []byte) (rooms.Target, error) {
	var w Options
	if err := msgpack.Unmarshal(b, &w); err != nil {
		return rooms.Target{}, err
	}
	return w.Target(), nil
}

func (w *Options) Target() rooms.Target {
	return rooms.Target{
		Rooms: Plain(w.Rooms), Except: Plain(w.Except),
		Flags: rooms.Flags{Volatile: w.Flags.Volatile, Compress: w.Flags.Compress == nil || *w.Flags.Compress, Conflate: w.Flags.Conflate},
	}
}

func Plain(names []Name) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = string(n)
	}
	return list
}
