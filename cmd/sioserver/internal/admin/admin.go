// Admin: the page and what it asks for besides the API.

// Package admin is the admin page of the control plane: static files, log-in
// with a key of the API, and a history of the node's figures. Everything else the
// page does goes through the API.
package admin

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// pageFiles are the page's own files.
//
//go:embed page
var pageFiles embed.FS

// Options are what the page needs of the node. All fields but Charts are
// required; the functions may be called from any goroutine.
type Options struct {
	Node     func() string // its name
	Config   func() config.AdminUI
	Identify func(key string, r *http.Request) (Identity, bool)
	Sample   func(ctx context.Context) (Sample, error)
	State    func() State
	Settings func() []config.Entry
	Charts   fs.FS // has uPlot.esm.js and uPlot.min.css; nil for a page without charts
}

// State is whether the node is ready.
type State struct {
	Ready       bool     `json:"ready"`
	Reasons     []string `json:"reasons"`
	Draining    bool     `json:"draining"`
	Connections int      `json:"connections"`
}

// Admin is the page. Its methods may be called from any goroutine.
type Admin struct {
	o       Options
	logins  logins
	history history
}

// New makes the page.
func New(o Options) *Admin { return &Admin{o: o, history: history{started: time.Now()}} }

// Run samples once a second until ctx is done.
func (a *Admin) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if s, err := a.o.Sample(ctx); err == nil {
			a.history.add(time.Now(), s)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Handler serves the page below path, which ends with a slash.
func (a *Admin) Handler(path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session", a.logIn)
	mux.HandleFunc("GET /session", a.logged)
	mux.HandleFunc("DELETE /session", a.logOut)
	mux.HandleFunc("GET /history", a.known("read", a.serveHistory))
	mux.HandleFunc("GET /state", a.known("read", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, a.o.State()) }))
	mux.HandleFunc("GET /config", a.known("admin", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"items": a.o.Settings()})
	}))
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the directory is embedded
	}
	mux.Handle("GET /", http.FileServerFS(page))
	if a.o.Charts != nil {
		charts := http.FileServerFS(a.o.Charts)
		mux.Handle("GET /uPlot.esm.js", charts)
		mux.Handle("GET /uPlot.min.css", charts)
	}
	return http.StripPrefix(path[:len(path)-1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	}))
}

// known lets only log-ins with a scope in; admin has every scope.
func (a *Admin) known(scope string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := a.identify(r)
		if !ok {
			refuse(w, http.StatusUnauthorized, "unauthorized", "log in first")
			return
		}
		for _, s := range who.Scopes {
			if s == scope || s == "admin" {
				h(w, r)
				return
			}
		}
		refuse(w, http.StatusForbidden, "forbidden", "the key lacks the scope "+scope)
	}
}

// answer sends a result in the form of the API.
func answer(w http.ResponseWriter, status int, result any) {
	send(w, status, map[string]any{"ok": true, "result": result})
}

// refuse sends an error in the form of the API.
func refuse(w http.ResponseWriter, status int, code, message string) {
	send(w, status, map[string]any{"ok": false, "error": map[string]string{"code": code, "message": message}})
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may have gone
}
