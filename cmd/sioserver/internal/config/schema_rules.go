// The schema, second part: hooks, webhooks, namespaces and their rules.

package config

// Hooks is the section hooks.
type Hooks struct {
	Defaults HookDefaults `yaml:"defaults" doc:"What holds for all hooks that do not say otherwise."`
	Connect  ConnectHook  `yaml:"connect" doc:"Asked when a client joins a namespace."`
	Join     Hook         `yaml:"join" doc:"Asked when a client wants to join a room whose rule is hook."`
	Refresh  Hook         `yaml:"refresh" doc:"Asked when what a client was let in with expires."`
	Event    Hook         `yaml:"event" doc:"Asked about events whose rule is hook."`
}

// HookDefaults is the section hooks.defaults.
type HookDefaults struct {
	Timeout     Duration `yaml:"timeout" default:"2s" min:"10ms" max:"5m" reload:"live" doc:"How long the backend may take."`
	Concurrency int      `yaml:"concurrency" default:"256" min:"1" reload:"live" doc:"Requests of one hook under way at once."`
	MaxPending  int      `yaml:"max_pending" default:"10000" reload:"live" doc:"Requests of one hook that may wait for a place; those beyond fail at once."`
	Retries     int      `yaml:"retries" default:"0" max:"10" reload:"live" doc:"Tries after the first, for connections that fail and answers of 502, 503, 504."`
	Secret      Secrets  `yaml:"secret" reload:"live" doc:"Secrets that sign requests (whsec_...), all of them while one is replaced."`
	Breaker     Breaker  `yaml:"breaker" doc:"When a failing backend is left alone."`
}

// Breaker is the section hooks.defaults.breaker.
type Breaker struct {
	Failures int      `yaml:"failures" default:"20" reload:"live" doc:"Failures in a row that open it; 0 never does."`
	Window   Duration `yaml:"window" default:"10s" min:"1s" reload:"live" doc:"The time in which they count."`
	OpenFor  Duration `yaml:"open_for" default:"5s" min:"100ms" reload:"live" doc:"How long it stays open before one request tries again."`
}

// Hook is the section hooks.join, hooks.refresh, hooks.event.
type Hook struct {
	URL     string   `yaml:"url" reload:"live" doc:"Address; empty is none."`
	Timeout Duration `yaml:"timeout" default:"0s" max:"5m" reload:"live" doc:"How long it may take; 0 is that of hooks.defaults."`
}

// ConnectHook is the section hooks.connect.
type ConnectHook struct {
	URL       string   `yaml:"url" reload:"live" doc:"Address; empty is none."`
	Timeout   Duration `yaml:"timeout" default:"0s" max:"5m" reload:"live" doc:"How long it may take; 0 is that of hooks.defaults."`
	When      string   `yaml:"when" default:"no_token" enum:"always,no_token" reload:"live" doc:"Whether it is asked about clients with a valid token too."`
	OnFailure string   `yaml:"on_failure" default:"retry" enum:"retry,deny" reload:"live" doc:"When it cannot be asked: retry lets the client come again by itself, deny tells it no."`
	CacheTTL  Duration `yaml:"cache_ttl" default:"0s" reload:"live" doc:"How long an answer holds for the same credentials; 0 asks each time."`
	Headers   []string `yaml:"headers" default:"cookie,authorization,user-agent,x-forwarded-for" reload:"live" doc:"Request headers that it is told."`
}

