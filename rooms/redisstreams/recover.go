// Clients that come back: events in the stream, sessions in keys of their own.

package redisstreams

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// adapter implements [rooms.Recoverer].
type adapter struct {
	*cluster.Adapter
	bus *bus
}

// BroadcastKept implements [rooms.Recoverer].
func (a *adapter) BroadcastKept(p *rooms.Packet, t rooms.Target) error {
	m, err := a.BroadcastMessage(p, t, "")
	if err != nil {
		return err
	}
	return a.bus.add(m, p, t)
}

// AfterKept implements [rooms.Recoverer].
func (a *adapter) AfterKept(f func()) { a.bus.kept.after(f) }

// PersistSession implements [rooms.Recoverer].
func (a *adapter) PersistSession(s *rooms.Session, ttl time.Duration) error {
	raw := msgpack.AppendMapHead(nil, 4)
	raw = msgpack.AppendString(msgpack.AppendString(raw, "sid"), s.SID)
	raw = msgpack.AppendString(msgpack.AppendString(raw, "pid"), s.PID)
	raw = msgpack.AppendArrayHead(msgpack.AppendString(raw, "rooms"), len(s.Rooms))
	for _, room := range s.Rooms {
		raw = msgpack.AppendString(raw, room)
	}
	data := s.Data
	if len(data) == 0 || string(data) == "null" {
		data = json.RawMessage("{}") // as with the reference, which expects an object
	}
	raw, err := msgpack.FromJSON(msgpack.AppendString(raw, "data"), data, nil)
	if err != nil {
		return fmt.Errorf("redisstreams: encoding a session: %w", err)
	}
	a.bus.cluster.queue.Put(&message{
		kind: toSession, key: a.bus.cluster.opts.SessionKeyPrefix + s.PID, payload: base64.StdEncoding.EncodeToString(raw), ttl: ttl,
	})
	return nil
}

// RestoreSession implements [rooms.Recoverer].
func (a *adapter) RestoreSession(ctx context.Context, pid string) (*rooms.Session, error) {
	text, err := a.bus.cluster.opts.Client.GetDel(ctx, a.bus.cluster.opts.SessionKeyPrefix+pid).Result()
	if errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redisstreams: looking for a session: %w", err)
	}
	s, err := readSession(text)
	if err == nil && s.PID != pid {
		err = errors.New("it is that of another client")
	}
	if err != nil {
		a.bus.Malformed(err)
		return nil, fmt.Errorf("redisstreams: reading a session: %w", err)
	}
	return s, nil
}

// readSession reads a session as the reference and this server write them.
func readSession(text string) (*rooms.Session, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	s := &rooms.Session{}
	err = wire.EachMember(raw, func(key string, value []byte) error {
		switch key {
		case "sid":
			return msgpack.Unmarshal(value, &s.SID)
		case "pid":
			return msgpack.Unmarshal(value, &s.PID)
		case "rooms":
			var names []wire.Name
			err := msgpack.Unmarshal(value, &names)
			s.Rooms = wire.Plain(names)
			return err
		case "data":
			data, bins, err := msgpack.ToJSON(nil, nil, value)
			if err == nil {
				data, err = wire.PlainJSON(data, bins)
			}
			s.Data = data
			return err
		}
		return nil
	})
	return s, err
}

// page is how many entries are asked for at a time.
const page = 1000

// Missed implements [rooms.Recoverer].
func (a *adapter) Missed(ctx context.Context, offset string, f func(p *rooms.Packet, t rooms.Target) error) (upTo string, err error) {
	c := a.bus.cluster
	from, err := parseID(offset)
	if err != nil {
		return "", rooms.ErrUnknownOffset
	}
	c.mu.RLock()
	r := c.mu.readers[a.bus.stream]
	c.mu.RUnlock()
	if r == nil {
		return "", errors.New("redisstreams: the cluster is closed")
	}
	found, err := c.opts.Client.XRange(ctx, a.bus.stream, offset, offset).Result()
	switch {
	case err != nil:
		return "", fmt.Errorf("redisstreams: looking for an event: %w", err)
	case len(found) == 0:
		return "", rooms.ErrUnknownOffset
	}
	// What the client has got from another server already must not come out of the
	// stream once more.
	if upTo, err = r.reached(ctx, from); err != nil {
		return "", fmt.Errorf("redisstreams: reading the stream: %w", err)
	}
	for next := offset; ; {
		entries, err := c.opts.Client.XRangeN(ctx, a.bus.stream, "("+next, upTo, page).Result()
		if err != nil {
			return "", fmt.Errorf("redisstreams: looking for events: %w", err)
		}
		for _, e := range entries {
			if err := a.missed(e, f); err != nil {
				return "", err
			}
			next = e.ID
		}
		if len(entries) < page {
			return upTo, nil
		}
	}
}

// missed hands out an entry if it is an event of the namespace. One that cannot be
// read has been counted when it came.
func (a *adapter) missed(e goredis.XMessage, f func(p *rooms.Packet, t rooms.Target) error) error {
	if nsp, _ := e.Values[fieldNSP].(string); nsp != a.bus.nsp {
		return nil
	}
	m, err := readEntry(e.Values)
	if err != nil {
		return nil
	}
	m.Offset = e.ID
	p, t, err := a.ReadBroadcast(m)
	if err != nil || p == nil {
		return nil
	}
	return f(p, t)
}

// Compare implements [rooms.Recoverer].
func (a *adapter) Compare(x, y string) (int, error) {
	i, err := parseID(x)
	if err != nil {
		return 0, err
	}
	j, err := parseID(y)
	switch {
	case err != nil:
		return 0, err
	case i.less(j):
		return -1, nil
	case j.less(i):
		return 1, nil
	}
	return 0, nil
}
