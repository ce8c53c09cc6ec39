// table: the rules of a namespace, compiled.

package rules

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
)

// table is what one configuration says about one namespace. It is immutable.
type table struct {
	ns       *config.Namespace
	limits   config.Limits
	hooks    config.Hooks
	exact    map[string]match // names without *, and the first rule that fits them
	globs    []pattern        // in the order of their rules
	rules    []*rule
	commands map[string]bool
	rates    int                 // rules with a rate
	named    map[string]*counter // of events by name, nil without metrics.event_labels
	echo     *config.LaravelEcho // nil in namespaces without
	echoes   *rule               // its counters
}

// otherEvents is the label of events that have none of their own.
const otherEvents = "other"

// count counts an event by its name. The table has names.
func (t *table) count(name []byte, loop int) {
	c := t.named[string(name)]
	if c == nil {
		c = t.named[otherEvents]
	}
	c.add(loop)
}

// match is a rule for a name. The name is there so that nobody copies it.
type match struct {
	rule *rule
	name string
}

type pattern struct {
	text string
	rule *rule
}

// rule is an event rule.
type rule struct {
	*config.EventRule
	label    string // in metrics
	to       template
	everyone bool // relay: to the whole namespace
	self     bool // relay: to the sender and nobody else
	answer   []any
	rateAt   int // where sockets keep the bucket of the rate, -1 without
	events   *counter
	refused  *counter
}

// compile makes a table. where names the namespace in errors.
func compile(c *config.Config, ns *config.Namespace, loops int) (*table, error) {
	t := &table{ns: ns, limits: c.Limits, hooks: c.Hooks, exact: map[string]match{}, commands: map[string]bool{}}
	if c.LaravelEcho.Enabled && ns.Name == "/" {
		t.echo = &c.LaravelEcho
		t.echoes = &rule{EventRule: &config.EventRule{}, label: "laravel_echo", events: newCounter(loops), refused: newCounter(loops)}
		t.rules = append(t.rules, t.echoes)
	}
	for i := range ns.Events {
		r, err := compileRule(c, &ns.Events[i], loops)
		if err != nil {
			return nil, fmt.Errorf("namespaces %s: events[%d]: %w", ns.Name, i, err)
		}
		if r.rateAt = -1; r.Rate > 0 {
			r.rateAt = t.rates
			t.rates++
		}
		t.rules = append(t.rules, r)
		for _, p := range r.Match {
			if _, there := t.exact[p]; !strings.Contains(p, "*") && !there {
				if earlier := t.glob([]byte(p)); earlier != nil {
					return nil, fmt.Errorf("namespaces %s: events[%d]: %q cannot be reached, the rule of %q comes first: move it up", ns.Name, i, p, earlier.label)
				}
				t.exact[p] = match{r, p}
			} else {
				t.globs = append(t.globs, pattern{p, r})
			}
		}
	}
	for i := range ns.Rooms {
		if err := checkRoom(c, &ns.Rooms[i]); err != nil {
			return nil, fmt.Errorf("namespaces %s: rooms[%d]: %w", ns.Name, i, err)
		}
	}
	for _, name := range ns.Commands {
		t.commands["$"+name] = true
	}
	return t, nil
}

func compileRule(c *config.Config, cfg *config.EventRule, loops int) (r *rule, err error) {
	if len(cfg.Match) == 0 {
		return nil, fmt.Errorf("match is empty: name the events")
	}
	for _, p := range cfg.Match {
		if strings.HasPrefix(p, "$") {
			return nil, fmt.Errorf("match %q: names with $ are the server's own", p)
		}
	}
	r = &rule{EventRule: cfg, label: cfg.Match[0], events: newCounter(loops), refused: newCounter(loops)}
	if r.to, err = parseTemplate(cfg.To); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	switch {
	case cfg.Require == "member" && (cfg.To == "" || cfg.To == "*"):
		return nil, fmt.Errorf("require member needs a room in to")
	case cfg.Action == "relay" && cfg.To == "":
		return nil, fmt.Errorf(`action relay needs to, the room: write "*" for the whole namespace`)
	case cfg.Action == "hook" && cfg.URL == "" && c.Hooks.Event.URL == "":
		return nil, fmt.Errorf("action hook needs an address: set url here, or hooks.event.url")
	case cfg.Action == "webhook":
		if err := checkWebhook(c, cfg.Webhook); err != nil {
			return nil, err
		}
	}
	r.everyone = cfg.To == "*"
	r.self = cfg.To == "{sid}" && cfg.IncludeSender && !cfg.Volatile
	for _, v := range cfg.Ack {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("ack: %w", err)
		}
		r.answer = append(r.answer, json.RawMessage(text))
	}
	return r, nil
}

func checkWebhook(c *config.Config, name string) error {
	for _, w := range c.Webhooks {
		if w.Name == name {
			return nil
		}
	}
	return fmt.Errorf("webhook %q is not one of webhooks", name)
}

func checkRoom(c *config.Config, r *config.RoomRule) error {
	switch {
	case r.Match == "":
		return fmt.Errorf("match is empty: name the room")
	case r.Join == "self" && !strings.Contains(r.Match, "{user}"):
		return fmt.Errorf("join self needs {user} in match")
	case r.Join == "hook" && c.Hooks.Join.URL == "":
		return fmt.Errorf("join hook needs hooks.join.url")
	case r.Publish == "hook" && c.Hooks.Event.URL == "":
		return fmt.Errorf("publish hook needs hooks.event.url")
	case (r.Join == "token" || r.Publish == "token") && !c.Auth.JWT.Enabled:
		return fmt.Errorf("token needs auth.jwt.enabled: room tokens are verified by its keys")
	}
	return nil
}

// find is the rule for an event, nil if there is none. name is a view; the
// result's name is not, and "" if nobody has it yet.
func (t *table) find(name []byte) (r *rule, known string) {
	if m, ok := t.exact[string(name)]; ok {
		return m.rule, m.name
	}
	return t.glob(name), ""
}

func (t *table) glob(name []byte) *rule {
	if len(t.globs) == 0 {
		return nil
	}
	text := string(name)
	for i := range t.globs {
		if glob.Match(t.globs[i].text, text) {
			return t.globs[i].rule
		}
	}
	return nil
}

// room is the first rule that fits a room for a user, nil if there is none.
func (t *table) room(name, user string) *config.RoomRule {
	for i := range t.ns.Rooms {
		r := &t.ns.Rooms[i]
		p := r.Match
		if strings.Contains(p, "{user}") {
			// A user's name is no pattern.
			if user == "" || strings.Contains(user, "*") {
				continue
			}
			p = strings.ReplaceAll(p, "{user}", user)
		}
		if glob.Match(p, name) {
			return r
		}
	}
	return nil
}
