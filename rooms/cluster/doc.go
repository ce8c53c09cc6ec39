// Package cluster holds the messages that servers send each other over any
// transport that the reference's ClusterAdapter runs on, and an adapter that
// speaks them: what an event, a request or an answer becomes, and what is done
// with one that comes. A [Bus] carries them. An [Emitter] is for processes that are no
// servers.
package cluster
