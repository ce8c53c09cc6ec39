// The schema, first part: the process, what it listens on, the engine, the control plane, who may come in.

package config

// Config is the whole configuration.
type Config struct {
	Dev   bool `yaml:"-"` // development mode: everybody may come in, from this machine alone
	Relay bool `yaml:"-"` // development mode without namespaces given: clients of "/" talk by a relay, and no rules apply

	Server        Server        `yaml:"server" doc:"Where the server listens, and how."`
	Engine        Engine        `yaml:"engine" doc:"Options of Engine.IO, with the names and defaults of the reference."`
	Control       Control       `yaml:"control" doc:"The control plane: API, metrics, health, admin page, on a listener of its own."`
	Auth          Auth          `yaml:"auth" doc:"Who may connect."`
	Hooks         Hooks         `yaml:"hooks" doc:"Requests to the backend whose answer a client waits for."`
	Webhooks      []Webhook     `yaml:"webhooks" reload:"live" doc:"Endpoints that are told what happened."`
	Namespaces    []Namespace   `yaml:"namespaces" reload:"live" doc:"The namespaces, and the rules in them. Others cannot be joined."`
	LaravelEcho   LaravelEcho   `yaml:"laravel_echo" doc:"A built-in backend for pages with Laravel Echo."`
	Limits        Limits        `yaml:"limits" doc:"What clients may use."`
	SlowConsumers SlowConsumers `yaml:"slow_consumers" doc:"What happens to clients that do not read."`
	Overload      Overload      `yaml:"overload" doc:"When new connections are refused to keep the others."`
	Recovery      Recovery      `yaml:"recovery" doc:"Where connection state recovery keeps its state."`
	Ingest        Ingest        `yaml:"ingest" doc:"Other doors for publishers: the emitters people already have."`
	Cluster       Cluster       `yaml:"cluster" doc:"Several servers as one."`
	Drain         Drain         `yaml:"drain" doc:"How a server takes leave of its clients."`
	Log           Log           `yaml:"log" doc:"What is logged, and how."`
	Metrics       Metrics       `yaml:"metrics" doc:"What is told to Prometheus."`
}

// Server is the section server.
type Server struct {
	Listen         []string `yaml:"listen" default:":3000" reload:"restart" doc:"Addresses of the client plane: host:port, unix:/path, or fd:name for a socket that systemd opened."`
	Path           string   `yaml:"path" default:"/socket.io/" reload:"restart" doc:"Path of the engine's requests."`
	Loops          int      `yaml:"loops" default:"0" max:"256" auto:"true" reload:"restart" doc:"Event loops; 0 takes one for each processor."`
	ReusePort      bool     `yaml:"reuse_port" default:"true" reload:"restart" doc:"Let other processes listen on the same port; the kernel spreads connections over them."`
	ProxyProtocol  string   `yaml:"proxy_protocol" default:"off" enum:"off,optional,required" reload:"restart" doc:"Whether connections begin with a PROXY protocol header, version 1 or 2, sent by one of trusted_proxies."`
	TrustedProxies []string `yaml:"trusted_proxies" reload:"restart" doc:"Networks in CIDR form whose X-Forwarded-For and PROXY headers are believed; unix: is whoever connects to a unix socket."`
	ServeClient    bool     `yaml:"serve_client" default:"true" reload:"restart" doc:"Hand out the official browser client below path."`
	IOUring        string   `yaml:"io_uring" default:"auto" enum:"auto,on,off" reload:"restart" doc:"Send what leaves for several clients at a time by io_uring; auto does where the system allows it."`
	TLS            TLS      `yaml:"tls" doc:"TLS on the client plane."`
}

// TLS is the section server.tls.
type TLS struct {
	Enabled    bool   `yaml:"enabled" default:"false" reload:"restart" doc:"Speak TLS on server.listen."`
	Cert       string `yaml:"cert" reload:"live" doc:"PEM file with the certificate and those behind it; read again at a reload."`
	Key        string `yaml:"key" reload:"live" doc:"PEM file with its key."`
	ClientCA   string `yaml:"client_ca" reload:"restart" doc:"PEM file with authorities: clients must show a certificate of one of them."`
	MinVersion string `yaml:"min_version" default:"1.2" enum:"1.2,1.3" reload:"restart" doc:"Oldest version of TLS."`
}