// Webhook is an element of webhooks.
type Webhook struct {
	Name        string       `yaml:"name" required:"true" doc:"Name in rules, logs and metrics."`
	URL         string       `yaml:"url" required:"true" doc:"Address."`
	Secret      Secrets      `yaml:"secret" doc:"Secrets that sign (whsec_...), all of them while one is replaced."`
	Events      []string     `yaml:"events" default:"user.online,user.offline,room.occupied,room.vacated,node.*" doc:"Types of events, with * for a part."`
	Rooms       []string     `yaml:"rooms" doc:"Rooms whose events are told, with *; empty is all."`
	LeaveGrace  Duration     `yaml:"leave_grace" default:"5s" doc:"How long user.offline waits for the user to come back."`
	Batch       WebhookBatch `yaml:"batch" doc:"How events are put together."`
	Retry       WebhookRetry `yaml:"retry" doc:"How often is tried."`
	Queue       WebhookQueue `yaml:"queue" doc:"What may wait."`
	Timeout     Duration     `yaml:"timeout" default:"10s" min:"10ms" max:"5m" doc:"How long one delivery may take."`
	Concurrency int          `yaml:"concurrency" default:"4" min:"1" max:"256" doc:"Deliveries under way at once."`
}

// WebhookBatch is the section batch of a webhook.
type WebhookBatch struct {
	MaxEvents int      `yaml:"max_events" default:"500" min:"1" max:"10000" doc:"Events in one delivery."`
	MaxWait   Duration `yaml:"max_wait" default:"200ms" max:"1m" doc:"How long the first of them waits for others."`
}

// WebhookRetry is the section retry of a webhook.
type WebhookRetry struct {
	MaxElapsed Duration `yaml:"max_elapsed" default:"15m" doc:"How long a delivery is tried; then it goes to the dead letters."`
	Initial    Duration `yaml:"initial" default:"1s" min:"10ms" doc:"Wait before the second try; it doubles."`
	Max        Duration `yaml:"max" default:"2m" min:"10ms" doc:"Longest wait."`
	Jitter     float64  `yaml:"jitter" default:"0.2" min:"0" max:"1" doc:"Part of a wait that is random, 0 to 1."`
}

// WebhookQueue is the section queue of a webhook.
type WebhookQueue struct {
	MaxEvents int    `yaml:"max_events" default:"100000" min:"1" doc:"Events that may wait; beyond, events of clients and members go first, lifecycle last, and the next delivery says how many."`
	SpoolDir  string `yaml:"spool_dir" doc:"Directory that keeps what waits over a crash; empty keeps it in memory."`
	MaxSpool  Size   `yaml:"max_spool" default:"1GiB" doc:"Bytes of that directory."`
}

// NamespaceNames are the names of the namespaces, that of the main one if there
// are none.
func (c *Config) NamespaceNames() (names []string) {
	for _, n := range c.Namespaces {
		names = append(names, n.Name)
	}
	if len(names) == 0 {
		return []string{"/"}
	}
	return names
}

// Namespace is an element of namespaces.
type Namespace struct {
	Name     string            `yaml:"name" default:"/" doc:"Its name."`
	Auth     string            `yaml:"auth" default:"inherit" enum:"inherit,none,required" doc:"Whether clients must be known; inherit is auth.required."`
	AutoJoin []string          `yaml:"auto_join" default:"user:{user}" doc:"Rooms that a client is in from the start; {user}, {sid} and {claim.NAME} are filled in, one that cannot be is left out."`
	Commands []string          `yaml:"commands" default:"join,leave,presence,refresh" enum:"join,leave,publish,presence,refresh" doc:"Which of the events $join, $leave ... are understood."`
	Recovery NamespaceRecovery `yaml:"recovery" doc:"Connection state recovery."`
	Rooms    []RoomRule        `yaml:"rooms" doc:"Who may join and publish; the first that matches decides, without one nobody may."`
	Events   []EventRule       `yaml:"events" doc:"What happens with events; the first that matches decides, without one they are denied."`
}

// NamespaceRecovery is the section recovery of a namespace.
type NamespaceRecovery struct {
	Enabled          bool     `yaml:"enabled" default:"true" doc:"Let clients of the namespace come back as the socket they were."`
	MaxDisconnection Duration `yaml:"max_disconnection" default:"2m" min:"1ms" max:"24h" doc:"How long they may be away."`
}

