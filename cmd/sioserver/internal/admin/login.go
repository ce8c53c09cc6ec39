// Sessions: a key once, a cookie from then on.

package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	cookieName = "sioserver_admin"
	// ownHeader is set by the page with each request. Pages of other origins cannot
	// set it without being asked about, so that a cookie alone changes nothing.
	ownHeader = "X-Sioserver-Admin"
	// maxSessions is how many may be logged in at once; the oldest gives way.
	maxSessions = 1000
)

// Identity is whose key it is and what it may do.
type Identity struct {
	Name   string
	Scopes []string
}

// login is a session of the page.
type login struct {
	key   string
	until time.Time
}

// logins are the sessions, found by the hash of their cookie, so that what is in
// memory lets nobody in. mu guards them.
type logins struct {
	mu  sync.Mutex
	all map[[32]byte]login
}

// open makes a session for a key and returns its cookie's value.
func (l *logins) open(key string, now, until time.Time) string {
	id := rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = make(map[[32]byte]login)
	}
	for h, s := range l.all {
		if s.until.Before(now) {
			delete(l.all, h)
		}
	}
	for len(l.all) >= maxSessions {
		var oldest [32]byte
		var first time.Time
		for h, s := range l.all {
			if first.IsZero() || s.until.Before(first) {
				oldest, first = h, s.until
			}
		}
		delete(l.all, oldest)
	}
	l.all[sha256.Sum256([]byte(id))] = login{key, until}
	return id
}

// of returns the key of the request's session, "" if it has none.
func (l *logins) of(r *http.Request, now time.Time) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.all[sha256.Sum256([]byte(c.Value))]
	if !ok || s.until.Before(now) {
		return ""
	}
	return s.key
}

// close ends the request's session.
func (l *logins) close(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, sha256.Sum256([]byte(c.Value)))
	}
}

// session answers what the page asks about its log-in.
type session struct {
	Key      string   `json:"key"`
	Scopes   []string `json:"scopes"`
	ReadOnly bool     `json:"readonly"`
	Node     string   `json:"node"`
}

// logIn opens a session for the key in the body.
func (a *Admin) logIn(w http.ResponseWriter, r *http.Request) {
	var body struct{ Key string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_json", "the body must be an object with a key")
		return
	}
	who, ok := a.o.Identify(body.Key, r)
	if !ok {
		refuse(w, http.StatusUnauthorized, "unauthorized", "no such key, or not from this address")
		return
	}
	c := a.o.Config()
	ttl := time.Duration(c.SessionTTL)
	id := a.logins.open(body.Key, time.Now(), time.Now().Add(ttl))
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", MaxAge: int(ttl / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	answer(w, http.StatusOK, session{who.Name, who.Scopes, c.ReadOnly, a.o.Node()})
}

// logged tells the page who it is.
func (a *Admin) logged(w http.ResponseWriter, r *http.Request) {
	who, ok := a.identify(r)
	if !ok {
		refuse(w, http.StatusUnauthorized, "unauthorized", "log in first")
		return
	}
	answer(w, http.StatusOK, session{who.Name, who.Scopes, a.o.Config().ReadOnly, a.o.Node()})
}

// logOut ends the session.
func (a *Admin) logOut(w http.ResponseWriter, r *http.Request) {
	a.logins.close(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	answer(w, http.StatusOK, struct{}{})
}

// identify tells who asks by the session's cookie.
func (a *Admin) identify(r *http.Request) (Identity, bool) {
	key := a.logins.of(r, time.Now())
	if key == "" {
		return Identity{}, false
	}
	return a.o.Identify(key, r) // asked again, because keys change with a reload
}

// Wrap lets the page use the API: a request with its cookie and without a key
// of its own goes on with the key that was logged in with. What changes
// something must have the page's header, and is refused if the page is for
// reading only.
func (a *Admin) Wrap(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") || r.Header.Get("Authorization") != "" || r.Header.Get("X-API-Key") != "" {
			api.ServeHTTP(w, r)
			return
		}
		key := a.logins.of(r, time.Now())
		if key == "" {
			api.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet {
			switch {
			case r.Header.Get(ownHeader) == "":
				refuse(w, http.StatusForbidden, "forbidden", "a session of the admin page changes something only with the header "+ownHeader)
				return
			case a.o.Config().ReadOnly:
				refuse(w, http.StatusForbidden, "forbidden", "the admin page is for reading only: control.admin_ui.readonly")
				return
			}
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Del("Cookie")
		api.ServeHTTP(w, r)
	})
}
