// What must hold between values: webhooks, namespaces, the rules of rooms and events.

package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

// eventTypes are what webhooks can be told.
var eventTypes = []string{
	lifecycle.SocketConnected, lifecycle.SocketDisconnected, lifecycle.UserOnline, lifecycle.UserOffline, lifecycle.RoomOccupied,
	lifecycle.RoomVacated, lifecycle.MemberJoined, lifecycle.MemberLeft, lifecycle.EventReceived, lifecycle.ConnectionRefused,
	lifecycle.SlowConsumer, lifecycle.SlowConsumerClosed, lifecycle.NodeStarted, lifecycle.NodeHeartbeat, lifecycle.NodeDraining, lifecycle.NodeStopped, lifecycle.WebhookDropped,
}

func (c *check) webhooks() {
	names := map[string]bool{}
	for i, w := range c.loaded.Webhooks {
		path := fmt.Sprintf("webhooks[%d]", i)
		if names[w.Name] {
			c.wrong(path+".name", "there are two webhooks with the name %q", w.Name)
		}
		names[w.Name] = true
		c.web(path+".url", w.URL)
		c.signing(path+".secret", w.Secret)
		if len(w.Secret) == 0 {
			c.warn(path, "the webhook has no secret: its endpoint cannot tell our requests from those of others. \"sioserver secret new --kind webhook\" makes one")
		}
		for k, e := range w.Events {
			if !slices.ContainsFunc(eventTypes, func(t string) bool { return covers(e, t) }) {
				c.wrong(fmt.Sprintf("%s.events[%d]", path, k), "no event has the type %q%s", e, didYouMean(e, eventTypes))
			}
		}
		if w.Retry.Initial > w.Retry.Max {
			c.wrong(path+".retry.initial", "%s is more than max, %s", w.Retry.Initial, w.Retry.Max)
		}
	}
}

// laravelEcho looks at the preset.
func (c *check) laravelEcho() {
	e := c.loaded.LaravelEcho
	c.web("laravel_echo.auth_url", e.AuthURL)
	switch {
	case !e.Enabled:
	case e.AuthURL == "":
		c.wrong("laravel_echo", "it needs auth_url: without it nobody could join private and presence channels")
	case !c.hasNamespace("/"):
		c.wrong("laravel_echo", "Echo is in the namespace /, and namespaces has none")
	}
}

func (c *check) namespaceNames() (names []string) {
	for _, n := range c.loaded.Namespaces {
		names = append(names, n.Name)
	}
	return names
}

func (c *check) hasNamespace(name string) bool {
	return slices.Contains(c.namespaceNames(), name)
}

func (c *check) namespaces() {
	if len(c.loaded.Namespaces) == 0 {
		c.wrong("namespaces", "there must be one, or nobody can connect; leave the key out for \"/\" alone")
	}
	names := map[string]bool{}
	for i, n := range c.loaded.Namespaces {
		path := fmt.Sprintf("namespaces[%d]", i)
		switch {
		case !strings.HasPrefix(n.Name, "/") || strings.ContainsAny(n.Name, ",? "):
			c.wrong(path+".name", "%q must begin with a slash and have no comma, question mark or space", n.Name)
		case names[n.Name]:
			c.wrong(path+".name", "there are two namespaces with the name %q", n.Name)
		}
		names[n.Name] = true
		if n.Auth == "required" && !c.method() && !c.loaded.Dev {
			c.wrong(path+".auth", "nobody could join, because nothing says who may: enable auth.jwt, set hooks.connect.url or auth.user_header")
		}
		for k, room := range n.AutoJoin {
			c.template(fmt.Sprintf("%s.auto_join[%d]", path, k), room, autoJoinNames)
		}
		c.rooms(path, n)
		c.events(path, n)
	}
	c.recovery()
}

// recovery looks at what package loop has for the whole server.
func (c *check) recovery() {
	list := c.loaded.Namespaces
	for i, n := range list {
		path := fmt.Sprintf("namespaces[%d].recovery", i)
		if n.Recovery.Enabled != list[0].Recovery.Enabled || n.Recovery.Enabled && n.Recovery.MaxDisconnection != list[0].Recovery.MaxDisconnection {
			c.wrong(path, "recovery is one for all namespaces: give it the same values as in %q", list[0].Name)
		}
	}
}

// What stands in braces.
var (
	placeholder   = regexp.MustCompile(`\{[^{}]*\}`)
	autoJoinNames = regexp.MustCompile(`^\{(user|sid|claim\.[^{}]+)\}$`)
	relayNames    = regexp.MustCompile(`^\{(user|sid|data\.[^{}]+)\}$`)
)

