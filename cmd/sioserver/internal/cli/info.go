// info and top: what a server is like, once and over and over.

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// nodeLine is a node.
type nodeLine struct {
	ID, Boot, Version string
	Sockets, Clients  int
	Draining          bool
	UptimeMS          int64 `json:"uptime_ms"`
}

// numbers are what a server counts, as far as they are shown.
type numbers struct {
	Node           nodeLine
	MaxConnections int `json:"max_connections"`
	Stats          struct {
		Connections, Sessions, Sockets                  int
		SessionsOpened, Events, Deliveries              uint64
		MessagesIn, MessagesOut, BytesIn, BytesOut      uint64
		Connects, Disconnects, Refusals, Panics         uint64
		Recovered, ConnectionsRefused, RefusedAdmission uint64
	}
	Queues struct {
		Clients        int
		Bytes, Longest uint64
	}
}

func (a *App) infoCommand() *cobra.Command {
	c := &cobra.Command{Use: "info", Short: "Print what the server is like", Example: "  sioserver info\n  sioserver info --json | jq .stats.Events"}
	r := a.remoteFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var x numbers
		return r.do(c, "read", "GET", "/stats", nil, &x, func(w io.Writer) error {
			s := &x.Stats
			line := func(name, format string, args ...any) {
				_, _ = fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
			}
			state := "serving"
			if x.Node.Draining {
				state = "draining"
			}
			line("node", "%s, version %s, up %s, %s", x.Node.ID, x.Node.Version, (time.Duration(x.Node.UptimeMS) * time.Millisecond).Round(time.Second), state)
			line("connections", "%d of %d, %d refused", s.Connections, x.MaxConnections, s.ConnectionsRefused+s.RefusedAdmission)
			line("sessions", "%d, %d opened, %d recovered", s.Sessions, s.SessionsOpened, s.Recovered)
			line("sockets", "%d, %d joins refused", s.Sockets, s.Refusals)
			line("events", "%d in, %d deliveries of broadcasts", s.Events, s.Deliveries)
			line("traffic", "%s in, %s out", bytesText(s.BytesIn), bytesText(s.BytesOut))
			line("queues", "%s for %d clients, the longest %s", bytesText(x.Queues.Bytes), x.Queues.Clients, bytesText(x.Queues.Longest))
			line("panics", "%d", s.Panics)
			return nil
		})
	}
	return c
}

// watchFlag is the flag of verbs that can go on.
func watchFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("watch", false, "print it again every second, until Ctrl-C")
}

// clearScreen goes to the top of a terminal and erases what is below.
const clearScreen = "\x1b[H\x1b[2J"

// repeat does something once, or every second until the command is interrupted.
func (a *App) repeat(c *cobra.Command, watch bool, f func() error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if watch && a.Terminal {
			_, _ = fmt.Fprint(a.Stdout, clearScreen)
		}
		if err := f(); err != nil || !watch {
			return err
		}
		select {
		case <-tick.C:
		case <-c.Context().Done():
			return nil
		}
	}
}

func (a *App) topCommand() *cobra.Command {
	var times int
	c := &cobra.Command{
		Use: "top", Short: "Watch a server: rates, once a second",
		Example: "  sioserver top\n  sioserver top -n 10 --json",
	}
	r := a.remoteFlags(c)
	c.Flags().IntVarP(&times, "times", "n", 0, "end after so many lines; 0 goes on until Ctrl-C")
	c.RunE = func(c *cobra.Command, _ []string) error {
		x, err := r.open("read")
		if err != nil {
			return err
		}
		return a.top(c.Context(), x, times, r.json)
	}
	return c
}

// topHead are the columns of top.
const topHead = "   TIME  CONNS  SOCKETS  OPENED/s  CLOSED/s  EVENTS/s  DELIVERED/s      IN/s     OUT/s   WAITING"

// top prints a line of rates every second.
func (a *App) top(ctx context.Context, x *api, times int, asJSON bool) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before numbers
	at := time.Now()
	if _, err := x.call(ctx, "GET", "/stats", nil, &before); err != nil {
		return err
	}
	for i := 0; times == 0 || i < times; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		var now numbers
		if _, err := x.call(ctx, "GET", "/stats", nil, &now); err != nil {
			return err
		}
		since := time.Since(at).Seconds()
		at = time.Now()
		rate := func(a, b uint64) float64 { return float64(b-a) / since }
		b, n := &before.Stats, &now.Stats
		row := topRow{
			Time: at.Format(time.TimeOnly), Connections: n.Connections, Sockets: n.Sockets,
			Opened: rate(b.Connects, n.Connects), Closed: rate(b.Disconnects, n.Disconnects), Events: rate(b.Events, n.Events),
			Deliveries: rate(b.Deliveries, n.Deliveries), In: rate(b.BytesIn, n.BytesIn), Out: rate(b.BytesOut, n.BytesOut), Waiting: now.Queues.Bytes,
		}
		before = now
		if asJSON {
			if err := printLine(a.Stdout, row); err != nil {
				return err
			}
			continue
		}
		if i%20 == 0 {
			_, _ = fmt.Fprintln(a.Stdout, topHead)
		}
		_, _ = fmt.Fprintf(a.Stdout, "%s  %5d  %7d  %8.0f  %8.0f  %8.0f  %11.0f  %8s  %8s  %8s\n", row.Time, row.Connections, row.Sockets,
			row.Opened, row.Closed, row.Events, row.Deliveries, bytesText(uint64(row.In)), bytesText(uint64(row.Out)), bytesText(row.Waiting))
	}
	return nil
}

// topRow is a line of top.
type topRow struct {
	Time        string  `json:"time"`
	Connections int     `json:"connections"`
	Sockets     int     `json:"sockets"`
	Opened      float64 `json:"opened_per_second"`
	Closed      float64 `json:"closed_per_second"`
	Events      float64 `json:"events_per_second"`
	Deliveries  float64 `json:"deliveries_per_second"`
	In          float64 `json:"bytes_in_per_second"`
	Out         float64 `json:"bytes_out_per_second"`
	Waiting     uint64  `json:"waiting_bytes"`
}
