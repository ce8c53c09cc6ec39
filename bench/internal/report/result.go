// The result of a run.

package report

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sioserver/sioserver/bench/internal/proc"
)

// Schema names the form of a Result; a change that breaks readers gets another
// number.
const Schema = "siobench/result/v1"

// Result is what a run found. Latencies and times are nanoseconds, sizes bytes.
type Result struct {
	Schema   string            `json:"schema"`
	ID       string            `json:"id"`
	Started  time.Time         `json:"started"`
	Seconds  float64           `json:"seconds"`
	Scenario string            `json:"scenario"`
	Title    string            `json:"title"`
	Labels   map[string]string `json:"labels"`
	Params   json.RawMessage   `json:"params"`
	Target   Target            `json:"target"`
	Env      Env               `json:"env"`
	// Complete is false if the run was interrupted.
	Complete   bool              `json:"complete"`
	Valid      Validity          `json:"valid"`
	Summary    Summary           `json:"summary"`
	Server     *Server           `json:"server"`
	Generator  Generator         `json:"generator"`
	Series     []Point           `json:"series"`
	Heat       []HeatColumn      `json:"heat"`
	Histograms map[string]string `json:"histograms"`
	SLO        []SLO             `json:"slo"`
}

// Target is the server that was measured.
type Target struct {
	URLs    []string `json:"urls"`
	Name    string   `json:"name"`
	Version string   `json:"version"`
	PIDs    []int    `json:"pids"`
	Cmd     string   `json:"cmd"`
	CPUs    string   `json:"cpus"`
}

// Env is where it was measured, and with what.
type Env struct {
	proc.Host
	Generator string `json:"generator"`
	Revision  string `json:"revision"`
	Command   string `json:"command"`
}

// Validity says whether the numbers are the server's.
type Validity struct {
	OK       bool     `json:"ok"`
	Reasons  []string `json:"reasons"`
	Warnings []string `json:"warnings"`
}

