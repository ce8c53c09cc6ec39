// Package redisstreams joins servers over a Redis stream, in the wire format of
// the npm package @socket.io/redis-streams-adapter 0.3: servers of this project
// and servers of the reference share rooms, and a cluster can be moved from one to
// the other server by server. It needs Redis 6.2 or later.
//
//	cluster, err := redisstreams.New(redisstreams.Options{Client: client})
//	server, err := loop.New(loop.Config{Adapter: cluster.Adapter})
//
// # What goes through Redis
//
// Broadcasts, commands for sockets and events between servers are entries of a
// stream, which each server reads from where it was: when Redis was away for a
// while nothing is lost, as long as it keeps the stream and the stream is longer
// than what came meanwhile. Requests and their answers go over Pub/Sub, because
// nobody wants them later.
//
// # What never waits
//
// Nothing that is published waits for Redis: it goes into a queue, limited by
// Options.QueueMessages and Options.QueueBytes, which one goroutine writes out in
// batches. When Redis cannot be reached the queue fills, then its oldest messages
// are dropped and counted; the rooms of this server go on as ever. What may or
// may not have reached Redis when a connection broke is looked up in the stream
// before it is written again.
//
// # Clients that come back
//
// The adapters are [rooms.Recoverer]: with connection state recovery on, events
// go to the sockets of this server too when they come back from the stream, so
// that all servers have them in one order, and a client that lost its connection
// comes back on any server. Without recovery they get them at once.
//
// # What is read
//
// One connection reads each stream, whatever number of namespaces there are. An
// entry that cannot be used is counted and passed over. If the stream was cut or
// lost where this server was to go on, that is counted as a gap.
package redisstreams
