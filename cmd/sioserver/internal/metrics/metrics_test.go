// What is told, that it is documented, and what it costs.

package metrics

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/gate"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/ingest"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/rules"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/webhooks"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// measured starts a server in memory with metrics, and every other part that has
// some.
func measured(t *testing.T) (*Metrics, *looptest.Server, []prometheus.Collector) {
	t.Helper()
	s, err := loop.New(loop.Config{NoListen: true, Loops: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New()
	m := New(Options{Version: "1", Commit: "c", Gate: g, Drain: func() control.DrainStatus { return control.DrainStatus{Remaining: 3} }})
	c := &config.Config{Namespaces: []config.Namespace{{Name: "/"}, {Name: "/chat"}}}
	others := append(control.New(control.Options{Revoked: auth.NewTokens().Revoked()}).Collectors(), Hooks(func() []hooks.Stats {
		return []hooks.Stats{{Hook: "connect", Requests: map[string]uint64{"ok": 2}, Durations: make([]uint64, len(hooks.Bounds)+1)}}
	}), ingest.New(nil), Webhooks(func() []webhooks.Stats {
		return []webhooks.Stats{{Webhook: "main", Disabled: true, Deliveries: map[string]uint64{"ok": 4}}}
	}), Rules(func() rules.Stats {
		// Two rules may begin with the same name.
		list := []rules.RuleStats{{Namespace: "/", Rule: "a*", Events: 7, Refused: 1}, {Namespace: "/", Rule: "a*"}}
		return rules.Stats{Rules: list, None: 8, Limits: map[string]uint64{"rule_rate": 9}}
	}))
	others = append(others, Cluster(func() ClusterStats {
		return ClusterStats{Messages: map[string]uint64{"dropped": 5}, QueuedBytes: 6, Gaps: 7, SubscriptionBreaks: 2, SubscriptionDown: 2500 * time.Millisecond}
	}))
	m.Register(others...)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	if err := node.New("n1", "b1", c, s, slog.New(slog.DiscardHandler)).Start(ctx, g, m); err != nil {
		t.Fatal(err)
	}
	return m, looptest.Run(t, s), append(others, m.disconnects, m.durations, collector{m})
}

// scrape is GET /metrics.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("status %d, %v: %s", w.Code, err, text)
	}
	return string(text)
}

