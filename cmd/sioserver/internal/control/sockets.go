// Sockets: lists in pages, by any of their properties, and single ones.

package control

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// socketItem is a socket as it is listed.
type socketItem struct {
	SID          string          `json:"sid"`
	ConnID       string          `json:"conn_id"` // of its connection, as webhooks and hooks have it
	Namespace    string          `json:"namespace"`
	User         string          `json:"user,omitempty"`
	Rooms        []string        `json:"rooms"`
	Transport    string          `json:"transport"`
	IP           string          `json:"ip,omitempty"`
	ConnectedAt  time.Time       `json:"connected_at,omitzero"`
	Data         json.RawMessage `json:"data,omitempty"`
	PendingBytes int             `json:"pending_bytes"`
	StalledMS    int64           `json:"stalled_ms"`
	RTT          float64         `json:"rtt_ms,omitempty"`   // to the client, or the proxy in front of it
	InRate       float64         `json:"in_rate,omitempty"`  // bytes a second over its websocket
	OutRate      float64         `json:"out_rate,omitempty"` // likewise
}

// listed are the items of a page, and the cursor of the next.
type listed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// The sizes of pages.
const (
	pageDefault = 50
	pageMost    = 1000
	scanPage    = 4096 // sockets looked at between two looks at the context
	listRooms   = 100  // of a socket in a list
)

