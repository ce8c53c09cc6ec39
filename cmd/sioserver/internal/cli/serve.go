// serve and dev: run the server.

package cli

import (
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/serve"
)

// source is where a configuration is read from: flags of many verbs.
type source struct {
	files   []string
	set     []string
	lenient bool
	dev     bool
	short   []config.Setting // of flags that stand for keys
}

// flags adds the flags to a verb.
func (s *source) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVarP(&s.files, "config", "c", nil, "configuration `file`; may repeat, later ones go over earlier ones, \"-\" is standard input (default sioserver.yaml, or /etc/sioserver/sioserver.yaml)")
	f.StringArrayVar(&s.set, "set", nil, "a key of the configuration, as in `limits.max_connections=5000`; may repeat")
	f.BoolVar(&s.lenient, "lenient", false, "unknown keys are warnings, not errors")
	_ = c.MarkFlagFilename("config", "yaml", "yml", "json")
}

// defaultFiles are looked for if no file is named; the first one is used.
var defaultFiles = []string{"sioserver.yaml", "/etc/sioserver/sioserver.yaml"}

// request is what the flags ask for.
func (s *source) request(a *App) (config.Request, error) {
	r := config.Request{Files: s.files, Stdin: a.Stdin, Env: a.Env, Dev: s.dev, Lenient: s.lenient}
	if names := a.env("SIOSERVER_CONFIG"); len(r.Files) == 0 && names != "" {
		r.Files = strings.Split(names, ",")
	}
	if len(r.Files) == 0 {
		for _, name := range defaultFiles {
			if _, err := os.Stat(name); err == nil {
				r.Files = []string{name}
				break
			}
		}
	}
	r.Flags = append(r.Flags, s.short...)
	for _, text := range s.set {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return r, usageError{flagFault("--set", strconv.Quote(text)+" must be KEY=VALUE, as in limits.max_connections=5000")}
		}
		r.Flags = append(r.Flags, config.Setting{Flag: "--set " + path, Path: path, Text: value})
	}
	return r, nil
}

// env is a variable of the environment.
func (a *App) env(name string) string {
	for _, e := range a.Env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

type flagError struct{ flag, message string }

func (e flagError) Error() string { return e.flag + ": " + e.message }

func flagFault(flag, message string) error { return flagError{flag, message} }

// shortcuts are the flags of serve that stand for keys.
var shortcuts = []struct{ flag, path, usage string }{
	{"listen", "server.listen", "`address` of the client plane, host:port; may repeat (default \":3000\", with --dev \"127.0.0.1:3000\")"},
	{"control-listen", "control.listen", "`address` of the control plane (default \"127.0.0.1:3001\")"},
	{"log-level", "log.level", "least important `level` that is logged: debug, info, warn, error (default \"info\")"},
	{"log-format", "log.format", "`form` of the log: auto, text, json (default \"auto\")"},
	{"loops", "server.loops", "`number` of event loops (default one for each processor)"},
	{"io-uring", "server.io_uring", "`on`, off or auto: send what leaves for several clients at a time by io_uring (default \"auto\")"},
	{"tls-cert", "server.tls.cert", "PEM `file` with the certificate, and those behind it: serve https and wss"},
	{"tls-key", "server.tls.key", "PEM `file` with its key"},
	{"per-message-deflate", "engine.compression.threshold", "compress websocket messages of so many `bytes` and more for clients that offer it, 0 for none"},
	{"reuse-port", "server.reuse_port", "let other processes listen on the same port; the kernel spreads connections over them"},
	{"context-takeover", "engine.compression.context_takeover", "with --per-message-deflate: let messages refer to those before, for memory of each client"},
}

// shortFlags adds them to a verb; what they say is in short after parsing.
func (s *source) shortFlags(c *cobra.Command) {
	f := c.Flags()
	for _, k := range shortcuts {
		switch k.flag {
		case "reuse-port", "context-takeover":
			f.Bool(k.flag, false, k.usage)
		case "listen":
			f.StringArray(k.flag, nil, k.usage)
		default:
			f.String(k.flag, "", k.usage)
		}
	}
}

// read takes the values of the flags that were given.
func (s *source) read(c *cobra.Command) {
	for _, k := range shortcuts {
		f := c.Flags().Lookup(k.flag)
		if f == nil || !f.Changed {
			continue
		}
		text := f.Value.String()
		add := func(path, text string) {
			s.short = append(s.short, config.Setting{Flag: "--" + k.flag, Path: path, Text: text})
		}
		switch k.flag {
		case "listen":
			list, _ := c.Flags().GetStringArray(k.flag)
			text = strings.Join(list, ",")
		case "tls-cert", "tls-key":
			add("server.tls.enabled", "true")
		case "per-message-deflate":
			add("engine.compression.enabled", strconv.FormatBool(text != "0"))
		}
		add(k.path, text)
	}
}

// serveCommand runs the server.
func (a *App) serveCommand() *cobra.Command {
	var s source
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server (the default)",
		Long: `Run the server until SIGTERM, which lets it take leave of its clients first, or
SIGINT. A second signal ends it at once. SIGHUP reads the configuration again.`,
		Example: `  sioserver -c sioserver.yaml
  sioserver serve --listen :8080 --set limits.max_connections=5000
  sioserver --dev --listen 127.0.0.1:3000`,
		RunE: func(c *cobra.Command, _ []string) error {
			s.read(c)
			return a.serve(c, &s)
		},
	}
	s.flags(c)
	s.shortFlags(c)
	c.Flags().BoolVar(&s.dev, "dev", false, "loopback only: everybody may come in, a page to try the server on, a relay between its clients")
	return c
}

