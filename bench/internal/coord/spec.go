// What a user asks for.

package coord

import (
	"errors"
	"fmt"
	"time"
)

// The exit codes of the command.
const (
	ExitOK        = 0
	ExitInternal  = 1
	ExitUsage     = 2
	ExitSLO       = 3
	ExitInvalid   = 4
	ExitTarget    = 5
	ExitRegress   = 6
	ExitInterrupt = 130
)

// Error is a fault with the exit code that belongs to it and a sentence that
// says what to do.
type Error struct {
	Code int
	Text string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Text }

// usage, unreachable and internal make Errors.
func usage(format string, a ...any) error { return &Error{ExitUsage, fmt.Sprintf(format, a...)} }

func unreachable(format string, a ...any) error {
	return &Error{ExitTarget, fmt.Sprintf(format, a...)}
}

func internal(format string, a ...any) error { return &Error{ExitInternal, fmt.Sprintf(format, a...)} }

// CodeOf is the exit code of an error.
func CodeOf(err error) int {
	var e *Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.Code
	}
	return ExitInternal
}

// Spec is one run. The names in JSON are those of the command's flags and of
// the suites. Rates are per second over everything; 0 is the scenario's default.
type Spec struct {
	Scenario string   `json:"scenario"`
	Name     string   `json:"name,omitempty"`
	URLs     []string `json:"url,omitempty"`

	N           int     `json:"n,omitempty"`
	ConnectRate float64 `json:"connect-rate,omitempty"`
	Rate        float64 `json:"rate,omitempty"`
	Size        int     `json:"size,omitempty"`
	Payload     string  `json:"payload,omitempty"`
	Ack         bool    `json:"ack,omitempty"`
	Closed      bool    `json:"closed,omitempty"`
	Inflight    int     `json:"inflight,omitempty"`
	Turn        int     `json:"turn,omitempty"`
	Senders     int     `json:"senders,omitempty"`
	Poisson     bool    `json:"poisson,omitempty"`
	RoomSize    int     `json:"room-size,omitempty"`
	Profile     string  `json:"profile,omitempty"`

	Transport string   `json:"transport,omitempty"`
	EIO       int      `json:"eio,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Auth      string   `json:"auth,omitempty"`
	Headers   []string `json:"header,omitempty"`
	ZeroMask  bool     `json:"zero-mask,omitempty"`

	Duration       Duration `json:"duration,omitempty"`
	Warmup         Duration `json:"warmup,omitempty"`
	Drain          Duration `json:"drain,omitempty"`
	Hold           Duration `json:"hold,omitempty"`
	Settle         Duration `json:"settle,omitempty"`
	ConnectTimeout Duration `json:"connect-timeout,omitempty"`

	Churn    float64 `json:"churn,omitempty"`
	Mode     string  `json:"mode,omitempty"`
	Cause    string  `json:"cause,omitempty"`
	Slow     float64 `json:"slow,omitempty"`
	ReadRate int     `json:"read-rate,omitempty"`
	Compress int     `json:"compress,omitempty"`
	Takeover bool    `json:"takeover,omitempty"`
	API      string  `json:"api,omitempty"`
	APIKey   string  `json:"-"`
	APILinks int     `json:"api-links,omitempty"`

	Procs        int      `json:"procs,omitempty"`
	SourceIPs    string   `json:"source-ips,omitempty"`
	ServerPIDs   []int    `json:"server-pid,omitempty"`
	ServerCmd    string   `json:"server-cmd,omitempty"`
	Servers      int      `json:"servers,omitempty"`
	Across       bool     `json:"across,omitempty"`
	ServerCPUs   string   `json:"server-cpus,omitempty"`
	ClientCPUs   string   `json:"client-cpus,omitempty"`
	MinConnected float64  `json:"min-connected,omitempty"`
	Seed         uint64   `json:"seed,omitempty"`
	OwnHost      bool     `json:"i-own-this-host,omitempty"`
	SLO          string   `json:"slo,omitempty"`
	AbortOnFail  Duration `json:"abort-on-fail,omitempty"`

	Labels map[string]string `json:"label,omitempty"`
}

// Duration is a time.Duration that JSON and YAML write like "30s".
type Duration time.Duration

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads it.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

func (d Duration) std() time.Duration { return time.Duration(d) }
