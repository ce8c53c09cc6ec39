// The flags of CONTRACT.md as a configuration.

package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// flags are what the command line says beyond the configuration.
type flags struct {
	markHeaders bool
	roomEvents  bool
	adapter     string
	redis       string
	redisKey    string
	lines       bool
	publish     bool
	engine      bool
	attach      string // to somebody else's server
	behind      string // a proxy
	listen      string
	tls         *tls.Config
}

// configuration reads the command line.
func configuration() (cfg loop.Config, f flags, err error) {
	f.place()
	cert, key := flag.String("tls-cert", "", "PEM file"), flag.String("tls-key", "", "PEM file")
	milliseconds(&cfg.PingInterval, "ping-interval", 25*time.Second)
	milliseconds(&cfg.PingTimeout, "ping-timeout", 20*time.Second)
	milliseconds(&cfg.ConnectTimeout, "connect-timeout", 45*time.Second)
	flag.Int64Var(&cfg.MaxHTTPBufferSize, "max-payload", 1000000, "bytes")
	flag.StringVar(&cfg.Path, "path", "/socket.io", "path")
	flag.BoolVar(&cfg.AllowEIO3, "eio3", false, "switch")
	flag.BoolVar(&cfg.CleanupEmptyChildNamespaces, "cleanup-namespaces", false, "switch")
	flag.BoolVar(&f.markHeaders, "mark-headers", false, "switch")
	flag.BoolVar(&f.roomEvents, "room-events", false, "switch")
	flag.BoolVar(&f.lines, "lines", false, "switch")
	flag.BoolVar(&f.publish, "publish", false, "switch")
	flag.BoolVar(&f.engine, "engine-events", false, "switch")
	compress := flag.Int("http-compression", 1024, "bytes")
	flag.StringVar(&f.adapter, "adapter", "none", "none or redis and its kinds")
	flag.StringVar(&f.redis, "redis", "", "unix socket")
	flag.StringVar(&f.redisKey, "redis-key", "socket.io", "prefix")
	deflate := flag.Int("per-message-deflate", 0, "bytes")
	takeover := flag.Bool("context-takeover", false, "switch")
	slash := flag.Bool("add-trailing-slash", true, "switch")
	upgrades := flag.Bool("allow-upgrades", true, "switch")
	serve := flag.Bool("serve-client", true, "switch")
	transports := flag.String("transports", "polling,websocket", "list")
	parser := flag.String("parser", "json", "json, msgpack, object or mirror")
	initial := flag.String("initial-packet", "", "text")
	deny := flag.String("deny-query", "", "name=value")
	generate := flag.String("generate-id", "", "name")
	cookie := flag.String("cookie", "", "name")
	origin := flag.String("cors-origin", "", "origin, list, /pattern/ or *")
	credentials := flag.Bool("cors-credentials", false, "switch")
	var away time.Duration
	milliseconds(&away, "recovery", 0)
	again := flag.Bool("recovery-middlewares", false, "switch")
	flag.Parse()

	cfg.Listen = []string{f.listen}
	if *cert != "" {
		file, err := loop.NewCertificateFile(*cert, *key)
		if err != nil {
			return cfg, f, err
		}
		cfg.TLS = &tls.Config{GetCertificate: file.GetCertificate}
	}
	f.detach(&cfg)
	cfg.Transports = strings.Split(*transports, ",")
	cfg.AddTrailingSlash, cfg.AllowUpgrades, cfg.ServeClient = on(*slash), on(*upgrades), on(*serve)
	cfg.HTTPCompression = loop.HTTPCompression{Enabled: on(*compress > 0), Threshold: *compress}
	if dir := os.Getenv("SIO_CLIENT_DIST"); dir != "" {
		cfg.ClientFiles = os.DirFS(dir)
	}
	cfg.Parser = parsers[*parser]
	if *initial != "" {
		cfg.InitialPacket = *initial
	}
	if *deny != "" {
		cfg.AllowRequest = denied(*deny)
	}
	if name := *generate; name != "" {
		cfg.GenerateID = func(r *http.Request) (string, error) {
			if id := r.URL.Query().Get(name); id != "" {
				return id, nil
			}
			return "", errors.New("no id")
		}
	}
	if *cookie != "" {
		cfg.Cookie = &loop.Cookie{Name: *cookie}
	}
	if *origin == "delegate" {
		*origin = ""
		cfg.CORS = &loop.CORS{For: delegate}
	}
	if *origin != "" {
		cfg.CORS, err = cors(*origin)
		if err == nil {
			cfg.CORS.Credentials = *credentials
		}
	}
	if *deflate > 0 {
		cfg.PerMessageDeflate = &loop.PerMessageDeflate{
			Threshold: *deflate, ServerNoContextTakeover: on(!*takeover), ClientNoContextTakeover: on(!*takeover),
		}
	}
	if away > 0 {
		cfg.ConnectionStateRecovery = &loop.RecoveryConfig{MaxDisconnectionDuration: away, SkipMiddlewares: on(!*again), RestoreData: restored}
	}
	return cfg, f, errors.Join(err, f.trust(&cfg))
}

