// Part: the namespace that the official admin UI connects to, and who may.

// Package instrument speaks the protocol of the official admin UI
// (@socket.io/admin-ui), so that its page, hosted by anybody, shows this server
// too. In mode production it tells sums only, every two seconds; in mode
// development it also tells of each socket, room and event, up to a limit.
package instrument

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

const (
	interval    = 2 * time.Second // between two reports, as in the reference
	sessionTime = 24 * time.Hour
	maxSessions = 1000 // the oldest gives way
	// maxChecks is how many passwords are compared at once; each costs a processor
	// some tens of milliseconds.
	maxChecks = 2
)

// errCredentials is what the page knows a failed log-in by.
var errCredentials = &loop.Error{Message: "invalid credentials"}

// Part is the admin namespace.
type Part struct {
	c      config.Instrument
	node   *node.Node
	admin  *loop.Namespace
	others []*loop.Namespace // whose sockets are shown
	host   string
	checks chan struct{}
	end    context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	sessions map[string]time.Time // until when
}

// New makes the part.
func New(c config.Instrument) *Part {
	return &Part{c: c, checks: make(chan struct{}, maxChecks), sessions: map[string]time.Time{}, done: make(chan struct{})}
}

// Start implements [node.Part].
func (p *Part) Start(ctx context.Context, n *node.Node) error {
	p.node = n
	p.host, _ = os.Hostname()
	p.admin = n.Server.Of(p.c.Namespace)
	for _, ns := range n.Config().Namespaces {
		if ns.Name != p.c.Namespace {
			p.others = append(p.others, n.Server.Of(ns.Name))
		}
	}
	p.admin.Use(p.logIn)
	p.admin.OnConnection(p.greet)
	p.commands()
	if p.c.Mode == "development" {
		for _, ns := range p.others {
			p.watch(ns)
		}
	}
	ctx, p.end = context.WithCancel(ctx)
	go p.report(ctx)
	return nil
}

// Prepare implements [node.Part]: everything here needs a restart.
func (p *Part) Prepare(*config.Config) (apply func(), err error) { return nil, nil }

// Stop implements [node.Part].
func (p *Part) Stop(context.Context) error {
	p.end()
	<-p.done
	return nil
}

// logIn lets a page in that knows the password, or the session it was given for it.
func (p *Part) logIn(s *loop.Socket) error {
	var auth struct{ Username, Password, SessionID string }
	if s.Handshake().Auth(&auth) != nil {
		return errCredentials
	}
	if auth.SessionID != "" && p.known(auth.SessionID, time.Now()) {
		return nil
	}
	select {
	case p.checks <- struct{}{}:
	default: // waiting would take handlers away from everybody else
		return &loop.Error{Message: "too many log-ins at once, try again"}
	}
	wrong := bcrypt.CompareHashAndPassword([]byte(p.c.Password), []byte(auth.Password))
	<-p.checks
	if wrong != nil || subtle.ConstantTimeCompare([]byte(auth.Username), []byte(p.c.Username)) != 1 {
		return errCredentials
	}
	return s.Emit("session", p.open(time.Now()))
}

// open makes a session.
func (p *Part) open(now time.Time) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	id := hex.EncodeToString(b[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest string
	for s, until := range p.sessions {
		if until.Before(now) {
			delete(p.sessions, s)
		} else if oldest == "" || until.Before(p.sessions[oldest]) {
			oldest = s
		}
	}
	if len(p.sessions) >= maxSessions {
		delete(p.sessions, oldest)
	}
	p.sessions[id] = now.Add(sessionTime)
	return id
}

// known reports whether there is such a session.
func (p *Part) known(id string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[id].After(now)
}

// features are what the page may offer.
func (p *Part) features() []string {
	f := []string{"AGGREGATED_EVENTS"}
	if !p.c.ReadOnly {
		f = append(f, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	if p.c.Mode == "development" {
		f = append(f, "ALL_EVENTS")
	}
	return f
}

// greet tells a page what there is.
func (p *Part) greet(s *loop.Socket) {
	_ = s.Emit("config", map[string]any{"supportedFeatures": p.features()}) // one that has gone needs no word
	if p.c.Mode == "development" {
		list, err := p.all(s.Context())
		if err != nil {
			p.node.Log.Warn("the admin UI does not get the list of sockets", "error", err)
			return
		}
		_ = s.Emit("all_sockets", list)
	}
}

// report tells every page the sums, now and again.
func (p *Part) report(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var before loop.Stats
	for first := true; ; first = false {
		now, err := p.node.Server.Stats(ctx)
		if err == nil {
			_ = p.admin.Emit("server_stats", p.stats(time.Now(), now, before, first))
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// serverStats are the sums of a server.
type serverStats struct {
	ServerID         string           `json:"serverId"`
	Hostname         string           `json:"hostname"`
	PID              int              `json:"pid"`
	Uptime           float64          `json:"uptime"` // seconds
	Clients          int              `json:"clientsCount"`
	PollingClients   int              `json:"pollingClientsCount"`
	AggregatedEvents []aggregated     `json:"aggregatedEvents"`
	Namespaces       []namespaceStats `json:"namespaces"`
}

// aggregated is how often something has happened since the last report.
type aggregated struct {
	Timestamp int64  `json:"timestamp"` // milliseconds, of a whole second
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     uint64 `json:"count"`
}

type namespaceStats struct {
	Name    string `json:"name"`
	Sockets int    `json:"socketsCount"`
}

// stats puts a report together. The first has no counts, as there is nothing to
// compare with.
func (p *Part) stats(at time.Time, now, before loop.Stats, first bool) serverStats {
	st := serverStats{
		ServerID: p.node.ID, Hostname: p.host, PID: os.Getpid(), Uptime: at.Sub(p.node.Started).Seconds(),
		Clients: now.Sessions, PollingClients: now.Transports[loop.Polling].Sessions, AggregatedEvents: []aggregated{},
	}
	for _, ns := range append([]*loop.Namespace{p.admin}, p.others...) {
		st.Namespaces = append(st.Namespaces, namespaceStats{ns.Name(), ns.ConnectedSockets()})
	}
	if first {
		return st
	}
	add := func(kind, sub string, now, before uint64) {
		if now > before {
			st.AggregatedEvents = append(st.AggregatedEvents, aggregated{at.Truncate(time.Second).UnixMilli(), kind, sub, now - before})
		}
	}
	add("rawConnection", "", now.SessionsOpened, before.SessionsOpened)
	for name, t := range now.Transports {
		for reason, n := range t.Closed {
			add("rawDisconnection", string(reason), n, before.Transports[name].Closed[reason])
		}
	}
	add("packetsIn", "", now.MessagesIn, before.MessagesIn)
	add("packetsOut", "", now.MessagesOut, before.MessagesOut)
	add("bytesIn", "", now.BytesIn, before.BytesIn)
	add("bytesOut", "", now.BytesOut, before.BytesOut)
	return st
}

// namespace finds the one that a page names.
func (p *Part) namespace(name string) (*loop.Namespace, error) {
	for _, ns := range p.others {
		if ns.Name() == name {
			return ns, nil
		}
	}
	if name == p.admin.Name() {
		return p.admin, nil
	}
	return nil, fmt.Errorf("there is no namespace %q", name)
}
