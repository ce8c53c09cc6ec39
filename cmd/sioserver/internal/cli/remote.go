// The verbs' way to a running server: the API of its control plane.

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// remote is where a running server is found: flags of many verbs.
type remote struct {
	app      *App
	url, key string
	json     bool
	source   source
}

// remoteTime is how long an answer may take.
const remoteTime = 30 * time.Second

// remoteFlags adds the flags to a verb.
func (a *App) remoteFlags(c *cobra.Command) *remote {
	r := &remote{app: a}
	f := c.Flags()
	f.StringVar(&r.url, "url", "", "`address` of the control plane, http://host:port or unix:/path (default $SIOSERVER_URL, or that of the configuration)")
	f.StringVar(&r.key, "key", "", "`key` of its API (default $SIOSERVER_KEY, or one of the configuration; a flag can be seen by others on this machine)")
	f.BoolVar(&r.json, "json", false, "print JSON")
	f.StringArrayVarP(&r.source.files, "config", "c", nil, "configuration `file` in which the address and a key are looked up")
	_ = c.MarkFlagFilename("config", "yaml", "yml", "json")
	return r
}

// api is a running server.
type api struct {
	base, key string
	where     string // as people know it
	http      *http.Client
}

// open finds the server: by flags, by variables, by the configuration.
func (r *remote) open(scope string) (*api, error) {
	address, key := first(r.url, r.app.env("SIOSERVER_URL")), first(r.key, r.app.env("SIOSERVER_KEY"))
	if address == "" || key == "" && scope != "" {
		c, err := r.configured()
		if err != nil && address == "" {
			return nil, fmt.Errorf("no address of a server: give --url, or set SIOSERVER_URL; the configuration does not help: %w", err)
		}
		if err == nil {
			address, key = first(address, c.Control.Listen), first(key, keyFor(c, scope))
		}
	}
	if key == "" && scope != "" {
		return nil, usageError{fmt.Errorf("no key with the scope %q: give --key, or set SIOSERVER_KEY", scope)}
	}
	return dialAPI(address, key)
}

// configured reads the configuration.
func (r *remote) configured() (*config.Config, error) {
	q, err := r.source.request(r.app)
	if err != nil {
		return nil, err
	}
	q.Lenient = true
	if len(q.Files) == 0 {
		q.Dev = true // somebody tries it out, most likely
	}
	loaded, err := config.Load(q)
	if err != nil {
		return nil, err
	}
	return loaded.Config, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// keyFor is a key of the configuration that has a scope and is there in clear.
func keyFor(c *config.Config, scope string) string {
	for _, k := range c.Control.Keys {
		if k.Key != "" && (slices.Contains(k.Scopes, scope) || slices.Contains(k.Scopes, "admin")) {
			return string(k.Key)
		}
	}
	return ""
}

// dialAPI is the server at an address.
func dialAPI(address, key string) (*api, error) {
	t := &http.Transport{DisableCompression: true}
	x := &api{key: key, where: address, http: &http.Client{Transport: t}}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		path, _, _ = strings.Cut(path, "?")
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		x.base = "http://localhost"
		return x, nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError{fmt.Errorf("%q is no address of a control plane: use http://host:port or unix:/path", address)}
	}
	if host, port, _ := net.SplitHostPort(u.Host); host == "" || host == "0.0.0.0" || host == "::" {
		u.Host = net.JoinHostPort("127.0.0.1", port)
	}
	x.base = strings.TrimSuffix(u.String(), "/")
	return x, nil
}

// problem is an error that the API has told.
type problem struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

// Error implements error.
func (p *problem) Error() string {
	text := p.Message
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	return fmt.Sprintf("the server says %s (%s)", text, p.Code)
}

// send sends a request. The caller closes the answer's body.
func (x *api) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, x.base+path, text)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if x.key != "" {
		r.Header.Set("Authorization", "Bearer "+x.key)
	}
	res, err := x.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the control plane at %s cannot be reached: is the server running, and is --url right? (%w)", x.where, errors.Unwrap(err))
	}
	return res, nil
}

// call does something and decodes the result into v, unless that is nil. It
// returns the result as it came.
func (x *api) call(ctx context.Context, method, path string, body, v any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, remoteTime)
	defer cancel()
	res, err := x.send(ctx, method, "/api/v1"+path, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var a struct {
		OK     bool
		Result json.RawMessage
		Error  problem
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("%s answers status %d and no JSON: is that the control plane?", x.where, res.StatusCode)
	}
	if !a.OK {
		a.Error.Status = res.StatusCode
		return nil, &a.Error
	}
	if v != nil {
		err = json.Unmarshal(a.Result, v)
	}
	return a.Result, err
}

// do does something and prints the result: as JSON if that is asked for, else by
// show.
func (r *remote) do(c *cobra.Command, scope, method, path string, body, v any, show func(w io.Writer) error) error {
	x, err := r.open(scope)
	if err != nil {
		return err
	}
	raw, err := x.call(c.Context(), method, path, body, v)
	if err != nil {
		return err
	}
	if r.json || show == nil {
		return printJSON(r.app.Stdout, raw)
	}
	return show(r.app.Stdout)
}

// query is a path with parameters, without those that are empty.
func query(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// remoteCommands are the verbs that ask a running server.
func (a *App) remoteCommands() []*cobra.Command {
	return []*cobra.Command{
		a.emitCommand(), a.socketsCommand(), a.roomsCommand(), a.roomCommand(), a.userCommand(), a.joinCommand(), a.leaveCommand(),
		a.disconnectCommand(), a.revokeCommand(), a.infoCommand(), a.nodesCommand(), a.slowCommand(), a.topCommand(), a.tailCommand(), a.healthCommand(),
		a.drainCommand(), a.reloadCommand(), a.logCommand(),
	}
}