// template looks at what stands in braces.
func (c *check) template(path, text string, known *regexp.Regexp) {
	for _, p := range placeholder.FindAllString(text, -1) {
		if !known.MatchString(p) {
			c.wrong(path, "%q has %s; what can be filled in is {user}, {sid} and %s", text, p, map[bool]string{true: "{claim.NAME}", false: "{data.NAME}"}[known == autoJoinNames])
		}
	}
	if rest := placeholder.ReplaceAllString(text, ""); strings.ContainsAny(rest, "{}") {
		c.wrong(path, "%q has a brace without its other half", text)
	}
}

func (c *check) rooms(path string, n Namespace) {
	for i, r := range n.Rooms {
		at := fmt.Sprintf("%s.rooms[%d]", path, i)
		for k := range i {
			if covers(n.Rooms[k].Match, r.Match) {
				c.wrong(at+".match", "it is never reached: rooms[%d], %q, matches all that %q does. Put the narrower rule first", k, n.Rooms[k].Match, r.Match)
				break
			}
		}
		if r.Join == "self" && !strings.Contains(r.Match, "{user}") {
			c.wrong(at+".join", "self needs {user} in match: it is the user that may join")
		}
		if (r.Join == "hook" || r.Publish == "hook") && c.loaded.Hooks.Join.URL == "" {
			c.wrong(at, "a rule with hook needs hooks.join.url")
		}
		if r.Join == "token" && !c.loaded.Auth.JWT.Enabled {
			c.wrong(at+".join", "room tokens are checked with the keys of auth.jwt, which is not enabled")
		}
	}
}

// onlyFor are the keys of event rules that belong to one action.
var onlyFor = map[string]string{
	"to": "relay", "as": "relay", "include_sender": "relay", "stamp": "relay", "volatile": "relay",
	"url": "hook", "order": "hook", "ack_timeout": "hook", "on_error": "hook", "webhook": "webhook", "ack": "ack",
}

func (c *check) events(path string, n Namespace) {
	for i, r := range n.Events {
		at := fmt.Sprintf("%s.events[%d]", path, i)
		c.unreachable(at, n.Events, i)
		c.contradictory(at, r)
		switch {
		case r.Action == "relay" && r.To == "":
			c.wrong(at, "relay needs to, the room: a name, or a template as in \"{data.room}\"")
		case r.Action == "relay":
			c.template(at+".to", r.To, relayNames)
		case r.Action == "hook" && r.URL == "" && c.loaded.Hooks.Event.URL == "":
			c.wrong(at, "the hook has no address: give url, or hooks.event.url")
		case r.Action == "webhook" && r.Webhook == "":
			c.wrong(at, "webhook needs webhook, the name of one")
		case r.Action == "webhook" && !slices.ContainsFunc(c.loaded.Webhooks, func(w Webhook) bool { return w.Name == r.Webhook }):
			c.wrong(at+".webhook", "there is no webhook %q", r.Webhook)
		}
		c.web(at+".url", r.URL)
		if r.Require == "member" && r.Action != "relay" {
			c.wrong(at+".require", "member is about the room of a relay, and the action is %s", r.Action)
		}
	}
}

// contradictory looks for keys that belong to another action. Those that say
// what holds anyway are left alone.
func (c *check) contradictory(at string, r EventRule) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		f := fieldOf(v.Type().Field(i), nil, true)
		action, ok := onlyFor[f.Path[0]]
		if !ok || action == r.Action || !c.loaded.Given(at+"."+f.Path[0]) {
			continue
		}
		if text := strings.Trim(inline(v.Field(i), false), `"[]`); text != "" && text != "null" && text != f.Default && text != "false" {
			c.wrong(at+"."+f.Path[0], "it belongs to action: %s, and the action is %s", action, r.Action)
		}
	}
}

// unreachable looks for patterns of a rule that rules before it take.
func (c *check) unreachable(at string, rules []EventRule, i int) {
	if len(rules[i].Match) == 0 {
		c.wrong(at+".match", "a rule needs the name of an event at least")
	}
	for m, match := range rules[i].Match {
		for k := range i {
			j := slices.IndexFunc(rules[k].Match, func(earlier string) bool { return covers(earlier, match) })
			if j >= 0 {
				c.wrong(fmt.Sprintf("%s.match[%d]", at, m), "it is never reached: events[%d], %q, matches all that %q does. Put the narrower rule first", k, rules[k].Match[j], match)
				break
			}
		}
	}
}

// covers reports whether a pattern with * matches all that another does. It may
// say no where it does, never yes where it does not.
func covers(pattern, other string) bool {
	if pattern == "*" || pattern == other {
		return true
	}
	if !strings.Contains(pattern, "*") {
		return false
	}
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(other) < len(first)+len(last) || !strings.HasPrefix(other, first) || !strings.HasSuffix(other, last) {
		return false
	}
	rest := other[len(first) : len(other)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return true
}
