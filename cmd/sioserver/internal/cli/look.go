// Verbs that list: sockets, rooms, users, slow clients, and what the server is like.

package cli

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// table prints columns that align.
func table(w io.Writer, head string, rows func(line func(cells ...any))) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	rows(func(cells ...any) {
		texts := make([]string, len(cells))
		for i, c := range cells {
			if texts[i] = fmt.Sprint(c); texts[i] == "" {
				texts[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(t, strings.Join(texts, "\t"))
	})
	return t.Flush()
}

// bytesText is a number of bytes with a unit.
func bytesText(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for v >= unit && i < 4 {
		v, i = v/unit, i+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[i])
}

// socketLine is a socket of a list.
type socketLine struct {
	SID, User, Namespace, Transport, IP string
	Rooms                               []string
	ConnectedAt                         time.Time `json:"connected_at"`
	PendingBytes                        uint64    `json:"pending_bytes"`
	StalledMS                           int64     `json:"stalled_ms"`
}

func (a *App) socketsCommand() *cobra.Command {
	var ns, room, user, ip, sort, cursor string
	var limit int
	c := &cobra.Command{
		Use:   "sockets",
		Short: "List sockets",
		Example: `  sioserver sockets --room chat:7
  sioserver sockets --sort pending --limit 10`,
	}
	r := a.remoteFlags(c)
	f := c.Flags()
	f.StringVar(&ns, "ns", "", "the `namespace` (default \"/\")")
	f.StringVar(&room, "room", "", "only members of this `room`")
	f.StringVar(&user, "user", "", "only sockets of this `user`")
	f.StringVar(&ip, "ip", "", "only those from this `address`")
	f.StringVar(&sort, "sort", "", "pending: most bytes waiting first; connected_at: newest first")
	f.IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	f.StringVar(&cursor, "cursor", "", "go on behind the `place` that was printed last")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var list struct {
			Items []socketLine
			Next  string
		}
		path := query("/sockets", "namespace", ns, "room", room, "user", user, "ip", ip, "sort", sort, "limit", strconv.Itoa(limit), "cursor", cursor)
		return r.do(c, "read", "GET", path, nil, &list, func(w io.Writer) error {
			err := table(w, "SID USER TRANSPORT IP CONNECTED PENDING ROOMS", func(line func(...any)) {
				for _, s := range list.Items {
					line(s.SID, s.User, s.Transport, s.IP, timeText(s.ConnectedAt), bytesText(s.PendingBytes), strings.Join(s.Rooms, " "))
				}
			})
			if list.Next != "" {
				_, _ = fmt.Fprintf(w, "more: --cursor %s\n", list.Next)
			}
			return err
		})
	}
	return c
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// roomLine is a room of a list.
type roomLine struct {
	Room    string
	Sockets int
	Users   *int
}

func (r roomLine) users() string {
	if r.Users == nil {
		return ""
	}
	return strconv.Itoa(*r.Users)
}

func (a *App) roomsCommand() *cobra.Command {
	var ns, prefix, least, cursor string
	var limit int
	c := &cobra.Command{
		Use:   "rooms",
		Short: "List rooms",
		Example: `  sioserver rooms --prefix chat:
  sioserver rooms --min-sockets 100 --json`,
	}
	r := a.remoteFlags(c)
	f := c.Flags()
	f.StringVar(&ns, "ns", "", "the `namespace` (default \"/\")")
	f.StringVar(&prefix, "prefix", "", "only names that begin with this `text`")
	f.StringVar(&least, "min-sockets", "", "only rooms with so many sockets")
	f.IntVar(&limit, "limit", 50, "how many, 1 to 1000")
	f.StringVar(&cursor, "cursor", "", "go on behind this `room`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var list struct {
			Items []roomLine
			Next  string
		}
		path := query("/rooms", "namespace", ns, "prefix", prefix, "min_sockets", least, "limit", strconv.Itoa(limit), "cursor", cursor)
		return r.do(c, "read", "GET", path, nil, &list, func(w io.Writer) error {
			err := table(w, "ROOM SOCKETS USERS", func(line func(...any)) {
				for _, x := range list.Items {
					line(x.Room, x.Sockets, x.users())
				}
			})
			if list.Next != "" {
				_, _ = fmt.Fprintf(w, "more: --cursor %q\n", list.Next)
			}
			return err
		})
	}
	return c
}

func (a *App) roomCommand() *cobra.Command {
	var ns string
	c := &cobra.Command{
		Use: "room ROOM", Short: "Tell who is in a room", Args: cobra.ExactArgs(1),
		Example: "  sioserver room chat:7\n  sioserver room chat:7 --json",
	}
	r := a.remoteFlags(c)
	c.Flags().StringVar(&ns, "ns", "", "the `namespace` (default \"/\")")
	c.RunE = func(c *cobra.Command, args []string) error {
		var list struct {
			Items []struct {
				User string
				SIDs []string
			}
			Next string
		}
		path := query("/rooms/"+url.PathEscape(args[0])+"/members", "namespace", ns, "limit", "1000")
		return r.do(c, "read", "GET", path, nil, &list, func(w io.Writer) error {
			return table(w, "USER SIDS", func(line func(...any)) {
				for _, m := range list.Items {
					line(m.User, strings.Join(m.SIDs, " "))
				}
				if list.Next != "" {
					line("...", "")
				}
			})
		})
	}
	return c
}

func (a *App) userCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "user USER...", Short: "Tell whether users are online", Args: cobra.MinimumNArgs(1),
		Example: "  sioserver user 42\n  sioserver user 42 43 44 --json",
	}
	r := a.remoteFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		var list struct {
			Items []struct {
				User    string
				Online  bool
				Sockets int
				Since   time.Time
			}
		}
		return r.do(c, "read", "GET", query("/users", "ids", strings.Join(args, ",")), nil, &list, func(w io.Writer) error {
			return table(w, "USER ONLINE SOCKETS SINCE", func(line func(...any)) {
				for _, u := range list.Items {
					line(u.User, u.Online, u.Sockets, timeText(u.Since))
				}
			})
		})
	}
	return c
}

