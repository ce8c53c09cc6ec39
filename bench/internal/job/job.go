// What the coordinator tells a worker to do.

// Package job is the language that the coordinator and its workers speak: one
// Job, then orders, as lines of JSON on the worker's standard input; reports as
// lines of JSON on its standard output. All times are nanoseconds of
// CLOCK_MONOTONIC, which is one clock for all processes of a machine.
package job

// The transports.
const (
	WebSocket = "websocket"
	Polling   = "polling"
	Upgrade   = "upgrade"
	RawWS     = "raw-ws"
	RawTCP    = "raw-tcp"
)

// The kinds of streams.
const (
	Echo  = "echo"  // an event, which the server sends back
	Ack   = "ack"   // an event, which the server acknowledges
	Sink  = "sink"  // an event, which the server takes
	Bcast = "bcast" // an event, which the server sends to everybody
	Room  = "room"  // an event, which the server sends to the members of a room
	API   = "api"   // a publication over HTTP, which the server sends to everybody
)

// Job is what one worker does. Counts and rates are those of the whole run
// unless they say otherwise; each worker knows its part by Worker and Workers.
type Job struct {
	Worker  int `json:"worker"`
	Workers int `json:"workers"`
	// Total is the sessions of all workers. The session with index i of this
	// worker has the number Worker + i*Workers.
	Total  int    `json:"total"`
	Seed   uint64 `json:"seed"`
	Target Target `json:"target"`
	// Sources are addresses to connect from, used in turn; none leaves the choice
	// to the kernel.
	Sources []string `json:"sources"`

	// ConnectRate is new sessions a second; 0 is as fast as PendingMax allows.
	ConnectRate      float64 `json:"connect_rate"`
	PendingMax       int     `json:"pending_max"`
	ConnectTimeoutNs int64   `json:"connect_timeout_ns"`

	// RoomSize puts sessions into rooms of so many, 0 into none.
	RoomSize int      `json:"room_size"`
	Streams  []Stream `json:"streams"`
	// The run: what is due in the first WarmupNs does not count.
	WarmupNs   int64 `json:"warmup_ns"`
	DurationNs int64 `json:"duration_ns"`
	DrainNs    int64 `json:"drain_ns"`

	Deflate *Deflate `json:"deflate,omitempty"`
	Churn   *Churn   `json:"churn,omitempty"`
	Storm   *Storm   `json:"storm,omitempty"`
	Slow    *Slow    `json:"slow,omitempty"`
	Publish *Publish `json:"publish,omitempty"`
	// Reconnect brings sessions back that the server or the network ended, with
	// the official client's pauses.
	Reconnect bool `json:"reconnect"`
	ZeroMask  bool `json:"zero_mask"`
	// TickNs is how often the worker reports.
	TickNs int64 `json:"tick_ns"`
}

// Target is where the sessions go.
type Target struct {
	// Addrs are used in turn, "ip:port".
	Addrs []string `json:"addrs"`
	// Across puts the sessions that broadcast on the first address, all others on
	// the rest. Latencies are those of the others.
	Across    bool   `json:"across"`
	Host      string `json:"host"`
	Path      string `json:"path"`
	Query     string `json:"query"`
	Namespace string `json:"namespace"`
	// Auth is the JSON object sent with CONNECT, or empty.
	Auth      string   `json:"auth"`
	Headers   []string `json:"headers"`
	Revision  int      `json:"revision"`
	Transport string   `json:"transport"`
}

// Stream is a flow of messages.
type Stream struct {
	Kind string `json:"kind"`
	// Rate is messages a second over all senders. Turn messages are due at once.
	Rate float64 `json:"rate"`
	Turn int     `json:"turn"`
	// Poisson draws the gaps of the schedule instead of making them equal.
	Poisson bool `json:"poisson"`
	// Closed sends the next message when one is answered, Depth at a time for each
	// session, up to Limit for each session unless that is 0. Rate means nothing
	// then.
	Closed bool `json:"closed"`
	Depth  int  `json:"depth"`
	Limit  int  `json:"limit"`
	// AtOnce begins when a session is up instead of when the run begins.
	AtOnce bool `json:"at_once"`
	// Size is the bytes of the payload with its stamp, Payload what fills it:
	// zero, text, random or json.
	Size    int    `json:"size"`
	Payload string `json:"payload"`
	// Senders is how many sessions send, the first ones; 0 is all that may.
	Senders int `json:"senders"`
}

// Deflate asks for permessage-deflate.
type Deflate struct {
	// Takeover lets the server keep its context from message to message.
	Takeover  bool `json:"takeover"`
	Threshold int  `json:"threshold"`
	Level     int  `json:"level"`
}

// Churn replaces sessions.
type Churn struct {
	Rate float64 `json:"rate"`
	// Mode is fin, rst or packet.
	Mode string `json:"mode"`
}

// Storm ends all sessions at once, AfterNs into the run. If the server is to
// do it, the coordinator sees to that and Drop is false.
type Storm struct {
	AfterNs int64 `json:"after_ns"`
	Drop    bool  `json:"drop"`
}

// Slow lets one session in Every stop reading, AfterNs into the run.
type Slow struct {
	Every   int   `json:"every"`
	AfterNs int64 `json:"after_ns"`
	// ReadRate is bytes a second that a slow session still reads.
	ReadRate int `json:"read_rate"`
}

// Publish is where streams of the kind API go.
type Publish struct {
	Addr string `json:"addr"`
	Host string `json:"host"`
	Path string `json:"path"`
	Key  string `json:"key"`
	// Links is HTTP connections for each worker.
	Links int `json:"links"`
}

// Order is a line to a worker behind its Job.
type Order struct {
	// Do is connect, run, report (now), settle (nothing more is to come), stop
	// (early) or finish.
	Do string `json:"do"`
	// AtNs is when connecting or the run begins.
	AtNs int64 `json:"at_ns"`
}
