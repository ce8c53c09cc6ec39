// The scenarios: what each one makes of a Spec.

package coord

import (
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/stamp"
)

// Scenarios are the names of all scenarios of a single run.
var Scenarios = []string{
	"connect", "idle", "echo", "broadcast", "rooms", "polling", "upgrade", "deflate", "churn", "storm", "slow", "mix", "api",
}

// defaults are what a scenario takes where the Spec says nothing.
var defaults = map[string]Spec{
	"connect":   {N: 5000, ConnectRate: 2000, Hold: seconds(2)},
	"idle":      {N: 18000, Hold: seconds(30), Settle: seconds(5)},
	"echo":      {N: 1000, Rate: 20000, Size: 128},
	"broadcast": {N: 10000, Rate: 10, Size: 256, Senders: 1},
	"rooms":     {N: 10000, RoomSize: 20, Rate: 500, Size: 128},
	"polling":   {N: 2000, Rate: 2000, Size: 128, Transport: job.Polling},
	"upgrade":   {N: 5000, ConnectRate: 500, Inflight: 2, Size: 64, Transport: job.Upgrade},
	"deflate":   {N: 500, Rate: 2000, Size: 1024, Payload: "json", Compress: 1024},
	"churn":     {N: 2000, Rate: 1000, Churn: 500, Mode: "fin", Size: 64, Settle: seconds(2)},
	"storm":     {N: 10000, Rate: 500, Cause: "client-drop", Size: 64, Duration: seconds(20)},
	"slow":      {N: 1000, Rate: 50, Size: 1024, Slow: 2, Senders: 1, Duration: seconds(20)},
	"mix":       {N: 2000, Profile: "chat", Size: 128},
	"api":       {N: 1000, Rate: 50, Size: 256, APILinks: 8},
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }

// part is one flow of a profile: so many messages a second for 1,000 sessions.
type part struct {
	kind     string
	per1000  float64
	size     int
	roomSize int
}

// profiles are the mixes.
var profiles = map[string][]part{
	// People talk in rooms, servers acknowledge, now and then all are told.
	"chat": {{job.Room, 50, 256, 20}, {job.Ack, 200, 128, 20}, {job.Bcast, 0.5, 256, 20}},
	// Prices go to everybody all the time, orders are acknowledged.
	"trading": {{job.Bcast, 10, 128, 0}, {job.Ack, 100, 256, 0}},
	// Rare messages to everybody, clients mostly silent.
	"notify": {{job.Bcast, 1, 512, 0}, {job.Echo, 10, 64, 0}},
	// Small rooms with a high rate in each.
	"game": {{job.Room, 1000, 64, 4}, {job.Echo, 100, 64, 4}},
}