func (a *App) nodesCommand() *cobra.Command {
	c := &cobra.Command{Use: "nodes", Short: "Tell of this node, and how many there are", Example: "  sioserver nodes\n  sioserver nodes --json"}
	r := a.remoteFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var x struct {
			Self  nodeLine
			Count int
		}
		return r.do(c, "read", "GET", "/nodes", nil, &x, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s (boot %s), one of %d\n", x.Self.ID, x.Self.Boot, x.Count)
			return err
		})
	}
	return c
}

func (a *App) slowCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "slow", Short: "List the clients for which most waits",
		Example: "  sioserver slow\n  sioserver slow --limit 10 --watch",
	}
	r := a.remoteFlags(c)
	watch := watchFlag(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many, 1 to 1000")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.repeat(c, *watch, func() error {
			var x struct {
				Policy  string
				Clients int
				Bytes   uint64
				Items   []struct {
					socketLine
					Dropped uint64
				}
			}
			return r.do(c, "read", "GET", query("/slow", "limit", strconv.Itoa(limit)), nil, &x, func(w io.Writer) error {
				_, _ = fmt.Fprintf(w, "%s wait for %d clients, policy %s\n", bytesText(x.Bytes), x.Clients, x.Policy)
				return table(w, "SID USER NAMESPACE TRANSPORT PENDING STALLED DROPPED", func(line func(...any)) {
					for _, s := range x.Items {
						line(s.SID, s.User, s.Namespace, s.Transport, bytesText(s.PendingBytes), time.Duration(s.StalledMS)*time.Millisecond, s.Dropped)
					}
				})
			})
		})
	}
	return c
}
