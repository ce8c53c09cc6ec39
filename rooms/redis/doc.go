// Package redis joins servers over Redis Pub/Sub, in the wire format of the npm
// package @socket.io/redis-adapter, versions 7 and 8: servers of this project and
// servers of the reference share rooms, and a cluster can be moved from one to
// the other server by server.
//
//	cluster, err := redis.New(redis.Options{Client: client})
//	server, err := loop.New(loop.Config{Adapter: cluster.Adapter})
//
// With Options.Sharded it is the format of that package's createShardedAdapter.
//
// # What goes through Redis
//
// A broadcast is published once, on the channel of its namespace, or on that of
// its room if it has one room only; receivers that have nobody in that room drop
// it before they read it. Requests (who is in a room, join, leave, disconnect,
// events between servers, broadcasts that want answers) go through a channel of
// their own, answers through another.
//
// # What never waits
//
// Nothing that is published waits for Redis: it goes into a queue, limited by
// Options.QueueMessages and Options.QueueBytes, which one goroutine writes out in
// batches. When Redis cannot be reached the queue fills, then its oldest messages
// are dropped and counted; the rooms of this server go on as ever. Pub/Sub
// delivers at most once: what other servers send while the subscription is broken
// is lost, as it is with the reference.
//
// The subscribed connection is asked for a sign of life when it has been silent
// for two seconds, and replaced when there is none in two more: a wire that was
// cut without a word is noticed by that. Attempts to reach Redis again are at most
// three quarters of a second apart.
//
// # Numbers of servers
//
// Who waits for answers asks Redis how many servers there are, which takes one
// round trip, and waits for that many answers until Options.RequestsTimeout. A
// server that has died is counted until Redis notices that its connection has
// gone; until then waits end by their time with what has come.
package redis
