// Numbers: of the node, its namespaces, and the other nodes.

package control

import (
	"context"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// statsResult is what a node counts.
type statsResult struct {
	Node           nodeItem   `json:"node"`
	MaxConnections int        `json:"max_connections"`
	Stats          loop.Stats `json:"stats"`
	Queues         struct {
		Clients int `json:"clients"`
		Bytes   int `json:"bytes"`
		Longest int `json:"longest"`
	} `json:"queues"`
}

// nodeItem is a node.
type nodeItem struct {
	ID       string    `json:"id"`
	Boot     string    `json:"boot"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	UptimeMS int64     `json:"uptime_ms"`
	Sockets  int       `json:"sockets"`
	Clients  int       `json:"clients"`
	Draining bool      `json:"draining"`
}

func (x *call) stats() (any, error) {
	s := x.node.Server
	r := statsResult{Node: x.self(), MaxConnections: x.node.MaxConnections()}
	var err error
	if r.Stats, err = s.Stats(x.ctx); err != nil {
		return nil, err
	}
	q, err := s.Queues(x.ctx, 1)
	if err != nil {
		return nil, err
	}
	r.Queues.Clients, r.Queues.Bytes = q.Clients, q.Bytes
	if len(q.Longest) > 0 {
		r.Queues.Longest = q.Longest[0].Buffered
	}
	return r, nil
}

// self is this node.
func (x *call) self() nodeItem {
	n := x.node
	i := nodeItem{
		ID: n.ID, Boot: n.Boot, Version: x.opts.Version, Started: n.Started, UptimeMS: time.Since(n.Started).Milliseconds(),
		Clients: n.Server.ClientsCount(), Draining: n.Server.Draining(),
	}
	for _, name := range x.node.Config().NamespaceNames() {
		i.Sockets += n.Server.Of(name).ConnectedSockets()
	}
	return i
}

// nodesResult is the nodes of the cluster: this one, and how many there are.
type nodesResult struct {
	Self  nodeItem `json:"self"`
	Count int      `json:"count"`
}

func (x *call) nodes() (any, error) {
	ctx, cancel := context.WithTimeout(x.ctx, usersTime)
	defer cancel()
	count, err := x.node.Server.Root().ServerCount(ctx)
	return nodesResult{x.self(), count}, err
}

// namespaceItem is a namespace.
type namespaceItem struct {
	Namespace   string `json:"namespace"`
	Sockets     int    `json:"sockets"`
	Rooms       int    `json:"rooms"`
	Users       int    `json:"users"`
	Memberships int    `json:"memberships"`
}

func (x *call) namespaces() (any, error) {
	page := listed[namespaceItem]{Items: []namespaceItem{}}
	for _, n := range x.reachable() {
		i := namespaceItem{Namespace: n.Name(), Sockets: n.ConnectedSockets(), Memberships: n.Memberships()}
		i.Rooms, i.Users = session.CountRooms(n.Rooms())
		page.Items = append(page.Items, i)
	}
	return page, nil
}