// place adds the flags that say where to serve.
func (f *flags) place() {
	flag.StringVar(&f.listen, "listen", "", "host:port")
	flag.StringVar(&f.attach, "attach", "none", "none, http1, h2, h2-only or gnet")
	flag.StringVar(&f.behind, "behind", "none", "none, http or proxy-protocol")
}

// trust makes everybody who connects a proxy that is believed: what it says in
// fields of HTTP, or by the PROXY protocol.
func (f *flags) trust(cfg *loop.Config) error {
	l := loop.Listener{Address: f.listen, TLS: cfg.TLS, Trusted: true}
	switch f.behind {
	case "none":
		return nil
	case "http":
	case "proxy-protocol":
		l.ProxyProtocol = loop.ProxyRequired
	default:
		return fmt.Errorf("--behind %s: it must be none, http or proxy-protocol", f.behind)
	}
	cfg.Listen, cfg.TLS, cfg.Listeners = nil, nil, []loop.Listener{l}
	return nil
}

// detach leaves listening to a server of package net/http if there is to be one.
func (f *flags) detach(cfg *loop.Config) {
	if f.attach != "none" {
		f.tls = cfg.TLS
		cfg.NoListen, cfg.Listen, cfg.TLS = true, nil, nil
	}
}

// milliseconds adds a flag whose values are whole milliseconds.
func milliseconds(d *time.Duration, name string, usual time.Duration) {
	*d = usual
	flag.Func(name, "ms", func(text string) error {
		v, err := time.ParseDuration(text + "ms")
		*d = v
		return err
	})
}

func on(b bool) loop.Switch {
	if b {
		return loop.Enabled
	}
	return loop.Disabled
}

// denied refuses the requests that carry a query parameter with a value.
func denied(query string) func(r *http.Request) error {
	name, value, _ := strings.Cut(query, "=")
	return func(r *http.Request) error {
		if r.URL.Query().Get(name) == value {
			return &loop.Error{Message: "Denied by query"}
		}
		return nil
	}
}

func cors(origin string) (*loop.CORS, error) {
	switch {
	case strings.HasPrefix(origin, "/"):
		pattern, err := regexp.Compile(strings.Trim(origin, "/"))
		return &loop.CORS{OriginPatterns: []*regexp.Regexp{pattern}}, err
	case strings.Contains(origin, ","):
		return &loop.CORS{Origins: strings.Split(origin, ",")}, nil
	default:
		return &loop.CORS{Origin: origin}, nil
	}
}

// delegate says by the request which rules hold for it.
func delegate(r *http.Request) (*loop.CORS, error) {
	switch r.URL.Query().Get("rules") {
	case "own":
		return &loop.CORS{Origin: r.Header.Get("Origin"), Credentials: true, Methods: []string{"GET"}}, nil
	case "all":
		return &loop.CORS{Origin: "*"}, nil
	case "error":
		return nil, errors.New("no rules")
	}
	return &loop.CORS{Origins: []string{"http://good.example"}, MaxAge: time.Minute}, nil
}
