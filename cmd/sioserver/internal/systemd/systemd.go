// What systemd is told, by its notification protocol (sd_notify(3)).

// Package systemd tells the service manager how the process does. Without one
// it does nothing.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Notify sends a state, as in "READY=1". Where no service manager listens it
// does nothing.
func Notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

// Ready says that clients can connect, Stopping that the end has begun.
func Ready() error    { return Notify("READY=1") }
func Stopping() error { return Notify("STOPPING=1") }

// Reloading says that a reload has begun; Ready says that it is over.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	return Notify("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
}

// WatchdogInterval is how often the service manager wants a sign of life, 0 if
// it wants none of this process.
func WatchdogInterval() time.Duration {
	us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || us <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// Watch gives the service manager signs of life until ctx ends, as long as alive
// says that there is life. It returns at once if none are wanted.
func Watch(ctx context.Context, alive func(context.Context) error) {
	interval := WatchdogInterval() / 2
	if interval <= 0 {
		return
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		look, cancel := context.WithTimeout(ctx, interval)
		if alive(look) == nil {
			_ = Notify("WATCHDOG=1")
		}
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