// serve loads a configuration and runs it.
func (a *App) serve(c *cobra.Command, s *source) error {
	r, err := s.request(a)
	if err != nil {
		return err
	}
	loaded, err := config.Load(r)
	if err != nil {
		for _, w := range loaded.Warnings {
			_, _ = c.ErrOrStderr().Write([]byte("warning: " + w.String() + "\n"))
		}
		return err
	}
	return serve.Run(c.Context(), serve.Options{
		Loaded: loaded,
		Load: func() (*config.Loaded, error) {
			r.Stdin = nil // has been read
			return config.Load(r)
		},
		Stdout: a.Stdout, Stderr: a.Stderr, Terminal: a.Terminal, Client: a.Client, Pages: a.Pages,
	})
}

// devCommand runs the server for trying it out.
func (a *App) devCommand() *cobra.Command {
	s := source{dev: true}
	var port int
	var hook string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the server on this machine alone, everything open, with a page to try it on",
		Long: `Run the server in development mode: on loopback only, everybody may come in, the
API key is "dev", a page to try the server on is served, and clients can talk to
each other by the events echo, join, leave, room and bcast.`,
		Example: `  sioserver dev
  sioserver dev --port 4000 --hook http://127.0.0.1:8000/hooks`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("port") || !c.Flags().Changed("listen") {
				s.short = append(s.short, config.Setting{Flag: "--port", Path: "server.listen", Text: "127.0.0.1:" + strconv.Itoa(port)})
			}
			s.read(c)
			if hook != "" {
				s.short = append(s.short, hookSettings(hook)...)
			}
			return a.serve(c, &s)
		},
	}
	s.flags(c)
	s.shortFlags(c)
	c.Flags().IntVar(&port, "port", 3000, "`port` on 127.0.0.1")
	c.Flags().StringVar(&hook, "hook", "", "`URL` of a backend that is asked about connects and events")
	return c
}

// hookSettings ask a backend about everything.
func hookSettings(url string) []config.Setting {
	set := func(path, text string) config.Setting {
		return config.Setting{Flag: "--hook", Path: path, Text: text}
	}
	return []config.Setting{
		set("hooks.connect.url", url), set("hooks.join.url", url), set("hooks.event.url", url),
		set("namespaces", `[{"name": "/", "rooms": [{"match": "*", "join": "hook"}], "events": [{"match": ["*"], "action": "hook"}]}]`),
	}
}