// Engine is the section engine.
type Engine struct {
	Transports     []string    `yaml:"transports" default:"polling,websocket" enum:"polling,websocket" reload:"restart" doc:"Transports offered."`
	PingInterval   Duration    `yaml:"ping_interval" default:"25s" min:"1ms" max:"24h" reload:"restart" doc:"Time between heartbeats."`
	PingTimeout    Duration    `yaml:"ping_timeout" default:"20s" min:"1ms" max:"24h" reload:"restart" doc:"How long a client may take to answer one."`
	UpgradeTimeout Duration    `yaml:"upgrade_timeout" default:"10s" min:"1ms" max:"24h" reload:"restart" doc:"How long an upgrade from polling to websocket may take."`
	KeepAlive      Duration    `yaml:"keep_alive_timeout" default:"5s" min:"1s" max:"24h" reload:"restart" doc:"How long a connection is kept between two requests; clients are told, and given a second more. A proxy that keeps connections should give them up earlier."`
	ConnectTimeout Duration    `yaml:"connect_timeout" default:"45s" min:"1ms" max:"24h" reload:"restart" doc:"How long a client may be in no namespace before its connection is closed."`
	MaxPayload     Size        `yaml:"max_payload" default:"1MB" min:"1B" reload:"restart" doc:"Largest polling body or websocket message; maxHttpBufferSize of the reference."`
	AllowEIO3      bool        `yaml:"allow_eio3" default:"false" reload:"restart" doc:"Let clients of Socket.IO 2 in. It offers JSONP too, to which no rule about origins applies."`
	Compression    Compression `yaml:"compression" doc:"permessage-deflate for websockets."`
	CORS           CORS        `yaml:"cors" doc:"What pages of the allowed origins may do."`
}

// Compression is the section engine.compression.
type Compression struct {
	Enabled         bool `yaml:"enabled" default:"false" reload:"restart" doc:"Compress websocket messages for clients that offer it."`
	Threshold       Size `yaml:"threshold" default:"1KiB" reload:"restart" doc:"Shortest message that is compressed."`
	ContextTakeover bool `yaml:"context_takeover" default:"false" reload:"restart" doc:"Let messages refer to those before, for memory of each client."`
}

// CORS is the section engine.cors.
type CORS struct {
	Credentials bool     `yaml:"credentials" default:"true" reload:"restart" doc:"Allow cookies and authorization with requests of other origins."`
	Headers     []string `yaml:"headers" reload:"restart" doc:"Request headers that pages may set; empty allows those that a browser asks for."`
	MaxAge      Duration `yaml:"max_age" default:"10m" reload:"restart" doc:"How long a browser may remember the answer."`
}

// Control is the section control.
type Control struct {
	Listen     string     `yaml:"listen" default:"127.0.0.1:3001" reload:"restart" doc:"Address of the control plane, host:port or unix:/path."`
	Keys       []Key      `yaml:"keys" reload:"live" doc:"Keys of the API."`
	AdminUI    AdminUI    `yaml:"admin_ui" doc:"The admin page."`
	Instrument Instrument `yaml:"instrument" doc:"The protocol of the official admin UI."`
	Pprof      bool       `yaml:"pprof" default:"false" reload:"restart" doc:"Serve /debug/pprof to keys with the scope admin."`
}

// Key is an element of control.keys.
type Key struct {
	Name       string   `yaml:"name" required:"true" doc:"Name in logs and metrics."`
	Key        Secret   `yaml:"key" doc:"The key itself; or give sha256."`
	SHA256     string   `yaml:"sha256" doc:"Its SHA-256 in hexadecimal, so that the file does not hold the key."`
	Scopes     []string `yaml:"scopes" default:"emit,read" enum:"emit,read,manage,admin" doc:"What it may do."`
	Namespaces []string `yaml:"namespaces" doc:"Namespaces it may touch; empty is all."`
	CIDRs      []string `yaml:"cidrs" doc:"Networks it may come from; empty is all."`
	Rate       Rate     `yaml:"rate" default:"0/s" doc:"Requests it may make; 0 is no limit."`
}

// AdminUI is the section control.admin_ui.
type AdminUI struct {
	Enabled    bool     `yaml:"enabled" default:"false" reload:"restart" doc:"Serve the admin page."`
	Path       string   `yaml:"path" default:"/admin/" reload:"restart" doc:"Its path on the control plane."`
	SessionTTL Duration `yaml:"session_ttl" default:"12h" min:"1m" reload:"live" doc:"How long a login lasts."`
	ReadOnly   bool     `yaml:"readonly" default:"false" reload:"live" doc:"Show everything, change nothing."`
}

