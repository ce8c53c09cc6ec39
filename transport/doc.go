// Package transport carries Engine.IO sessions over HTTP/1.1 long polling and
// websocket. It does no I/O and starts no goroutines: a [Network] feeds bytes
// into the [Engine] of an event loop and takes what the engine writes, and a
// [Handler] is told what happens on the sessions. Applications use package
// loop instead; this package is public because of its place and may change.
//
// # Connections
//
// Bytes of a connection are read by the state it is in.
//
//	state      reads                 deadline              goes on to
//	HTTP       requests              head, body, idle      websocket, candidate, closing
//	candidate  the probe             UpgradeTimeout        websocket, closing
//	websocket  messages              the session's         closing
//	closing    nothing, discards     progress in writing   discarding, draining, closed
//	discarding the end of a body     LingerTimeout         draining
//	draining   nothing, discards     LingerTimeout         closed
//	closed     -                     end of the batch      its record is another's
//
// Output of a batch is put together and written once. A connection with bytes
// that the kernel did not take is looked at once a second and closed if it
// makes no progress, or if a burst for it does not fall back to OutboundBytes
// within OutboundGrace. One that ends while the peer may be sending is drained
// first, because closing a socket with unread bytes would reset it and could
// destroy the last answer. If the answer came before the end of a body, the
// rest of that is read over before the sending half is shut down, because
// clients that are still sending take the end for a failure. At most
// LingerBytes are discarded in all.
//
// A request outside the engine's path may be served elsewhere: its connection
// leaves, with that request unread, as soon as those before it are answered.
//
// A request that the layer above wants to be asked about waits at the gate: its
// connection reads on and acts upon nothing until the [Verdict] is there, for
// GateTimeout at most. Requests before it are answered meanwhile.
//
// # Sessions
//
//	state      over                  deadline              ends by
//	open       polling, websocket    ping, pong, connect   either side, a fault, a missing pong or ping
//	lingering  polling               SessionLinger         the poll that is told of the close
//	closed     -                     end of the batch      its record is another's
//
// A session lives on one loop, which its id names. Polling requests that reach
// another loop are forwarded and answered there; a websocket that wants to take
// a session over moves to the session's loop before it is accepted.
//
// A session speaks the revision of Engine.IO in which its client asked for it.
// That, and whether the client can read bytes, is the session's dialect; code
// for the first dialect, revision 4 with binary frames, passes by all others
// with one comparison.
//
// The handler hears of each session once that it opened and once that it
// closed, and nothing after that. Messages arrive in the order in which they
// were sent, also across an upgrade. A poll whose answer cannot be delivered
// ends its session, since packets were lost with it.
//
// # Faults
//
// A request that breaks HTTP is answered and its connection ends; its session,
// if it has one, is not harmed unless a request of it is cut off. Frames that
// break RFC 6455 end the websocket with the close code of the fault. Packets
// that break Engine.IO end the session; polling answers "ok" nevertheless, as
// clients of the reference expect. A panic of the handler ends the session or
// the connection it was told about, see [Engine.Panicked].
package transport
