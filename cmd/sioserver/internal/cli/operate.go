// Verbs of operators: health, tail, drain, reload, log.

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// printLine prints a value on one line.
func printLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func (a *App) healthCommand() *cobra.Command {
	var live, ready bool
	c := &cobra.Command{
		Use:   "health",
		Short: "Check whether a server is alive and ready; ends with 3 if not",
		Example: `  sioserver health
  sioserver health --live --url http://127.0.0.1:3001`,
	}
	r := a.remoteFlags(c)
	c.Flags().BoolVar(&live, "live", false, "whether it is alive: its event loops answer")
	c.Flags().BoolVar(&ready, "ready", false, "whether it wants traffic (the default)")
	c.MarkFlagsMutuallyExclusive("live", "ready")
	c.RunE = func(c *cobra.Command, _ []string) error {
		x, err := r.open("")
		if err != nil {
			return err
		}
		path := "/readyz?verbose"
		if live {
			path = "/livez?verbose"
		}
		return a.health(c.Context(), x, path, r.json)
	}
	return c
}

func (a *App) health(ctx context.Context, x *api, path string, asJSON bool) error {
	ctx, cancel := context.WithTimeout(ctx, remoteTime)
	defer cancel()
	res, err := x.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return checkError{err, false}
	}
	defer func() { _ = res.Body.Close() }()
	var h struct {
		OK     bool `json:"ok"`
		Checks []struct {
			Name   string `json:"name"`
			OK     bool   `json:"ok"`
			Detail string `json:"detail,omitempty"`
		} `json:"checks"`
	}
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		return checkError{fmt.Errorf("%s answers status %d and no JSON: is that the control plane?", x.where, res.StatusCode), false}
	}
	if asJSON {
		err = printJSON(a.Stdout, h)
	} else {
		err = table(a.Stdout, "CHECK STATE DETAIL", func(line func(...any)) {
			for _, k := range h.Checks {
				line(k.Name, map[bool]string{true: "ok", false: "FAILS"}[k.OK], k.Detail)
			}
		})
	}
	if err == nil && !h.OK {
		return failed
	}
	return err
}

func (a *App) tailCommand() *cobra.Command {
	var ns, types, event, user, sid, room, sample string
	var count int
	c := &cobra.Command{
		Use:   "tail",
		Short: "Print what happens, live",
		Example: `  sioserver tail --types 'user.*'
  sioserver tail --types event.received --event 'order.*' --sample 1/100`,
	}
	r := a.remoteFlags(c)
	f := c.Flags()
	f.StringVar(&types, "types", "", "`types` of events with commas between them, * for a part")
	f.StringVar(&ns, "ns", "", "only of this `namespace`")
	f.StringVar(&event, "event", "", "only events of clients with this `name`, * for a part")
	f.StringVar(&user, "user", "", "only of this `user`")
	f.StringVar(&sid, "sid", "", "only of this `socket`")
	f.StringVar(&room, "room", "", "only of this `room`")
	f.StringVar(&sample, "sample", "", "only a `share`, such as 1/100")
	f.IntVarP(&count, "count", "n", 0, "end after so many; 0 goes on until Ctrl-C")
	c.RunE = func(c *cobra.Command, _ []string) error {
		x, err := r.open("admin")
		if err != nil {
			return err
		}
		path := query("/api/v1/events", "types", types, "namespace", ns, "event", event, "user", user, "sid", sid, "room", room, "sample", sample)
		return a.tail(c.Context(), x, path, count, r.json)
	}
	return c
}

// tail prints events as they come.
func (a *App) tail(ctx context.Context, x *api, path string, count int, asJSON bool) error {
	res, err := x.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		var p struct{ Error problem }
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
			return fmt.Errorf("%s answers status %d", x.where, res.StatusCode)
		}
		return &p.Error
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 16<<20)
	for n := 0; lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if asJSON {
			_, _ = fmt.Fprintln(a.Stdout, data)
		} else {
			_, _ = fmt.Fprintln(a.Stdout, eventText(data))
		}
		if n++; n == count {
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("the server has ended the tail"), lines.Err())
}

// eventText is an event for people.
func eventText(data string) string {
	var e struct {
		Time                                                time.Time
		Type, Namespace, SID, User, Room, Reason, Event, IP string
		Args                                                json.RawMessage
		Dropped                                             uint64
	}
	if json.Unmarshal([]byte(data), &e) != nil || e.Type == "" {
		return data
	}
	b := strings.Builder{}
	fmt.Fprintf(&b, "%s %-22s", e.Time.Format("15:04:05.000"), e.Type)
	for _, p := range []struct{ name, value string }{
		{"ns", e.Namespace}, {"sid", e.SID}, {"user", e.User}, {"room", e.Room}, {"ip", e.IP}, {"reason", e.Reason}, {"event", e.Event}, {"args", string(e.Args)},
	} {
		if p.value != "" {
			fmt.Fprintf(&b, " %s=%s", p.name, p.value)
		}
	}
	return b.String()
}

