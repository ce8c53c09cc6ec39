// config migrate: the configuration of laravel-echo-server to one of ours.

package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// echoConfig is laravel-echo-server.json.
type echoConfig struct {
	AuthHost     any    `json:"authHost"` // a text, or several
	AuthEndpoint string `json:"authEndpoint"`
	Clients      []struct {
		AppID string `json:"appId"`
		Key   string `json:"key"`
	} `json:"clients"`
	Database       string `json:"database"`
	DatabaseConfig struct {
		Redis struct {
			Host      string `json:"host"`
			Port      any    `json:"port"`
			Password  string `json:"password"`
			DB        any    `json:"db"`
			KeyPrefix string `json:"keyPrefix"`
		} `json:"redis"`
	} `json:"databaseConfig"`
	Host      string `json:"host"`
	Port      any    `json:"port"`
	Protocol  string `json:"protocol"`
	SSLCert   string `json:"sslCertPath"`
	SSLKey    string `json:"sslKeyPath"`
	SSLChain  string `json:"sslCertChainPath"`
	SSLPhrase string `json:"sslPassphrase"`
	SocketIO  struct {
		PingInterval      float64  `json:"pingInterval"` // ms
		PingTimeout       float64  `json:"pingTimeout"`  // ms
		MaxHTTPBufferSize int64    `json:"maxHttpBufferSize"`
		Transports        []string `json:"transports"`
		Path              string   `json:"path"`
	} `json:"socketio"`
	Subscribers *struct {
		HTTP  bool `json:"http"`
		Redis bool `json:"redis"`
	} `json:"subscribers"`
	APIOriginAllow struct {
		AllowCORS   bool   `json:"allowCors"`
		AllowOrigin string `json:"allowOrigin"`
	} `json:"apiOriginAllow"`
}

// known are its keys, those that have no counterpart included.
var echoKeys = []string{
	"authHost", "authEndpoint", "clients", "database", "databaseConfig", "devMode", "host", "port", "protocol", "socketio", "secureOptions",
	"sslCertPath", "sslKeyPath", "sslCertChainPath", "sslPassphrase", "subscribers", "apiOriginAllow",
}

// migrated is a configuration, and what is to be said about it.
type migrated struct {
	root  yaml.MapSlice
	notes []string
}

func (m *migrated) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// set sets a key by its path.
func (m *migrated) set(path string, v any) { m.root = setIn(m.root, strings.Split(path, "."), v) }

func setIn(s yaml.MapSlice, path []string, v any) yaml.MapSlice {
	i := slices.IndexFunc(s, func(item yaml.MapItem) bool { return item.Key == path[0] })
	if i < 0 {
		s = append(s, yaml.MapItem{Key: path[0]})
		i = len(s) - 1
	}
	if len(path) == 1 {
		s[i].Value = v
		return s
	}
	below, _ := s[i].Value.(yaml.MapSlice)
	s[i].Value = setIn(below, path[1:], v)
	return s
}

// migrate converts.
func migrate(text []byte) (*migrated, error) {
	var e echoConfig
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("it is no configuration of laravel-echo-server: %w", err)
	}
	m := &migrated{}
	for key := range all {
		if !slices.Contains(echoKeys, key) {
			m.note("%s is unknown and was left out", key)
		}
	}
	slices.Sort(m.notes)
	m.listeners(e)
	m.backend(e)
	m.redis(e)
	m.set("namespaces", []any{yaml.MapSlice{
		{Key: "name", Value: "/"},
		{Key: "auto_join", Value: []any{}},
		{Key: "rooms", Value: []any{
			yaml.MapSlice{{Key: "match", Value: "private-*"}, {Key: "join", Value: "nobody"}},
			yaml.MapSlice{{Key: "match", Value: "presence-*"}, {Key: "join", Value: "nobody"}},
			yaml.MapSlice{{Key: "match", Value: "*"}, {Key: "join", Value: "anyone"}},
		}},
	}})
	return m, nil
}

