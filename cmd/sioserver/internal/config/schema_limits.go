// The schema, third part: limits, recovery, ingest, cluster, drain, log, metrics.

package config

// Limits is the section limits.
type Limits struct {
	MaxConnections          int    `yaml:"max_connections" default:"0" auto:"true" reload:"restart" doc:"Connections from which clients are refused with 503; up to 64 more are taken to tell them. 0 is what open files and memory allow."`
	MaxConnectionsPerIP     int    `yaml:"max_connections_per_ip" default:"0" reload:"live" doc:"Sessions from one address; 0 is no limit."`
	MaxConnectionsPerUser   int    `yaml:"max_connections_per_user" default:"0" reload:"live" doc:"Sockets of one user in a namespace; 0 is no limit."`
	OnUserLimit             string `yaml:"on_user_limit" default:"reject" enum:"reject,close_oldest" reload:"live" doc:"What happens with one more."`
	ConnectRate             Rate   `yaml:"connect_rate" default:"0/s" reload:"live" doc:"Sessions opened, with bursts of twice that; 0 is no limit."`
	EventsPerSecond         Rate   `yaml:"events_per_second" default:"100/s" reload:"live" doc:"Events of one socket, with bursts of twice that; 0 is no limit."`
	BytesPerSecond          Size   `yaml:"bytes_per_second" default:"1MiB" reload:"live" doc:"Bytes of events of one socket each second, with bursts of twice that; 0 is no limit."`
	Violation               string `yaml:"violation" default:"drop" enum:"drop,ack_error,disconnect" reload:"live" doc:"What happens with events beyond; disconnect does at the third."`
	MaxRoomsPerSocket       int    `yaml:"max_rooms_per_socket" default:"100" min:"1" reload:"restart" doc:"Rooms of one socket."`
	MaxSocketsPerConnection int    `yaml:"max_sockets_per_connection" default:"10" min:"1" reload:"restart" doc:"Namespaces of one connection."`
	RoomNameMax             int    `yaml:"room_name_max" default:"200" min:"1" reload:"live" doc:"Bytes of a room's name."`
	EventNameMax            int    `yaml:"event_name_max" default:"200" min:"1" reload:"restart" doc:"Bytes of an event's name."`
	APIBody                 Size   `yaml:"api_body" default:"10MB" min:"1KiB" reload:"live" doc:"Largest body of a request to the API."`
}

// SlowConsumers is the section slow_consumers.
type SlowConsumers struct {
	QueueBytes    Size     `yaml:"queue_bytes" default:"1MiB" min:"1KiB" max:"2047MiB" reload:"restart" doc:"Bytes that may wait for one client; beyond, the policy decides."`
	QueueMessages int      `yaml:"queue_messages" default:"0" min:"0" reload:"restart" doc:"Events that may wait for one client where policies other than disconnect can drop them, each of which costs 128 of queue_bytes beside its own; 0 is no limit by number."`
	Policy        string   `yaml:"policy" default:"disconnect" enum:"disconnect,drop_newest,drop_oldest,conflate" reload:"restart" doc:"disconnect closes the transport, so that the client comes back and recovers; drop_newest and drop_oldest drop events until there is room; conflate lets only the last of the events wait that were emitted with the same name and \"conflate\" key, and closes like disconnect if too much waits all the same. Acknowledgements, and events that are to be acknowledged, are never dropped."`
	DetectBytes   Size     `yaml:"detect_bytes" default:"0" max:"2047MiB" reload:"restart" doc:"Bytes that wait from which slow_consumer.detected is told; 0 is half of queue_bytes."`
	StallTimeout  Duration `yaml:"stall_timeout" default:"15s" min:"1s" max:"24h" reload:"restart" doc:"How long bytes may wait without one being taken."`
}

