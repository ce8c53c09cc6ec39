// siobench server: the echo server to calibrate with.

package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/server"
)

func newServer() *cobra.Command {
	var cfg server.Config
	c := &cobra.Command{
		Use:   "server",
		Short: "Run an echo server after bench/CONTRACT.md, with faults on request",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := server.New(cfg)
			if err != nil {
				return &usageError{err}
			}
			ready, _ := json.Marshal(map[string]string{"listening": s.Addr(), "name": "siobench-server", "version": revision()})
			fmt.Fprintln(c.OutOrStdout(), string(ready))
			ended := make(chan error, 1)
			go func() { ended <- s.Run() }()
			select {
			case err = <-ended:
				return err
			case <-c.Context().Done():
			}
			counts, _ := json.Marshal(s.Stop())
			fmt.Fprintln(c.OutOrStdout(), string(counts))
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:3999", "`host:port`")
	f.StringVar(&cfg.Path, "path", "/socket.io/", "path of Engine.IO")
	f.BoolVar(&cfg.ReusePort, "reuse-port", false, "share the port with other processes")
	f.BoolVar(&cfg.FanOut, "fan-out", false, "send raw messages to all raw connections instead of back")
	f.DurationVar(&cfg.PingInterval, "ping-interval", 0, "pause between pings (default 25s)")
	f.BoolVar(&cfg.Deflate, "deflate", false, "agree to permessage-deflate")
	f.DurationVar(&cfg.Faults.StallFor, "stall", 0, "fault: do nothing for so long")
	f.DurationVar(&cfg.Faults.StallEvery, "stall-every", 0, "fault: once in so long")
	f.IntVar(&cfg.Faults.Drop, "drop", 0, "fault: leave every n-th reply out")
	f.IntVar(&cfg.Faults.Double, "double", 0, "fault: send every n-th reply twice")
	f.IntVar(&cfg.Faults.Swap, "swap", 0, "fault: send every n-th reply behind the next")
	f.IntVar(&cfg.Faults.Behind, "behind", 0, "fault: with --swap, behind so many")
	f.IntVar(&cfg.Faults.Refuse, "refuse", 0, "fault: refuse every n-th handshake")
	f.IntVar(&cfg.Faults.CutEvery, "cut", 0, "fault: cut the session of every n-th message")
	return c
}
