// What a worker tells the coordinator.

package job

// The events of a Report.
const (
	Tick      = "tick"      // time has passed
	Connected = "connected" // every session is up or has failed
	Drained   = "drained"   // the run is over and what was to come has come
	Bye       = "bye"       // the worker ends
	Fault     = "fault"     // the worker cannot go on; Error says why
)

// Report is a line from a worker. Counters grow from its start, Hists hold what
// came since the report before.
type Report struct {
	Event  string `json:"event"`
	AtNs   int64  `json:"at_ns"`
	Worker int    `json:"worker"`
	Error  string `json:"error,omitempty"`

	Up         int `json:"up"`
	Connecting int `json:"connecting"`
	// Opened counts sessions that came up, Failed attempts that did not, Dropped
	// sessions that ended without being asked to.
	Opened  uint64 `json:"opened"`
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"`
	Churned uint64 `json:"churned"`
	// Slow is sessions that were made slow, Cut those of them that the server
	// ended.
	Slow     uint64 `json:"slow"`
	Cut      uint64 `json:"cut"`
	Upgraded uint64 `json:"upgraded"`
	// Deflated counts messages that arrived compressed; the bytes are those
	// before and after inflating.
	Deflated      uint64 `json:"deflated"`
	DeflatedBytes uint64 `json:"deflated_bytes"`
	InflatedBytes uint64 `json:"inflated_bytes"`
	BytesIn       uint64 `json:"bytes_in"`
	BytesOut      uint64 `json:"bytes_out"`
	Requests      uint64 `json:"requests"`
	Pings         uint64 `json:"pings"`

	Streams []Count           `json:"streams"`
	Errors  map[string]uint64 `json:"errors,omitempty"`
	Hists   map[string]string `json:"hists,omitempty"`
	// Lasts are messages to everybody that have reached all of this worker's
	// sessions.
	Lasts []Last `json:"lasts,omitempty"`
	// Senders is told with Drained, for streams of many receivers.
	Senders []Sender `json:"senders,omitempty"`

	CPUNs int64 `json:"cpu_ns"`
	// WaitNs is how long the loop was ready to run while others had the
	// processor.
	WaitNs   int64 `json:"wait_ns"`
	RSSBytes int64 `json:"rss_bytes"`
}

// Count is the state of one stream at one worker.
type Count struct {
	Sent uint64 `json:"sent"`
	// Measured is those of Sent that were due within the window, Answered the
	// deliveries of such. Window is all deliveries that came within it, whenever
	// they were due: the rate that the server kept.
	Measured   uint64 `json:"measured"`
	Answered   uint64 `json:"answered"`
	Window     uint64 `json:"window"`
	Received   uint64 `json:"received"`
	Unique     uint64 `json:"unique"`
	Duplicates uint64 `json:"duplicates"`
	Reordered  uint64 `json:"reordered"`
	Stale      uint64 `json:"stale"`
	// Abandoned messages were on their way when their session ended. Lost ones
	// should have come back to their own sender and have not; for streams of many
	// receivers the coordinator counts them, from Senders.
	Abandoned uint64 `json:"abandoned"`
	Lost      uint64 `json:"lost"`
	// Extra counts events beside the acknowledgements that were waited for.
	Extra   uint64 `json:"extra"`
	Refused uint64 `json:"refused"`
}

// Sender is what one worker knows of one sender to many: what it sent if it is
// at home here, how many receivers here were there all the time, and how many
// different messages these got together.
type Sender struct {
	Stream    int    `json:"stream"`
	Sender    uint32 `json:"sender"`
	Sent      uint64 `json:"sent"`
	Receivers uint64 `json:"receivers"`
	Unique    uint64 `json:"unique"`
}

// Last is how long a message took to the last of one worker's receivers.
type Last struct {
	Stream int    `json:"s"`
	Sender uint32 `json:"f"`
	Seq    uint32 `json:"n"`
	Ns     int64  `json:"t"`
}