// Profiles are the names of the mixes.
func Profiles() []string {
	names := make([]string, 0, len(profiles))
	for n := range profiles {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Complete fills in the defaults of the scenario, and an address for a server
// that is to be started here, and refuses what makes no sense.
func (s *Spec) Complete() error {
	d, ok := defaults[s.Scenario]
	if !ok {
		return usage("there is no scenario %q; there are %s", s.Scenario, strings.Join(Scenarios, ", "))
	}
	if len(s.URLs) == 0 && strings.Contains(s.ServerCmd, ListenMark) {
		addr, err := FreeAddress(max(s.Servers, 1))
		if err != nil {
			return err
		}
		s.URLs = []string{"http://" + addr}
	}
	s.fill(&d)
	s.fill(&Spec{
		Size: 128, Payload: "zero", Turn: 1, Inflight: 1, Transport: job.WebSocket, EIO: 4, Namespace: "/",
		Duration: seconds(10), Warmup: seconds(2), Drain: seconds(5), Settle: seconds(1), ConnectTimeout: seconds(20),
		MinConnected: 99.9, Seed: 1, APILinks: 8, Mode: "fin", Cause: "client-drop",
	})
	if s.Scenario == "upgrade" {
		// It ends when all have sent what they had to; this is for those that cannot.
		s.Duration = max(s.Duration, Duration(float64(s.N)/max(s.ConnectRate, 1)*1e9)+seconds(10))
	}
	if s.Scenario == "upgrade" || s.Scenario == "connect" || s.Scenario == "idle" {
		s.Warmup = 0
	}
	if s.ConnectRate == 0 && s.Scenario != "connect" && s.Scenario != "upgrade" {
		s.ConnectRate = 4000
	}
	return s.check()
}

// fill takes over from d what s does not say.
func (s *Spec) fill(d *Spec) {
	fillFrom(&s.N, d.N)
	fillFrom(&s.ConnectRate, d.ConnectRate)
	fillFrom(&s.Rate, d.Rate)
	fillFrom(&s.Size, d.Size)
	fillFrom(&s.Payload, d.Payload)
	fillFrom(&s.Inflight, d.Inflight)
	fillFrom(&s.Turn, d.Turn)
	fillFrom(&s.Senders, d.Senders)
	fillFrom(&s.RoomSize, d.RoomSize)
	fillFrom(&s.Profile, d.Profile)
	fillFrom(&s.Transport, d.Transport)
	fillFrom(&s.EIO, d.EIO)
	fillFrom(&s.Namespace, d.Namespace)
	fillFrom(&s.Duration, d.Duration)
	fillFrom(&s.Warmup, d.Warmup)
	fillFrom(&s.Drain, d.Drain)
	fillFrom(&s.Hold, d.Hold)
	fillFrom(&s.Settle, d.Settle)
	fillFrom(&s.ConnectTimeout, d.ConnectTimeout)
	fillFrom(&s.Churn, d.Churn)
	fillFrom(&s.Mode, d.Mode)
	fillFrom(&s.Cause, d.Cause)
	fillFrom(&s.Slow, d.Slow)
	fillFrom(&s.Compress, d.Compress)
	fillFrom(&s.MinConnected, d.MinConnected)
	fillFrom(&s.Seed, d.Seed)
	fillFrom(&s.APILinks, d.APILinks)
}

func fillFrom[T comparable](v *T, from T) {
	var zero T
	if *v == zero {
		*v = from
	}
}

// check refuses impossible values, each with one sentence.
func (s *Spec) check() error {
	raw := s.Transport == job.RawWS || s.Transport == job.RawTCP
	transports := []string{job.WebSocket, job.Polling, job.Upgrade, job.RawWS, job.RawTCP}
	switch {
	case len(s.URLs) == 0 && s.Scenario != "calibrate":
		return usage("no URL is given; say where the server is, for example http://127.0.0.1:3000")
	case s.N < 1 || s.N > stamp.MaxSender:
		return usage("-n %d is not between 1 and %d", s.N, stamp.MaxSender)
	case !slices.Contains(transports, s.Transport):
		return usage("--transport %q is unknown; there are %s", s.Transport, strings.Join(transports, ", "))
	case s.EIO != 3 && s.EIO != 4:
		return usage("--eio %d is unknown; Engine.IO has the revisions 3 and 4 here", s.EIO)
	case s.Size < stamp.Size || s.Size > 1<<20:
		return usage("--size %d is not between %d, which the stamp needs, and 1048576", s.Size, stamp.Size)
	case !slices.Contains([]string{"zero", "text", "random", "json"}, s.Payload):
		return usage("--payload %q is unknown; there are zero, text, random, json", s.Payload)
	case s.Turn < 1 || s.Inflight < 1:
		return usage("--turn and --inflight are at least 1")
	case s.Rate < 0 || s.ConnectRate < 0 || s.Churn < 0:
		return usage("a rate cannot be negative")
	case raw && !slices.Contains([]string{"connect", "idle", "echo", "broadcast"}, s.Scenario):
		return usage("--transport %s goes with connect, idle, echo and broadcast only: the rest needs Socket.IO", s.Transport)
	case raw && s.Ack:
		return usage("--ack needs Socket.IO, --transport %s has no acknowledgements", s.Transport)
	case s.Across && s.Scenario != "broadcast":
		return usage("--across goes with broadcast only: it is about messages from one server to the others")
	case s.Slow < 0 || s.Slow > 50:
		return usage("--slow %g is not between 0 and 50 percent", s.Slow)
	case !slices.Contains([]string{"fin", "rst", "packet"}, s.Mode):
		return usage("--mode %q is unknown; there are fin, rst, packet", s.Mode)
	case !slices.Contains([]string{"client-drop", "server-kill", "server-drain"}, s.Cause):
		return usage("--cause %q is unknown; there are client-drop, server-kill, server-drain", s.Cause)
	case strings.HasPrefix(s.Cause, "server") && s.Scenario == "storm" && s.ServerCmd == "":
		return usage("--cause %s needs --server-cmd: only a server that was started here can be ended and started again", s.Cause)
	case s.Scenario == "mix" && profiles[s.Profile] == nil:
		return usage("--profile %q is unknown; there are %s", s.Profile, strings.Join(Profiles(), ", "))
	case s.Scenario == "api" && s.API == "":
		return usage("the scenario api needs --api URL, where publications go")
	case s.Auth != "" && !strings.HasPrefix(s.Auth, "{"):
		return usage("--auth is a JSON object, for example {\"token\":\"x\"}")
	}
	return nil
}

// streams are the flows of the scenario.
func (s *Spec) streams() []job.Stream {
	one := job.Stream{Rate: s.Rate, Turn: s.Turn, Poisson: s.Poisson, Closed: s.Closed, Depth: s.Inflight, Size: s.Size, Payload: s.Payload}
	one.Kind = job.Echo
	if s.Ack {
		one.Kind = job.Ack
	}
	switch s.Scenario {
	case "connect", "idle":
		if s.Transport == job.RawTCP {
			// A raw connection has nothing but its stream.
			one.Rate = 0
			return []job.Stream{one}
		}
		return nil
	case "broadcast", "slow":
		one.Kind, one.Senders, one.Closed = job.Bcast, s.Senders, false
	case "rooms":
		one.Kind, one.Closed = job.Room, false
	case "api":
		one.Kind, one.Closed = job.API, false
	case "upgrade":
		one.Closed, one.AtOnce, one.Limit = true, true, 20
	case "mix":
		return s.mix()
	}
	return []job.Stream{one}
}

// mix are the flows of a profile, in proportion to the sessions.
func (s *Spec) mix() []job.Stream {
	var all []job.Stream
	for _, p := range profiles[s.Profile] {
		rate := p.per1000 * float64(s.N) / 1000
		if s.Rate > 0 {
			rate *= s.Rate
		}
		all = append(all, job.Stream{Kind: p.kind, Rate: rate, Turn: 1, Poisson: s.Poisson, Size: p.size, Payload: "text", Senders: 1})
	}
	return all
}

// roomSize is how many sessions share a room, 0 if nobody is in one.
func (s *Spec) roomSize() int {
	switch s.Scenario {
	case "rooms":
		return s.RoomSize
	case "mix":
		return profiles[s.Profile][0].roomSize
	}
	return 0
}

// offered is how many messages a second shall be sent, and delivered.
func (s *Spec) offered() (sent, delivered float64) {
	for _, f := range s.streams() {
		if f.Closed {
			continue
		}
		sent += f.Rate
		switch f.Kind {
		case job.Bcast, job.API:
			delivered += f.Rate * float64(s.N)
		case job.Room:
			delivered += f.Rate * float64(s.roomSize())
		default:
			delivered += f.Rate
		}
	}
	return sent, delivered
}
