// What this package is.

// Package rules says what happens with the events of clients: each namespace has
// a list of rules, the first whose pattern fits decides. Relays and fixed answers
// run on the event loop without a detour; hooks are asked beside it, in the order
// of the socket's events; the built-in commands ($join, $leave, $publish,
// $presence, $refresh) run where handlers run. Limits of events and bytes come
// before all of them.
package rules
