// Package rooms knows who is in which room, and how a broadcast reaches them,
// on this server and on others.
//
// # A broadcast
//
// A namespace keeps one [Shard] for each event loop, with the sockets that live
// there. A broadcast is encoded once; then each shard is asked for the sockets
// of its [Target], under the shard's lock and as of that moment, and the list
// goes to the loop, which writes. No lock is held while anything is written,
// and what a goroutine does in order (join, then broadcast, then leave) takes
// effect in that order.
//
// # Other servers
//
// An [Adapter] connects the rooms of a namespace with those of the same
// namespace on other servers. It is told of every broadcast and of every request
// that concerns sockets elsewhere, and reaches the sockets of this server
// through [Local]. The default, [InProcess], has no other servers.
package rooms