// Overload is the section overload.
type Overload struct {
	MemoryHigh     Percent  `yaml:"memory_high" default:"85%" min:"1%" reload:"live" doc:"Use of the memory limit from which new connections are refused and /readyz fails."`
	MemoryCritical Percent  `yaml:"memory_critical" default:"93%" min:"1%" reload:"live" doc:"Use from which clients with the longest queues are closed too."`
	LoopLagHigh    Duration `yaml:"loop_lag_high" default:"250ms" min:"1ms" reload:"live" doc:"Delay of an event loop from which new connections are refused."`
}

// Recovery is the section recovery.
type Recovery struct {
	Backend  string `yaml:"backend" default:"memory" enum:"memory,redis_streams" reload:"restart" doc:"Where it is kept: memory is that of this server and works without a cluster, redis_streams goes with the cluster of that name, and clients come back on any server."`
	MaxBytes Size   `yaml:"max_bytes" default:"256MiB" min:"1KiB" max:"2047MiB" reload:"restart" doc:"Bytes of packets kept in memory."`
}

// Ingest is the section ingest.
type Ingest struct {
	Redis IngestRedis `yaml:"redis" doc:"Messages from Redis."`
}

// IngestRedis is the section ingest.redis.
type IngestRedis struct {
	Enabled       bool     `yaml:"enabled" default:"false" reload:"restart" doc:"Listen to Redis."`
	URL           Secret   `yaml:"url" default:"redis://127.0.0.1:6379/0" reload:"restart" doc:"Address."`
	Dialects      []string `yaml:"dialects" default:"socketio" enum:"socketio,python,laravel" reload:"restart" doc:"Whose messages: @socket.io/redis-emitter, python-socketio write_only, Laravel broadcasting."`
	Key           string   `yaml:"key" default:"socket.io" reload:"restart" doc:"socketio: prefix of the channels."`
	PythonChannel string   `yaml:"python_channel" default:"socketio" reload:"restart" doc:"python: the channel."`
	LaravelPrefix string   `yaml:"laravel_prefix" reload:"restart" doc:"laravel: prefix of the channels, which is left out of the room's name."`
}

// Cluster is the section cluster.
type Cluster struct {
	Backend string `yaml:"backend" default:"none" enum:"none,redis,redis_sharded,redis_streams" reload:"restart" doc:"What the servers share; each speaks the format of the official adapter of that name."`
	URL     Secret `yaml:"url" default:"redis://127.0.0.1:6379/0" reload:"restart" doc:"Address: redis://, rediss:// with TLS, unix:///path; ?addr= names further hosts of a Redis Cluster, ?master_name= the master that sentinels watch."`
	Key     string `yaml:"key" default:"socket.io" reload:"restart" doc:"Prefix of the channels, or the stream's name."`
	NodeID  string `yaml:"node_id" auto:"true" reload:"restart" doc:"Name of this server in logs, webhooks and the API; empty is the host's name and the process id."`
}

// Drain is the section drain.
type Drain struct {
	PreStop Duration `yaml:"pre_stop" default:"5s" reload:"live" doc:"How long the server goes on accepting after /readyz has begun to fail."`
	Over    Duration `yaml:"over" default:"30s" reload:"live" doc:"The time over which transports are closed."`
	MaxRate Rate     `yaml:"max_rate" default:"2000/s" reload:"live" doc:"Transports closed each second at most."`
	Timeout Duration `yaml:"timeout" default:"60s" reload:"live" doc:"How long everything may take, webhooks included."`
	Notify  bool     `yaml:"notify" default:"true" reload:"live" doc:"Send $server:draining to clients first."`
}

// Log is the section log.
type Log struct {
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" reload:"live" doc:"Least important level that is logged."`
	Format string `yaml:"format" default:"auto" enum:"auto,text,json" reload:"restart" doc:"auto is text on a terminal, JSON elsewhere."`
}

// Metrics is the section metrics.
type Metrics struct {
	Enabled     bool     `yaml:"enabled" default:"true" reload:"restart" doc:"Serve /metrics on the control plane."`
	EventLabels []string `yaml:"event_labels" reload:"live" doc:"Names of events that become labels; all others are \"other\"."`
}
