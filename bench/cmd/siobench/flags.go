// The flags of a run, and where its results go.

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
)

// output is where results go.
type output struct {
	json, html, hgrm, csv string
	progress              string
	acceptInvalid         bool
	dump                  bool
	planOnly              bool
}

func (o *output) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.json, "json", "", "write the result as JSON to this `file`")
	f.StringVar(&o.html, "html", "", "write the result as a page of HTML to this `file`")
	f.StringVar(&o.hgrm, "hgrm", "", "write the response times by percentile to this `file`")
	f.StringVar(&o.csv, "csv", "", "write the seconds of the run as CSV to this `file`")
	f.StringVar(&o.progress, "progress", "auto", "auto, live, plain or none")
	f.BoolVar(&o.acceptInvalid, "accept-invalid", false, "do not fail when the generator limited the run")
	f.BoolVar(&o.dump, "dump-one", false, "show the bytes of the first handshake")
	f.BoolVar(&o.planOnly, "plan", false, "print the plan and end")
}

// rate is a flag like 20000, 20k or 20k/s.
type rate float64

// String is the value.
func (r *rate) String() string { return fmt.Sprint(float64(*r)) }

// Type is the word for its values in the help.
func (r *rate) Type() string { return "rate" }

// Set reads a value.
func (r *rate) Set(s string) error {
	s = strings.TrimSuffix(s, "/s")
	factor := 1.0
	switch {
	case strings.HasSuffix(s, "k"):
		s, factor = s[:len(s)-1], 1e3
	case strings.HasSuffix(s, "M"):
		s, factor = s[:len(s)-1], 1e6
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%q is not a rate like 500, 20k or 20k/s", s)
	}
	*r = rate(v * factor)
	return nil
}

// duration is a flag for a coord.Duration.
type duration struct{ d *coord.Duration }

// String is the value.
func (d duration) String() string {
	if d.d == nil {
		return ""
	}
	return time.Duration(*d.d).String()
}

// Type is the word for its values in the help.
func (d duration) Type() string { return "duration" }

// Set reads a value.
func (d duration) Set(s string) error { return d.d.UnmarshalText([]byte(s)) }

// specFlags are the flags that fill a Spec.
func specFlags(c *cobra.Command, s *coord.Spec) {
	f := c.Flags()
	r := func(to *float64, name, help string) { f.Var((*rate)(to), name, help) }
	d := func(to *coord.Duration, name, help string) { f.Var(duration{to}, name, help) }
	f.StringVar(&s.Name, "name", "", "title of the run")
	f.IntVarP(&s.N, "n", "n", 0, "sessions")
	r(&s.ConnectRate, "connect-rate", "new sessions a second")
	r(&s.Rate, "rate", "messages a second over all senders (for mix: a factor)")
	f.IntVar(&s.Size, "size", 0, "bytes of the payload, its stamp of 28 included")
	f.StringVar(&s.Payload, "payload", "", "zero, text, random or json")
	f.BoolVar(&s.Ack, "ack", false, "wait for acknowledgements instead of events")
	f.BoolVar(&s.Closed, "closed", false, "closed loop: send when answered; a ceiling, not a latency")
	f.IntVar(&s.Inflight, "inflight", 0, "closed loop: messages on their way for each session")
	f.IntVar(&s.Turn, "turn", 0, "messages that are due at once")
	f.IntVar(&s.Senders, "senders", 0, "sessions that broadcast")
	f.BoolVar(&s.Poisson, "poisson", false, "draw the gaps between messages at random")
	f.IntVar(&s.RoomSize, "room-size", 0, "sessions in a room")
	f.StringVar(&s.Profile, "profile", "", "mix: "+strings.Join(coord.Profiles(), ", "))
	f.StringVar(&s.Transport, "transport", "", "websocket, polling, upgrade, raw-ws or raw-tcp")
	f.IntVar(&s.EIO, "eio", 0, "revision of Engine.IO: 4 or 3")
	f.StringVar(&s.Namespace, "namespace", "", "namespace to join")
	f.StringVar(&s.Auth, "auth", "", "JSON object sent when joining")
	f.StringArrayVar(&s.Headers, "header", nil, "header line of every handshake, \"Name: value\"")
	f.BoolVar(&s.ZeroMask, "zero-mask", false, "mask frames with zero instead of at random")
	d(&s.Duration, "duration", "length of the measurement")
	d(&s.Warmup, "warmup", "what is due in this time before does not count")
	d(&s.Drain, "drain", "wait this long for the last answers")
	d(&s.Hold, "hold", "hold the sessions this long before sending")
	d(&s.Settle, "settle", "wait this long behind connecting")
	d(&s.ConnectTimeout, "connect-timeout", "give a session this long to come up")
	r(&s.Churn, "churn", "sessions to replace a second")
	f.StringVar(&s.Mode, "mode", "", "churn: fin, rst or packet")
	f.StringVar(&s.Cause, "cause", "", "storm: client-drop, server-kill or server-drain")
	f.Float64Var(&s.Slow, "slow", 0, "percent of sessions that stop reading")
	f.IntVar(&s.ReadRate, "read-rate", 0, "bytes a second that they still read")
	f.IntVar(&s.Compress, "compress", 0, "offer permessage-deflate and use it from so many bytes on")
	f.BoolVar(&s.Takeover, "takeover", false, "let the server keep its compression context")
	f.StringVar(&s.API, "api", "", "URL for publications over HTTP")
	f.StringVar(&s.APIKey, "api-key", "", "key for it")
	f.IntVar(&s.APILinks, "api-links", 0, "HTTP connections of each process for it")
	f.IntVar(&s.Procs, "procs", 0, "worker processes; 0 is as many as the descriptors need")
	f.StringVar(&s.SourceIPs, "source-ips", "", "addresses to connect from: auto, none or a list")
	f.IntSliceVar(&s.ServerPIDs, "server-pid", nil, "processes to watch; default: those that listen on the port")
	f.StringVar(&s.ServerCmd, "server-cmd", "", "start this server first and end it after; {listen} becomes its address, a free one if there is no URL")
	f.IntVar(&s.Servers, "servers", 0, "start so many; {listen} in --server-cmd becomes the address of each")
	f.BoolVar(&s.Across, "across", false, "broadcast: senders at the first server, all others at the rest; latencies are theirs")
	f.StringVar(&s.ServerCPUs, "server-cpus", "", "processors for --server-cmd, for example 0")
	f.StringVar(&s.ClientCPUs, "client-cpus", "", "processors for the workers, for example 1")
	f.Float64Var(&s.MinConnected, "min-connected", 0, "percent of sessions that must come up")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of all that is random")
	f.BoolVar(&s.OwnHost, "i-own-this-host", false, "allow a target that is not on this machine")
	f.StringVar(&s.SLO, "slo", "", "objectives, for example p99<50ms,loss==0")
	d(&s.AbortOnFail, "abort-on-fail", "end early when an objective is missed for so long")
	f.StringToStringVar(&s.Labels, "label", nil, "k=v, kept in the result; target and version name the server")
}
