// TCP echo on gnet with one event loop, the accept in the loop.

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime/debug"

	"github.com/panjf2000/gnet/v2"
)

type echo struct {
	gnet.BuiltinEventEngine
}

func main() {
	listen := flag.String("listen", "", "HOST:PORT")
	flag.Parse()
	err := gnet.Run(&echo{}, "tcp://"+*listen,
		gnet.WithNumEventLoop(1),
		gnet.WithReusePort(true),
		gnet.WithLogger(stderr{}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (*echo) OnBoot(eng gnet.Engine) gnet.Action {
	addr, err := bound(eng)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return gnet.Shutdown
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"listening": addr.String(), "name": "gnet-tcp", "version": version(),
	})
	return gnet.None
}

// bound is the address of the listener, whose port the kernel may have chosen.
func bound(eng gnet.Engine) (net.Addr, error) {
	fd, err := eng.Dup()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Addr(), nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/panjf2000/gnet/v2" {
				return dep.Version
			}
		}
	}
	return ""
}

func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// stderr takes the engine's log, since standard output is for the ready line.
type stderr struct{}

func (stderr) Debugf(string, ...any) {}
func (stderr) Infof(string, ...any)  {}

func (stderr) Warnf(format string, args ...any)  { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (stderr) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (s stderr) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	os.Exit(1)
}