// RoomRule is an element of rooms.
type RoomRule struct {
	Match    string       `yaml:"match" required:"true" doc:"Name of the room, with * for a part and {user} for the client's user."`
	Join     string       `yaml:"join" default:"token" enum:"anyone,authenticated,self,token,hook,nobody" doc:"Who may join: self is the user that {user} in match stands for."`
	Publish  string       `yaml:"publish" default:"nobody" enum:"anyone,members,token,hook,nobody" doc:"Who may publish with $publish."`
	Presence RoomPresence `yaml:"presence" doc:"Whether members see each other."`
}

// LaravelEcho is the section laravel_echo.
type LaravelEcho struct {
	Enabled    bool     `yaml:"enabled" default:"false" reload:"restart" doc:"Understand in the namespace / what Laravel Echo's connector for Socket.IO sends: subscribe, unsubscribe, whispers."`
	AuthURL    string   `yaml:"auth_url" reload:"live" doc:"Address that lets clients into channels whose names begin with private- or presence-, as in https://app.example/broadcasting/auth."`
	Headers    []string `yaml:"headers" default:"authorization,cookie,x-csrf-token,x-xsrf-token" reload:"live" doc:"Header fields that it is told, of Echo's auth.headers or else of the client's handshake."`
	Timeout    Duration `yaml:"timeout" default:"0s" max:"5m" reload:"live" doc:"How long it may take; 0 is that of hooks.defaults."`
	LeaveGrace Duration `yaml:"leave_grace" default:"3s" reload:"live" doc:"How long a presence channel waits for a member to come back before the others are told."`
	MaxMembers int      `yaml:"max_members" default:"1000" reload:"live" doc:"Members of a presence channel beyond which nobody is told of them."`
}

// RoomPresence is the section presence of a room rule.
type RoomPresence struct {
	Enabled    bool     `yaml:"enabled" default:"false" doc:"Tell members who comes and goes, and answer $presence."`
	LeaveGrace Duration `yaml:"leave_grace" default:"3s" doc:"How long a leave waits for the user to come back."`
	MaxMembers int      `yaml:"max_members" default:"1000" doc:"Members beyond which only their number is told."`
}

// EventRule is an element of events.
type EventRule struct {
	Match         []string `yaml:"match" required:"true" doc:"Names of events, with * for a part."`
	Action        string   `yaml:"action" required:"true" enum:"hook,webhook,relay,ack,deny" doc:"What happens with them."`
	To            string   `yaml:"to" doc:"relay: the room, with {user}, {sid}, {data.NAME}."`
	As            string   `yaml:"as" doc:"relay: another name for the event."`
	IncludeSender bool     `yaml:"include_sender" default:"false" doc:"relay: send it to its sender too."`
	Stamp         bool     `yaml:"stamp" default:"false" doc:"relay: add {user, sid} of the sender as last argument."`
	Volatile      bool     `yaml:"volatile" default:"false" doc:"relay: leave out receivers that are behind."`
	Require       string   `yaml:"require" default:"none" enum:"none,authenticated,member,caps" doc:"What the client must be."`
	Binary        string   `yaml:"binary" default:"allow" enum:"allow,deny" doc:"Whether arguments may be binary."`
	Rate          Rate     `yaml:"rate" default:"0/s" doc:"Events of this rule that one socket may send; 0 is no limit."`
	MaxBytes      Size     `yaml:"max_bytes" default:"0" doc:"Largest event; 0 is no limit."`
	URL           string   `yaml:"url" doc:"hook: address; empty is that of hooks.event."`
	Order         string   `yaml:"order" default:"socket" enum:"socket,none" doc:"hook: one at a time for each socket, or all at once."`
	AckTimeout    Duration `yaml:"ack_timeout" default:"5s" min:"10ms" max:"5m" doc:"hook: how long the backend may take."`
	OnError       string   `yaml:"on_error" default:"ack_error" enum:"ack_error,no_ack,disconnect" doc:"hook: what the client sees when it fails."`
	Webhook       string   `yaml:"webhook" doc:"webhook: its name."`
	Ack           []any    `yaml:"ack" doc:"ack: the arguments of the answer."`
}