// limit is how many items a page has.
func (x *call) limit() (int, error) {
	text := x.r.URL.Query().Get("limit")
	if text == "" {
		return pageDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > pageMost {
		return 0, invalid("limit", "it is %q, it must be 1 to %d", text, pageMost)
	}
	return n, nil
}

// paging is what all lists of a namespace are asked: which one, and for how many.
func (x *call) paging() (n *loop.Namespace, most int, err error) {
	if n, err = x.namespace(x.r.URL.Query().Get("namespace")); err == nil {
		most, err = x.limit()
	}
	return n, most, err
}

// wanted says which sockets are listed.
type wanted struct{ user, ip string }

func (w *wanted) has(s *loop.Socket) bool {
	st := session.Of(s)
	return (w.user == "" || st != nil && st.User == w.user) && (w.ip == "" || st != nil && st.IP == w.ip)
}

func (x *call) sockets() (any, error) {
	q := x.r.URL.Query()
	n, most, err := x.paging()
	if err != nil {
		return nil, err
	}
	w := wanted{user: q.Get("user"), ip: q.Get("ip")}
	sort, cursor := q.Get("sort"), q.Get("cursor")
	order, ok := orders[sort]
	if !ok && sort != "" {
		return nil, invalid("sort", "it is %q, it must be pending or connected_at", sort)
	}
	var list []loop.SocketStatus
	next := ""
	switch room := q.Get("room"); {
	case room != "" || w.user != "":
		list, err = x.inRoom(n, room, &w)
		if err == nil && sort == "" {
			order = bySID
		}
	case sort != "":
		list, err = x.first(n, &w, order, most)
	default:
		list, next, err = x.page(n, &w, cursor, most)
		if err != nil {
			return nil, err
		}
		return x.withNetwork(list, next)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, order)
	list, next = behind(list, cursor, most)
	return x.withNetwork(list, next)
}

// withNetwork is a page of sockets, after a look at their connections.
func (x *call) withNetwork(list []loop.SocketStatus, next string) (any, error) {
	sockets := make([]*loop.Socket, len(list))
	for i, s := range list {
		sockets[i] = s.Socket
	}
	known, err := x.node.Server.Status(x.ctx, sockets)
	if err != nil {
		return nil, err
	}
	networks := make(map[*loop.Socket]loop.Network, len(known))
	for _, s := range known {
		networks[s.Socket] = s.Network
	}
	for i := range list {
		list[i].Network = networks[list[i].Socket]
	}
	return x.items(list, next), nil
}

// orders are the orders of lists of sockets, the interesting ones first.
var orders = map[string]func(a, b loop.SocketStatus) int{
	"pending": func(a, b loop.SocketStatus) int {
		return cmp.Or(cmp.Compare(b.Buffered, a.Buffered), bySID(a, b))
	},
	"connected_at": func(a, b loop.SocketStatus) int {
		return cmp.Or(since(b.Socket).Compare(since(a.Socket)), bySID(a, b))
	},
}

func bySID(a, b loop.SocketStatus) int { return cmp.Compare(a.Socket.ID(), b.Socket.ID()) }

// since is when a socket connected.
func since(s *loop.Socket) time.Time {
	if st := session.Of(s); st != nil {
		return st.Since
	}
	return time.Time{}
}

// inRoom are the sockets in a room, or of a user, that are wanted.
func (x *call) inRoom(n *loop.Namespace, room string, w *wanted) ([]loop.SocketStatus, error) {
	if room == "" {
		room = session.UserRoom(w.user)
	}
	sockets, err := n.To(room).Local().Sockets(x.ctx)
	if err != nil {
		return nil, err
	}
	sockets = slices.DeleteFunc(sockets, func(s *loop.Socket) bool { return !w.has(s) })
	return n.Server().Status(x.ctx, sockets)
}

// behind is the part of a sorted list behind the socket that a cursor names, and
// the cursor of the next part.
func behind(list []loop.SocketStatus, cursor string, most int) ([]loop.SocketStatus, string) {
	if cursor != "" {
		i := slices.IndexFunc(list, func(s loop.SocketStatus) bool { return s.Socket.ID() == cursor })
		list = list[i+1:]
	}
	if len(list) <= most {
		return list, ""
	}
	return list[:most], list[most-1].Socket.ID()
}

// first looks at all sockets of a namespace and keeps the first in an order.
func (x *call) first(n *loop.Namespace, w *wanted, order func(a, b loop.SocketStatus) int, most int) (list []loop.SocketStatus, err error) {
	for at, begun := loop.Cursor(0), false; !begun || at != 0; begun = true {
		var part []loop.SocketStatus
		if part, at, err = n.Scan(x.ctx, at, scanPage); err != nil {
			return nil, err
		}
		for _, s := range part {
			if w.has(s.Socket) {
				list = append(list, s)
			}
		}
		slices.SortFunc(list, order)
		list = list[:min(len(list), most)]
	}
	return list, nil
}

// page looks at sockets from a place on until enough are found.
func (x *call) page(n *loop.Namespace, w *wanted, cursor string, most int) (list []loop.SocketStatus, next string, err error) {
	at := loop.Cursor(0)
	if cursor != "" {
		c, err := strconv.ParseUint(cursor, 36, 64)
		if err != nil {
			return nil, "", invalid("cursor", "it is none of a list like this")
		}
		at = loop.Cursor(c)
	}
	for begun := false; len(list) < most && (!begun || at != 0); begun = true {
		var part []loop.SocketStatus
		if part, at, err = n.Scan(x.ctx, at, most-len(list)); err != nil {
			return nil, "", err
		}
		for _, s := range part {
			if w.has(s.Socket) {
				list = append(list, s)
			}
		}
	}
	if at != 0 {
		next = strconv.FormatUint(uint64(at), 36)
	}
	return list, next, nil
}

// items are sockets as they are listed.
func (x *call) items(list []loop.SocketStatus, next string) listed[socketItem] {
	items := make([]socketItem, 0, len(list))
	for _, s := range list {
		items = append(items, x.socketOf(s, listRooms))
	}
	return listed[socketItem]{items, next}
}

// rates tells what the kernel knows: the round trip time, and bytes a second since
// the socket connected.
func (i *socketItem) rates(n loop.Network) {
	i.RTT = float64(n.RTT.Microseconds()) / 1000
	if age := time.Since(i.ConnectedAt).Seconds(); age > 0 && !i.ConnectedAt.IsZero() {
		i.InRate, i.OutRate = math.Round(float64(n.BytesIn)/age), math.Round(float64(n.BytesOut)/age)
	}
}

// Limits of sample_ms.
const (
	sampleLeast = 100 * time.Millisecond
	sampleMost  = 10 * time.Second
)

// sample is over how long rates are to be measured, 0 for the time since the
// connect.
func (x *call) sample() (time.Duration, error) {
	text := x.r.URL.Query().Get("sample_ms")
	if text == "" {
		return 0, nil
	}
	ms, err := strconv.Atoi(text)
	d := time.Duration(ms) * time.Millisecond
	if err != nil || d < sampleLeast || d > sampleMost {
		return 0, invalid("sample_ms", "it is %q, it must be %d to %d", text, sampleLeast.Milliseconds(), sampleMost.Milliseconds())
	}
	return d, nil
}

// measure waits and tells the rates meanwhile, of a socket whose connection was
// like n before.
func (x *call) measure(s *loop.Socket, i *socketItem, n loop.Network, over time.Duration) error {
	begun := time.Now()
	select {
	case <-time.After(over):
	case <-x.ctx.Done():
		return x.ctx.Err()
	}
	list, err := x.node.Server.Status(x.ctx, []*loop.Socket{s})
	if err != nil || len(list) == 0 {
		return err
	}
	took, now := time.Since(begun).Seconds(), list[0].Network
	if now.BytesIn >= n.BytesIn && now.BytesOut >= n.BytesOut { // else it has another connection
		i.InRate, i.OutRate = math.Round(float64(now.BytesIn-n.BytesIn)/took), math.Round(float64(now.BytesOut-n.BytesOut)/took)
	}
	return nil
}

// socketOf is a socket with so many of its rooms.
func (x *call) socketOf(s loop.SocketStatus, rooms int) socketItem {
	i := socketItem{
		SID: s.Socket.ID(), ConnID: session.ConnID(x.node.ID, s.Socket), Namespace: s.Socket.Namespace().Name(), Transport: s.Socket.Transport(),
		PendingBytes: s.Buffered, StalledMS: s.Stalled.Milliseconds(),
	}
	i.Rooms = visible(s.Socket.Rooms())
	if len(i.Rooms) > rooms {
		i.Rooms = i.Rooms[:rooms]
	}
	if st := session.Of(s.Socket); st != nil {
		i.User, i.IP, i.ConnectedAt, i.Data = st.User, st.IP, st.Since, st.Data()
	}
	i.rates(s.Network)
	return i
}

func (x *call) socket() (any, error) {
	sid := x.r.PathValue("sid")
	sample, err := x.sample()
	if err != nil {
		return nil, err
	}
	for _, n := range x.reachable() {
		sockets, err := n.To(sid).Local().Sockets(x.ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range sockets {
			if s.ID() != sid {
				continue // the sid is the name of a room
			}
			list, err := n.Server().Status(x.ctx, []*loop.Socket{s})
			if err != nil {
				return nil, err
			}
			if len(list) == 1 {
				i := x.socketOf(list[0], mostNames)
				if sample > 0 {
					err = x.measure(s, &i, list[0].Network, sample)
				}
				return i, err
			}
		}
	}
	return nil, fail(codeNotFound, "this node has no socket %q in a namespace that the key may touch", sid)
}

// slowItem is a socket for which much waits.
type slowItem struct {
	SID          string `json:"sid"`
	Namespace    string `json:"namespace"`
	User         string `json:"user,omitempty"`
	Transport    string `json:"transport"`
	PendingBytes int    `json:"pending_bytes"`
	StalledMS    int64  `json:"stalled_ms"`
	Dropped      uint64 `json:"dropped"` // events, since it does not keep up
}

// slowResult is the clients for which most waits, and what becomes of them.
type slowResult struct {
	Policy  string     `json:"policy"`
	Clients int        `json:"clients"` // for which something waits
	Bytes   int        `json:"bytes"`
	Items   []slowItem `json:"items"`
}

func (x *call) slow() (any, error) {
	most, err := x.limit()
	if err != nil {
		return nil, err
	}
	q, err := x.node.Server.Queues(x.ctx, most)
	if err != nil {
		return nil, err
	}
	r := slowResult{Policy: x.node.Config().SlowConsumers.Policy, Clients: q.Clients, Bytes: q.Bytes, Items: []slowItem{}}
	for _, s := range q.Longest {
		if i := x.socketOf(s, 0); x.key.reaches(i.Namespace) {
			r.Items = append(r.Items, slowItem{i.SID, i.Namespace, i.User, i.Transport, i.PendingBytes, i.StalledMS, s.Dropped})
		}
	}
	return r, nil
}