func TestScrape(t *testing.T) {
	m, s, _ := measured(t)
	a := s.Connect("/", nil)
	b := s.Connect("/chat", nil)
	a.Emit("x")
	b.Disconnect()
	if err := s.Emit("news"); err != nil {
		t.Fatal(err)
	}
	a.On("ask", func(e *looptest.Event) { e.Ack() })
	if _, err := s.To(a.ID()).EmitWithAck(t.Context(), "ask"); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	m.sample.look(t.Context(), m)
	text := scrape(t, m)
	for _, line := range []string{
		`sioserver_sockets{namespace="/"} 1`,
		`sioserver_sockets{namespace="/chat"} 0`,
		`sioserver_socket_connects_total{namespace="/chat"} 1`,
		`sioserver_socket_disconnects_total{namespace="/chat",reason="client namespace disconnect"} 1`,
		`sioserver_connections{transport="custom"} 2`,
		`sioserver_events_received_total 1`,
		`sioserver_acks_total{direction="in",result="ok"} 1`,
		`sioserver_acks_total{direction="in",result="timeout"} 0`,
		`sioserver_ack_duration_seconds_count{direction="in"} 1`,
		`sioserver_broadcast_recipients_bucket{le="0"} 0`,
		`sioserver_broadcast_recipients_bucket{le="1"} 2`,
		`sioserver_broadcast_recipients_sum 2`,
		`sioserver_webhook_disabled{webhook="main"} 1`,
		`sioserver_limit_rejections_total{limit="connect_rate"} 0`,
		`sioserver_limit_rejections_total{limit="max_connections_closed"} 0`,
		`sioserver_drain_remaining_connections 3`,
		`sioserver_hook_requests_total{hook="connect",result="ok"} 2`,
		`sioserver_webhook_deliveries_total{result="ok",webhook="main"} 4`,
		`sioserver_rule_events_total{namespace="/",rule="a*"} 7`,
		`sioserver_rule_refusals_total{namespace="/",rule="a*"} 1`,
		`sioserver_rule_none_total 8`,
		`sioserver_rule_limit_rejections_total{limit="rule_rate"} 9`,
		`sioserver_config_reloads_total{result="failed"} 0`,
		`sioserver_cluster_nodes 1`,
		`sioserver_cluster_messages_total{result="dropped"} 5`,
		`sioserver_cluster_queue_bytes 6`,
		`sioserver_cluster_stream_gaps_total 7`,
		`sioserver_cluster_subscription_breaks_total 2`,
		`sioserver_cluster_subscription_down_seconds_total 2.5`,
		`sioserver_scrape_incomplete 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if n := len(text); n > 500_000 {
		t.Errorf("%d bytes", n)
	}
}

// ours finds the names of our metrics in a text.
var ours = regexp.MustCompile(`sioserver_[a-z0-9_]+`)

// described are the names that the collectors tell.
func described(t *testing.T) map[string]bool {
	t.Helper()
	_, _, list := measured(t)
	names := map[string]bool{"sioserver_build_info": true}
	for _, c := range list {
		descs := make(chan *prometheus.Desc, 1000)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			names[regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]] = true
		}
	}
	return names
}

// TestDocumented: each metric has a row that says what to do when it moves, and
// each row has a metric.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 2 {
			continue
		}
		name := ours.FindString(cells[1])
		if name == "" {
			continue
		}
		if len(cells) != 6 || len(strings.TrimSpace(cells[3])) < 10 || len(strings.TrimSpace(cells[4])) < 10 {
			t.Errorf("the row of %s does not say what it is and what to do: %s", name, line)
		}
		rows[name] = true
	}
	names := described(t)
	for name := range names {
		if !rows[name] {
			t.Errorf("docs/metrics.md has no row for %s", name)
		}
	}
	for name := range rows {
		if !names[name] {
			t.Errorf("docs/metrics.md has a row for %s, which does not exist", name)
		}
	}
}

// TestAlertsAndDashboard: they name metrics that exist, and are well formed.
func TestAlertsAndDashboard(t *testing.T) {
	names := described(t)
	m, _, _ := measured(t)
	scraped := scrape(t, m)
	known := func(name string) bool {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && names[base] {
				return true
			}
		}
		return strings.Contains(scraped, "\n"+name)
	}
	words := regexp.MustCompile(`\b(sioserver|process|go)_[a-z0-9_]+`)
	check := func(file, text string) {
		used := map[string]bool{}
		for _, name := range words.FindAllString(text, -1) {
			used[name] = true
		}
		if len(used) < 8 {
			t.Errorf("%s uses %d metrics", file, len(used))
		}
		for _, name := range slices.Sorted(maps.Keys(used)) {
			if !known(name) {
				t.Errorf("%s uses %s, which does not exist", file, name)
			}
		}
	}
	alerts, err := os.ReadFile("../../../../docs/deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(alerts, &rules); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%+v", r)
		}
		check2 := words.FindString(r.Expr)
		if !known(check2) {
			t.Errorf("%s uses %q", r.Alert, check2)
		}
	}
	if n := len(rules.Groups[0].Rules); n < 10 {
		t.Errorf("%d rules", n)
	}
	text := string(alerts)
	check("alerts.yml", regexp.MustCompile(`(?m)^\s*(summary|description):.*$|^\s*#.*$|^\s*- name:.*$`).ReplaceAllString(text, ""))
	board, err := os.ReadFile("../../../../docs/deploy/grafana/sioserver.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			Type, Title string
			Panels      []struct{ Title string }
		}
	}
	if err := json.Unmarshal(board, &dashboard); err != nil || dashboard.Title == "" || len(dashboard.Panels) < 8 {
		t.Errorf("%v, %+v", err, dashboard)
	}
	exprs := ""
	for _, m := range regexp.MustCompile(`"(?:expr|query|definition)": "((?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(string(board), -1) {
		exprs += m[1] + "\n"
	}
	check("sioserver.json", exprs)
}

func TestExpiry(t *testing.T) {
	for _, file := range []string{"", "/nowhere", os.Args[0]} {
		if x := expiry(file); x != 0 {
			t.Errorf("%q: %g", file, x)
		}
	}
}
