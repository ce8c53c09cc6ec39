// Health: is it alive, does it want traffic.

package control

import (
	"fmt"
	"net/http"
	"strings"
)

// health serves /livez, /readyz and /healthz.
func (c *Control) health(mux *http.ServeMux) {
	ready := c.checks(func() []Check { return c.opts.Health.Ready() })
	mux.Handle("GET /livez", c.checks(func() []Check { return c.opts.Health.Live() }))
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /healthz", ready)
}

// checks answers 200 if all checks are good, else 503 with those that are not;
// with ?verbose all of them are told.
func (c *Control) checks(list func() []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var all []Check
		if c.opts.Health != nil {
			all = list()
		}
		status := http.StatusOK
		var bad []Check
		for _, x := range all {
			if !x.OK {
				status = http.StatusServiceUnavailable
				bad = append(bad, x)
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Query().Has("verbose") && strings.Contains(r.Header.Get("Accept"), "text/plain") {
			w.WriteHeader(status)
			for _, x := range all {
				mark := "+"
				if !x.OK {
					mark = "-"
				}
				_, _ = fmt.Fprintf(w, "[%s] %s %s\n", mark, x.Name, x.Detail)
			}
			return
		}
		told := map[string]any{"ok": status == http.StatusOK}
		if len(bad) > 0 {
			told["reasons"] = bad
		}
		if r.URL.Query().Has("verbose") {
			told["checks"] = all
		}
		answer(w, status, told)
	})
}
