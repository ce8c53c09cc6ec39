// Event and Bus: what happened, and who is told.

// Package lifecycle is how the parts of the command tell each other what
// happened: clients that come and go, users, rooms, slow consumers, the node
// itself. The parts that see it publish; webhooks and the live tail subscribe.
package lifecycle

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// The types of events.
const (
	SocketConnected    = "socket.connected"
	SocketDisconnected = "socket.disconnected"
	UserOnline         = "user.online"
	UserOffline        = "user.offline"
	RoomOccupied       = "room.occupied"
	RoomVacated        = "room.vacated"
	MemberJoined       = "member.joined"
	MemberLeft         = "member.left"
	EventReceived      = "event.received"
	ConnectionRefused  = "connection.refused"
	SlowConsumer       = "slow_consumer.detected"
	SlowConsumerClosed = "slow_consumer.closed"
	NodeStarted        = "node.started"
	NodeHeartbeat      = "node.heartbeat"
	NodeDraining       = "node.draining"
	NodeStopped        = "node.stopped"
	WebhookDropped     = "webhook.dropped"
)

// Event is something that happened, in the form in which webhooks and the live
// tail tell it. Fields that do not belong to its type are empty. Subscribers
// share it and must not change it.
type Event struct {
	ID         string            `json:"id"`
	Seq        uint64            `json:"seq"` // one more for each event of this process
	Time       time.Time         `json:"time"`
	Type       string            `json:"type"`
	Namespace  string            `json:"namespace,omitempty"`
	SID        string            `json:"sid,omitempty"`
	ConnID     string            `json:"conn_id,omitempty"`
	User       string            `json:"user,omitempty"`
	Room       string            `json:"room,omitempty"`
	Transport  string            `json:"transport,omitempty"`
	IP         string            `json:"ip,omitempty"`
	Recovered  *bool             `json:"recovered,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	DurationMS int64             `json:"duration_ms,omitempty"`
	AfterMS    int64             `json:"after_ms,omitempty"`
	Sockets    *int              `json:"sockets,omitempty"`
	Users      *int              `json:"users,omitempty"`
	Draining   *bool             `json:"draining,omitempty"`
	Dropped    uint64            `json:"dropped,omitempty"`
	Endpoint   string            `json:"webhook,omitempty"`       // the one that a WebhookDropped is about
	Pending    int               `json:"pending_bytes,omitempty"` // that wait for a client
	StalledMS  int64             `json:"stalled_ms,omitempty"`    // since it has taken any
	Event      string            `json:"event,omitempty"`         // name of a client's event
	Args       []json.RawMessage `json:"args,omitempty"`
	Data       json.RawMessage   `json:"data,omitempty"`
	Meta       json.RawMessage   `json:"meta,omitempty"`

	// Webhook is the one webhook that an EventReceived is for.
	Webhook string `json:"-"`
}

// Bus hands events to its subscribers. Its methods may be called from any
// goroutine, event loops included.
type Bus struct {
	seq  atomic.Uint64
	mu   sync.Mutex
	subs atomic.Pointer[[]*subscription]
}

type subscription struct{ f func(*Event) }

// Publish gives the event its place in the sequence, and its time if it has
// none, and hands it to all subscribers.
func (b *Bus) Publish(e *Event) {
	e.Seq = b.seq.Add(1)
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if subs := b.subs.Load(); subs != nil {
		for _, s := range *subs {
			s.f(e)
		}
	}
}

// Heard reports whether anybody is told: who makes events at a cost asks first.
func (b *Bus) Heard() bool {
	subs := b.subs.Load()
	return subs != nil && len(*subs) > 0
}

// Subscribe hands every event from now on to f, on the goroutine that publishes
// it, which may be an event loop: f must not block.
func (b *Bus) Subscribe(f func(*Event)) (remove func()) {
	s := &subscription{f}
	b.change(func(list []*subscription) []*subscription { return append(list, s) })
	return func() {
		b.change(func(list []*subscription) []*subscription {
			for i, t := range list {
				if t == s {
					return append(list[:i], list[i+1:]...)
				}
			}
			return list
		})
	}
}

// change replaces the list by what f makes of a copy.
func (b *Bus) change(f func([]*subscription) []*subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*subscription
	if old := b.subs.Load(); old != nil {
		list = append(list, *old...)
	}
	list = f(list)
	b.subs.Store(&list)
}