// Latency is a distribution in nanoseconds.
type Latency struct {
	Count int64   `json:"count"`
	Min   int64   `json:"min"`
	Mean  float64 `json:"mean"`
	P1    int64   `json:"p1"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	Max   int64   `json:"max"`
}

// Summary is what the generator saw.
type Summary struct {
	// WindowSeconds is how long was measured, behind the warm-up.
	WindowSeconds float64     `json:"window_seconds"`
	Closed        bool        `json:"closed_loop"`
	Connections   Connections `json:"connections"`
	// Latency has response and service, and what else the scenario measured.
	Latency map[string]Latency `json:"latency"`
	Rates   Rates              `json:"rates"`
	// Messages of the whole run, warm-up included.
	Sent       int64 `json:"sent"`
	Expected   int64 `json:"expected"`
	Received   int64 `json:"received"`
	Loss       int64 `json:"loss"`
	Duplicates int64 `json:"duplicates"`
	Reordered  int64 `json:"reordered"`
	Stale      int64 `json:"stale"`
	Abandoned  int64 `json:"abandoned"`
	Unsent     int64 `json:"unsent"`
	Refused    int64 `json:"refused"`
	Extra      int64 `json:"extra"`
	// LossCounted is false where the number of receivers changed, so that nobody
	// can tell what should have come.
	LossCounted bool             `json:"loss_counted"`
	Streams     []Stream         `json:"streams"`
	Errors      map[string]int64 `json:"errors"`
	ErrorCount  int64            `json:"error_count"`
	Storm       *Storm           `json:"storm,omitempty"`
	Slow        *Slow            `json:"slow,omitempty"`
	Deflate     *Deflate         `json:"deflate,omitempty"`
	Churn       *Churn           `json:"churn,omitempty"`
	Upgraded    int64            `json:"upgraded"`
	Pings       int64            `json:"pings"`
	Requests    int64            `json:"requests"`
	BytesIn     int64            `json:"bytes_in"`
	BytesOut    int64            `json:"bytes_out"`
}

// Connections are the sessions of a run.
type Connections struct {
	Asked   int   `json:"asked"`
	Up      int   `json:"up"`
	Opened  int64 `json:"opened"`
	Failed  int64 `json:"failed"`
	Dropped int64 `json:"dropped"`
	// Rate is sessions opened a second, from the first to the last.
	Rate float64 `json:"rate"`
}

// Rates are messages a second in the window.
type Rates struct {
	Offered  float64 `json:"offered"`
	Sent     float64 `json:"sent"`
	Answered float64 `json:"answered"`
	// Achieved is answers that came within the window for each that was due in it:
	// below 1, the server falls behind.
	Achieved float64 `json:"achieved"`
}

// Stream is one flow of messages.
type Stream struct {
	Kind     string  `json:"kind"`
	Rate     float64 `json:"rate"`
	Size     int     `json:"size"`
	Sent     int64   `json:"sent"`
	Received int64   `json:"received"`
	Loss     int64   `json:"loss"`
	Response Latency `json:"response"`
	Service  Latency `json:"service"`
}

// Storm is how the sessions came back.
type Storm struct {
	Cause   string `json:"cause"`
	Dropped int64  `json:"dropped"`
	Back    int64  `json:"back"`
	Back90  int64  `json:"back_90"`
	Back99  int64  `json:"back_99"`
	Back100 int64  `json:"back_100"`
}

// Slow is what slow consumers did to the others.
type Slow struct {
	Slow int64 `json:"slow"`
	Cut  int64 `json:"cut"`
	// BaselineP99 is before they became slow, P99 behind, both of healthy ones.
	BaselineP99 int64   `json:"baseline_p99"`
	P99         int64   `json:"p99"`
	Ratio       float64 `json:"ratio"`
}

// Deflate is what compression saved on what came from the server.
type Deflate struct {
	Messages   int64   `json:"messages"`
	Compressed int64   `json:"compressed_bytes"`
	Inflated   int64   `json:"inflated_bytes"`
	Ratio      float64 `json:"ratio"`
}

// Churn is how many sessions were replaced, and whether memory kept growing.
type Churn struct {
	Replaced int64 `json:"replaced"`
	// SlopeMBh is the server's memory in MB per hour, with the bounds of the 95 %
	// interval of the fitted line.
	SlopeMBh          float64 `json:"rss_slope_mb_h"`
	LowMBh            float64 `json:"rss_slope_low"`
	HighMBh           float64 `json:"rss_slope_high"`
	TimeWait          int64   `json:"time_wait"`
	DescriptorsBefore int64   `json:"descriptors_before"`
	DescriptorsAfter  int64   `json:"descriptors_after"`
}

// Server is what the kernel says of the server's processes.
type Server struct {
	Processes    int     `json:"processes"`
	RSSBase      int64   `json:"rss_base"`
	RSSHold      int64   `json:"rss_hold"`
	RSSPeak      int64   `json:"rss_peak"`
	PSSBase      int64   `json:"pss_base"`
	PSSHold      int64   `json:"pss_hold"`
	RSSPerConn   float64 `json:"rss_per_conn"`
	PSSPerConn   float64 `json:"pss_per_conn"`
	KernelSlab   int64   `json:"kernel_slab"`
	KernelConn   float64 `json:"kernel_per_conn"`
	SocketBuffer int64   `json:"socket_buffers"`
	// CPUSeconds is within the window; UserShare is the part of it outside the
	// kernel.
	CPUSeconds float64 `json:"cpu_seconds"`
	CPUPercent float64 `json:"cpu_percent"`
	// WaitPercent is how long its threads were ready to run while others had the
	// processor.
	WaitPercent   float64 `json:"wait_percent"`
	UserShare     float64 `json:"user_share"`
	CPUUsPerMsg   float64 `json:"cpu_us_per_msg"`
	MsgPerCPU     float64 `json:"messages_per_cpu_second"`
	CPUUsPerConnS float64 `json:"cpu_us_per_conn_s"`
	CPUUsPerOpen  float64 `json:"cpu_us_per_open"`
	// CPUUsPerClose is of runs whose sessions only come and go, else 0.
	CPUUsPerClose  float64 `json:"cpu_us_per_close,omitempty"`
	SwitchesPerMsg float64 `json:"ctxsw_per_msg"`
	Switches       int64   `json:"ctxsw"`
	Threads        int64   `json:"threads"`
	Descriptors    int64   `json:"descriptors"`
	Overflows      int64   `json:"listen_overflows"`
	Retransmits    int64   `json:"retransmits"`
	Gone           int     `json:"gone"`
}

// Generator is what the run cost on this side.
type Generator struct {
	Processes  int     `json:"processes"`
	CPUs       string  `json:"cpus"`
	CPUPercent float64 `json:"cpu_percent"`
	WorkerMax  float64 `json:"worker_max_percent"`
	// WaitMax is the longest that a worker was ready to run while others had the
	// processor.
	WaitMax     float64 `json:"wait_max_percent"`
	CPUUsPerMsg float64 `json:"cpu_us_per_msg"`
	LagP50      int64   `json:"lag_p50"`
	LagP99      int64   `json:"lag_p99"`
	LagMax      int64   `json:"lag_max"`
	RSSBase     int64   `json:"rss_base"`
	RSSHold     int64   `json:"rss_hold"`
	RSSPerConn  float64 `json:"rss_per_conn"`
	StealTicks  int64   `json:"steal_ticks"`
}

// Point is one second.
type Point struct {
	T         float64 `json:"t"`
	Conns     int     `json:"conns"`
	Sent      float64 `json:"sent"`
	Answered  float64 `json:"answered"`
	P50       int64   `json:"p50"`
	P99       int64   `json:"p99"`
	Max       int64   `json:"max"`
	LagP99    int64   `json:"lag_p99"`
	ServerCPU float64 `json:"server_cpu"`
	ServerRSS int64   `json:"server_rss"`
	ClientCPU float64 `json:"client_cpu"`
	ClientRSS int64   `json:"client_rss"`
}

// HeatColumn is the response times of one second, counted in rows of a quarter
// of a power of two from 1 us on.
type HeatColumn struct {
	T    float64 `json:"t"`
	Rows []int64 `json:"rows"`
}

// SLO is an objective and what became of it.
type SLO struct {
	Expr  string  `json:"expr"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Text  string  `json:"text"`
	Pass  bool    `json:"pass"`
}

// Distribution sums a histogram up.
func Distribution(h *hdrhistogram.Histogram) Latency {
	if h == nil || h.TotalCount() == 0 {
		return Latency{}
	}
	v := h.ValueAtPercentilesSlice([]float64{1, 50, 90, 99, 99.9})
	return Latency{
		Count: h.TotalCount(), Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		P1: v[0], P50: v[1], P90: v[2], P99: v[3], P999: v[4],
	}
}

// Save writes the result as JSON.
func (r *Result) Save(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Load reads a result that Save wrote.
func Load(path string) (*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("report: %s is not a result: %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("report: %s has the schema %q, this program reads %q", path, r.Schema, Schema)
	}
	return r, nil
}
