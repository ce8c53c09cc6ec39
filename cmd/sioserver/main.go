// The command: flags to a configuration, and a server that runs until it is told to end.

// Command sioserver is a Socket.IO server. Unmodified official clients connect
// to it over HTTP long polling and websocket.
//
//	sioserver --dev --listen 127.0.0.1:3000
//
// serves a page to try it on, and a relay by which its clients can talk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sioserver/sioserver/loop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "sioserver:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "sioserver:", err)
		os.Exit(1)
	}
}

// usageError is a fault of the command line.
type usageError struct{ error }

// options are what the command line says.
type options struct {
	listen    string
	dev       bool
	reusePort bool
	ioUring   loop.Switch
	cert, key string // files
	compress  int    // bytes, 0 for never
	takeover  bool
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("sioserver", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "", "`host:port` to serve on (default \":3000\", with --dev \"127.0.0.1:3000\")")
	f.BoolVar(&o.reusePort, "reuse-port", false, "let other processes listen on the same port; the kernel spreads connections over them")
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` with the certificate, and those behind it: serve https and wss; read again on SIGHUP")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with its key")
	f.IntVar(&o.compress, "per-message-deflate", 0, "compress websocket messages of so many `bytes` and more for clients that offer it, 0 for none")
	f.BoolVar(&o.takeover, "context-takeover", false, "with --per-message-deflate: let messages refer to those before, for memory of each client")
	f.BoolVar(&o.dev, "dev", false, "loopback only: serve a page to try the server on, and relay between its clients")
	f.Var(switchFlag{&o.ioUring}, "io-uring", "`on`, off or auto: send what leaves for several clients at a time by io_uring; auto does where the system allows it (default auto)")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, usageError{err}
	}
	if f.NArg() > 0 {
		return o, usageError{fmt.Errorf("unexpected argument %q: options begin with --, see --help", f.Arg(0))}
	}
	if (o.cert == "") != (o.key == "") {
		return o, usageError{errors.New("--tls-cert and --tls-key go together: give both or neither")}
	}
	switch {
	case o.compress < 0:
		return o, usageError{fmt.Errorf("--per-message-deflate is %d, it must not be negative", o.compress)}
	case o.takeover && o.compress == 0:
		return o, usageError{errors.New("--context-takeover needs --per-message-deflate")}
	}
	switch {
	case o.listen == "" && o.dev:
		o.listen = "127.0.0.1:3000"
	case o.listen == "":
		o.listen = ":3000"
	case o.dev && !loopback(o.listen):
		return o, usageError{fmt.Errorf("--dev lets everybody in and listens on loopback only, not on %s: use 127.0.0.1, [::1] or localhost", o.listen)}
	}
	return o, nil
}

// switchFlag is a flag for a [loop.Switch].
type switchFlag struct{ s *loop.Switch }

// Set implements [flag.Value].
func (f switchFlag) Set(text string) error {
	s, ok := map[string]loop.Switch{"on": loop.Enabled, "off": loop.Disabled, "auto": loop.Default}[text]
	if !ok {
		return errors.New("it is on, off or auto")
	}
	*f.s = s
	return nil
}

// String implements [flag.Value]. The default is told by the usage line.
func (f switchFlag) String() string { return "" }

// loopback reports whether an address is reachable from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	cfg := loop.Config{
		Listen: []string{o.listen}, Loops: loops(), ReusePort: o.reusePort, IOUring: o.ioUring, DropHandshake: true, ReleaseMemory: true, Logger: log, ServeClient: loop.Enabled, ClientFiles: bundle(),
	}
	if o.dev {
		cfg.HTTP = devPages()
	}
	if o.compress > 0 {
		cfg.PerMessageDeflate = &loop.PerMessageDeflate{Threshold: o.compress}
		if o.takeover {
			cfg.PerMessageDeflate.ServerNoContextTakeover, cfg.PerMessageDeflate.ClientNoContextTakeover = loop.Disabled, loop.Disabled
		}
	}
	if o.cert != "" {
		if cfg.TLS, err = serveTLS(ctx, o.cert, o.key, log); err != nil {
			return err
		}
	}
	server, err := loop.New(cfg)
	if err != nil {
		return err
	}
	if o.dev {
		relay(server.Root())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	select {
	case <-server.Listening():
		announce(stdout, server, o)
	case err := <-ended:
		return err
	}
	err = <-ended
	log.Info("the server has ended")
	return err
}

// announce says where the server is and how much it can hold.
func announce(w io.Writer, s *loop.Server, o options) {
	where := strings.Join(s.Addrs(), ", ")
	fmt.Fprintf(w, "Socket.IO on %s, path /socket.io/, up to %d connections (the limit of open files is %d)\n",
		where, s.MaxConnections(), openFiles())
	if !o.dev {
		fmt.Fprintln(w, "Clients can connect; there are no rules for their events yet. Try: sioserver --dev")
		return
	}
	scheme := "http"
	if o.cert != "" {
		scheme = "https"
	}
	fmt.Fprintf(w, "\n  %s://%s/\n\n", scheme, s.Addrs()[0])
	fmt.Fprintln(w, "opens a page to try it on; open it twice to chat. End with Ctrl-C.")
	if !bundled() {
		fmt.Fprintln(w, "The page needs the official client, which this build does not have: start it with \"make run\".")
	}
}

// openFiles is the limit of open files, 0 if the system does not tell.
func openFiles() uint64 {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return 0
	}
	return lim.Cur
}
