// The command: a crowd of clients that is told on its input what to do, and answers on its output.

// Command crowd is many clients over websocket in one process, for the scenarios
// of ../scenarios, which need more clients than the official one can be in a
// process, and know of each message whether it was lost. They come back like
// official clients do: after half a second to one and a half, later after five at
// most, with recovery.
//
// It prints a line of JSON when all are connected, and one for each line it
// reads:
//
//	report  what was seen so far; latencies are those since the report before
//	acks    how many events of each client were acknowledged
//	stall   the first -stalled clients stop reading
//	wake    they go on
//	settle  no more events; answers when all that were sent are acknowledged
//
// It ends with its input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// patience is how long the crowd waits for all of its clients to connect, or to
// be answered.
const patience = 2 * time.Minute

// crowd is all clients.
type crowd struct {
	url     string // ws://host:port
	room    string // to join; empty is none
	event   string // to send; empty is none
	stalled int    // clients that may stop reading
	buffer  int    // their receive buffers, in bytes

	delay time.Duration // before the first try to come back, give or take half

	members []*member
	tally   tally
}

func main() {
	var (
		c     crowd
		n     = flag.Int("n", 100, "clients")
		rate  = flag.Int("connect-rate", 1000, "connects each second")
		every = flag.Duration("every", 10*time.Second, "time between two events of a client")
	)
	flag.StringVar(&c.url, "url", "ws://127.0.0.1:3000", "address of the server")
	flag.StringVar(&c.room, "room", "", "room that all join")
	flag.StringVar(&c.event, "event", "", "event that all send, and want acknowledged")
	flag.IntVar(&c.stalled, "stalled", 0, "clients that stop reading when told so")
	flag.IntVar(&c.buffer, "buffer", 4096, "their receive buffers, in bytes")
	flag.DurationVar(&c.delay, "delay", time.Second, "time before a client comes back, give or take half")
	flag.Parse()
	if err := c.run(*n, *rate, *every); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

// run connects all clients and does what it is told.
func (c *crowd) run(n, rate int, every time.Duration) error {
	c.tally.begin()
	for i := range n {
		c.members = append(c.members, newMember(c, i))
	}
	pace(n, time.Duration(n)*time.Second/time.Duration(rate), func(i int) bool {
		go c.members[i].live()
		return true
	})
	if err := c.wait(func() bool { return c.tally.connected.Load() == int64(n) }); err != nil {
		return err
	}
	answer := json.NewEncoder(os.Stdout)
	if err := answer.Encode(map[string]int{"connected": n}); err != nil {
		return err
	}
	stop := make(chan struct{})
	if c.event != "" {
		go c.talk(every, stop)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		said, err := c.obey(in.Text(), stop)
		if err == nil {
			err = answer.Encode(said)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// obey does what a line says.
func (c *crowd) obey(line string, stop chan struct{}) (any, error) {
	switch line {
	case "report":
		return c.tally.report(c.members), nil
	case "acks":
		acks := make([]int, len(c.members))
		for i, m := range c.members {
			acks[i] = m.acknowledged()
		}
		return acks, nil
	case "stall", "wake":
		for _, m := range c.members[:c.stalled] {
			m.stall(line == "stall")
		}
		return line, nil
	case "settle":
		close(stop)
		err := c.wait(func() bool { return c.tally.pending.Load() == 0 && c.tally.connected.Load() == int64(len(c.members)) })
		return line, err
	}
	return nil, fmt.Errorf("%q is no command", line)
}

// talk lets all clients send, one after the other, each once in a period.
func (c *crowd) talk(every time.Duration, stop chan struct{}) {
	for {
		goes := true
		pace(len(c.members), every, func(i int) bool {
			select {
			case <-stop:
				goes = false
			default:
				c.members[i].say()
			}
			return goes
		})
		if !goes {
			return
		}
	}
}

// pace calls f with 0 to n-1, evenly over a time, until it returns false.
func pace(n int, over time.Duration, f func(int) bool) {
	const tick = 10 * time.Millisecond
	begun := time.Now()
	for i := 0; i < n; {
		due := min(n, int(int64(n)*int64(time.Since(begun))/int64(max(over, 1)))+1)
		for ; i < due; i++ {
			if !f(i) {
				return
			}
		}
		time.Sleep(tick)
	}
}

// wait waits until something is so, or tells how things are.
func (c *crowd) wait(so func() bool) error {
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("after %s %d of %d are connected, %d wait for an answer; faults: %v",
				patience, c.tally.connected.Load(), len(c.members), c.tally.pending.Load(), c.tally.faults())
		}
	}
	return nil
}