// Instrument is the section control.instrument.
type Instrument struct {
	Enabled   bool   `yaml:"enabled" default:"false" reload:"restart" doc:"Speak the protocol of @socket.io/admin-ui in a namespace of the client plane. The origin of its page must be one of auth.allowed_origins."`
	Namespace string `yaml:"namespace" default:"/admin" reload:"restart" doc:"The namespace."`
	Username  string `yaml:"username" default:"admin" reload:"restart" doc:"Who may log in."`
	Password  Secret `yaml:"password" reload:"restart" doc:"The password's bcrypt hash."`
	ReadOnly  bool   `yaml:"readonly" default:"false" reload:"restart" doc:"Offer no commands."`
	Mode      string `yaml:"mode" default:"production" enum:"production,development" reload:"restart" doc:"production tells sums; development each socket, room and event too, up to a limit."`
}

// Auth is the section auth.
type Auth struct {
	Required       bool     `yaml:"required" default:"true" reload:"live" doc:"Refuse clients that no method knows."`
	AllowedOrigins []string `yaml:"allowed_origins" reload:"live" doc:"Origins of pages that may connect, with * for a part of a name; empty is the server's own host, \"*\" is every origin."`
	JWT            JWT      `yaml:"jwt" doc:"JSON Web Tokens."`
	UserHeader     string   `yaml:"user_header" reload:"live" doc:"Header with the user's id, set by a gateway; believed from server.trusted_proxies only."`
	OnExpire       OnExpire `yaml:"on_expire" doc:"What happens when a token of a live connection expires."`
}

// JWT is the section auth.jwt.
type JWT struct {
	Enabled    bool        `yaml:"enabled" default:"false" reload:"live" doc:"Accept tokens."`
	From       []string    `yaml:"from" default:"auth.token,header.authorization,query.access_token" reload:"live" doc:"Where to look for one, the first that is there wins: auth.NAME, header.NAME, query.NAME."`
	HMACSecret Secrets     `yaml:"hmac_secret" reload:"live" doc:"Secrets of HS256, HS384, HS512: the first signs, all verify."`
	PublicKeys []PublicKey `yaml:"public_keys" reload:"live" doc:"Public keys."`
	JWKS       JWKS        `yaml:"jwks" doc:"Public keys from an address."`
	Algorithms []string    `yaml:"algorithms" default:"HS256" enum:"HS256,HS384,HS512,RS256,RS384,RS512,ES256,ES384,ES512,EdDSA" reload:"live" doc:"Algorithms that are accepted."`
	Issuer     string      `yaml:"issuer" reload:"live" doc:"Required iss; empty is any."`
	Audience   string      `yaml:"audience" reload:"live" doc:"Required aud; empty is any."`
	Leeway     Duration    `yaml:"leeway" default:"5s" max:"10m" reload:"live" doc:"How far clocks may differ."`
	RequireExp bool        `yaml:"require_exp" default:"true" reload:"live" doc:"Refuse tokens that never expire."`
	UserClaim  string      `yaml:"user_claim" default:"sub" reload:"live" doc:"Claim with the user's id."`
}

// PublicKey is an element of auth.jwt.public_keys.
type PublicKey struct {
	Algorithm string `yaml:"algorithm" required:"true" enum:"RS256,RS384,RS512,ES256,ES384,ES512,EdDSA" doc:"The algorithm it is for."`
	PEM       string `yaml:"pem" required:"true" doc:"The key in PEM form."`
	KeyID     string `yaml:"kid" doc:"Key id; empty matches every token."`
}

// JWKS is the section auth.jwt.jwks.
type JWKS struct {
	URL      string   `yaml:"url" reload:"live" doc:"Address of the set; empty is none."`
	Refresh  Duration `yaml:"refresh" default:"10m" min:"1s" reload:"live" doc:"How often it is fetched."`
	Timeout  Duration `yaml:"timeout" default:"2s" min:"10ms" max:"1m" reload:"live" doc:"How long a fetch may take."`
	MaxStale Duration `yaml:"max_stale" default:"24h" reload:"live" doc:"How long keys are used when it cannot be fetched."`
}

// OnExpire is the section auth.on_expire.
type OnExpire struct {
	WarnBefore Duration `yaml:"warn_before" default:"30s" reload:"live" doc:"How long before, the client is sent $token:expiring."`
	Action     string   `yaml:"action" default:"disconnect" enum:"disconnect,ignore" reload:"live" doc:"What follows if it is not refreshed."`
}