func (m *migrated) listeners(e echoConfig) {
	port := number(e.Port, "6001")
	m.set("server.listen", []any{net.JoinHostPort(e.Host, port)})
	if e.SocketIO.Path != "" {
		m.set("server.path", e.SocketIO.Path)
	}
	if e.Protocol == "https" {
		m.set("server.tls", yaml.MapSlice{{Key: "enabled", Value: true}, {Key: "cert", Value: e.SSLCert}, {Key: "key", Value: e.SSLKey}})
		if e.SSLChain != "" {
			m.note("put the certificates of %s behind the one in %s: server.tls.cert holds them all", e.SSLChain, e.SSLCert)
		}
		if e.SSLPhrase != "" {
			m.note("%s must be without a passphrase: openssl pkey -in %s -out new.pem", e.SSLKey, e.SSLKey)
		}
	}
	ms := func(path string, v float64) {
		if v > 0 {
			m.set(path, time.Duration(v*float64(time.Millisecond)).String())
		}
	}
	ms("engine.ping_interval", e.SocketIO.PingInterval)
	ms("engine.ping_timeout", e.SocketIO.PingTimeout)
	if e.SocketIO.MaxHTTPBufferSize > 0 {
		m.set("engine.max_payload", strconv.FormatInt(e.SocketIO.MaxHTTPBufferSize, 10)+"B")
	}
	if len(e.SocketIO.Transports) > 0 {
		m.set("engine.transports", e.SocketIO.Transports)
	}
	m.set("engine.allow_eio3", true)
	m.note("engine.allow_eio3 is on, for pages that still load socket.io-client 2; take it out when there are none")
}

func (m *migrated) backend(e echoConfig) {
	var keys []any
	for i, c := range e.Clients {
		name, key := c.AppID, c.Key
		if name == "" {
			name = "app-" + strconv.Itoa(i+1)
		}
		if len(key) < 16 {
			key = newSecret("api-key")
			m.note("the key of %s was too short and is new: tell whoever uses it", name)
		}
		keys = append(keys, yaml.MapSlice{{Key: "name", Value: name}, {Key: "key", Value: key}, {Key: "scopes", Value: []any{"emit", "read"}}})
	}
	if keys != nil {
		m.set("control.keys", keys)
	}
	m.set("auth.required", false)
	if o := e.APIOriginAllow; o.AllowCORS && o.AllowOrigin != "" {
		var list []any
		for _, part := range strings.Split(o.AllowOrigin, ",") {
			list = append(list, strings.TrimSuffix(strings.TrimSpace(part), "/"))
		}
		m.set("auth.allowed_origins", list)
	}
	host := "http://127.0.0.1"
	switch h := e.AuthHost.(type) {
	case string:
		host = h
	case []any:
		if len(h) > 0 {
			host, _ = h[0].(string)
		}
		if len(h) > 1 {
			m.note("authHost names several hosts; the first one is used")
		}
	}
	endpoint := e.AuthEndpoint
	if endpoint == "" {
		endpoint = "/broadcasting/auth"
	}
	m.set("laravel_echo", yaml.MapSlice{
		{Key: "enabled", Value: true}, {Key: "auth_url", Value: strings.TrimSuffix(host, "/") + "/" + strings.TrimPrefix(endpoint, "/")},
	})
	if strings.HasPrefix(host, "https:") {
		m.note("the certificate of %s is verified now, which laravel-echo-server did not do", host)
	}
	m.note("the HTTP API of laravel-echo-server (/apps/...) is not there: publish over Redis, or with sioserver's own API")
}

func (m *migrated) redis(e echoConfig) {
	if e.Subscribers != nil && !e.Subscribers.Redis {
		return
	}
	r := e.DatabaseConfig.Redis
	if r.Host == "" {
		r.Host = "127.0.0.1"
	}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(r.Host, number(r.Port, "6379")), Path: "/" + number(r.DB, "0")}
	if r.Password != "" {
		u.User = url.UserPassword("", r.Password)
	}
	m.set("ingest.redis", yaml.MapSlice{
		{Key: "enabled", Value: true}, {Key: "url", Value: u.String()}, {Key: "dialects", Value: []any{"laravel"}}, {Key: "laravel_prefix", Value: r.KeyPrefix},
	})
}

// number is a number or a text of one.
func number(v any, def string) string {
	switch v := v.(type) {
	case string:
		if v != "" {
			return v
		}
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return def
}

// migrateCommand converts a file.
func (a *App) migrateCommand() *cobra.Command {
	var output string
	var force bool
	c := &cobra.Command{
		Use:   "migrate FILE",
		Short: "Make a configuration of laravel-echo-server.json",
		Example: `  sioserver config migrate laravel-echo-server.json
  sioserver config migrate laravel-echo-server.json -o -`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			m, err := migrate(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			b, err := yaml.MarshalWithOptions(m.root, yaml.IndentSequence(true))
			if err != nil {
				return err
			}
			b = append([]byte("# Made by \"sioserver config migrate\" of "+args[0]+"\n"), b...)
			for _, n := range m.notes {
				fmt.Fprintln(a.Stderr, "note:", n)
			}
			if output == "-" {
				_, err = a.Stdout.Write(b)
				return err
			}
			if err := writeNew(output, b, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout, "%s was written, readable by you alone. Next: sioserver config check -c %s\n", output, output)
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", defaultFiles[0], "the `file` to write, \"-\" is standard output")
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}