// drainLine is how far a drain is.
type drainLine struct {
	State            string
	Total, Remaining int
	Rate             float64
	ETA              float64 `json:"eta_seconds"`
}

func (d *drainLine) show(w io.Writer) error {
	text := d.State
	if d.State != "serving" {
		text += fmt.Sprintf(", %d of %d clients are left", d.Remaining, d.Total)
	}
	if d.Rate > 0 {
		text += fmt.Sprintf(", %.0f go each second, %s to go", d.Rate, time.Duration(d.ETA)*time.Second)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func (a *App) drainCommand() *cobra.Command {
	var over time.Duration
	var rate string
	var wait, status, cancel bool
	c := &cobra.Command{
		Use:   "drain",
		Short: "Send all clients of a server away at a pace, then end it",
		Long: `Send all clients away, to come back elsewhere, and end the server. Without flags
it goes by the section drain of its configuration.`,
		Example: `  sioserver drain --over 60s --wait
  sioserver drain --status --watch
  sioserver drain --cancel`,
	}
	r := a.remoteFlags(c)
	watch := watchFlag(c)
	f := c.Flags()
	f.DurationVar(&over, "over", 0, "the `time` over which they go")
	f.StringVar(&rate, "rate", "", "how many go each second, as in `500/s`")
	f.BoolVar(&wait, "wait", false, "wait until nobody is left")
	f.BoolVar(&status, "status", false, "only tell how far it is")
	f.BoolVar(&cancel, "cancel", false, "go back into service")
	c.MarkFlagsMutuallyExclusive("status", "cancel", "over")
	c.MarkFlagsMutuallyExclusive("status", "cancel", "rate")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var d drainLine
		switch {
		case status:
			return a.repeat(c, *watch, func() error { return r.do(c, "admin", "GET", "/admin/drain", nil, &d, d.show) })
		case cancel:
			return r.do(c, "admin", "DELETE", "/admin/drain", nil, &d, d.show)
		}
		body := map[string]string{}
		if over > 0 {
			body["over"] = over.String()
		}
		if rate != "" {
			body["rate"] = rate
		}
		if err := r.do(c, "admin", "POST", "/admin/drain", body, &d, d.show); err != nil || !wait {
			return err
		}
		x, err := r.open("admin")
		if err != nil {
			return err
		}
		return a.drained(c.Context(), x)
	}
	return c
}

// drained waits for the end of a drain: the control plane goes last.
func (a *App) drained(ctx context.Context, x *api) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var d drainLine
		if _, err := x.call(ctx, http.MethodGet, "/admin/drain", nil, &d); err != nil {
			var told *problem
			if errors.As(err, &told) {
				return err
			}
			_, _ = fmt.Fprintln(a.Stdout, "the server has ended")
			return nil
		}
		if d.State == "serving" {
			return errors.New("the drain was cancelled")
		}
		if err := d.show(a.Stdout); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *App) reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "reload", Short: "Make a server read its configuration again",
		Example: "  sioserver reload\n  sioserver reload --json",
	}
	r := a.remoteFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var x struct {
			Applied      []any
			NeedsRestart []any `json:"needs_restart"`
		}
		return r.do(c, "admin", "POST", "/admin/reload", nil, &x, func(w io.Writer) error {
			for name, list := range map[string][]any{"applied": x.Applied, "needs a restart": x.NeedsRestart} {
				for _, change := range list {
					_, _ = fmt.Fprintf(w, "%s: %v\n", name, change)
				}
			}
			if len(x.Applied)+len(x.NeedsRestart) == 0 {
				_, _ = fmt.Fprintln(w, "nothing has changed")
			}
			return nil
		})
	}
	return c
}

func (a *App) logCommand() *cobra.Command {
	log := &cobra.Command{Use: "log", Short: "Change what a server logs", Example: "  sioserver log level debug --for 10m\n  sioserver log level info"}
	var d time.Duration
	c := &cobra.Command{
		Use: "level LEVEL", Short: "Change the least important level that is logged", Args: cobra.ExactArgs(1),
		ValidArgs: []string{"debug", "info", "warn", "error"},
		Example:   "  sioserver log level debug --for 10m\n  sioserver log level info",
	}
	r := a.remoteFlags(c)
	c.Flags().DurationVar(&d, "for", 0, "then it is again what it was")
	c.RunE = func(c *cobra.Command, args []string) error {
		body := map[string]string{"level": args[0]}
		if d > 0 {
			body["for"] = d.String()
		}
		var x struct{ Level, Before string }
		return r.do(c, "admin", "POST", "/admin/log-level", body, &x, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s, before %s\n", x.Level, x.Before)
			return err
		})
	}
	log.AddCommand(c)
	return log
}
