// Package tlsconn runs crypto/tls on connections that do not block. A [Conn] is
// given the bytes that have come and gives the bytes that are to go; between
// two calls it has no goroutine.
//
// crypto/tls wants a connection that blocks, and fails for good when a handshake
// is interrupted. After the handshake it does not: an error of its connection
// that is temporary leaves a record half read, and the next Read goes on with
// it. So a handshake borrows a goroutine, of which [Handshakes] limits the
// number and the work at one time, and afterwards [Conn.Read] says
// [ErrWouldBlock] when it has used up what came.
//
// # Handshakes
//
//	state       holds                     goes on to
//	hello       bytes of the first record queued or running, when the record is complete
//	queued      those bytes               running, when there is a place
//	running     a goroutine               done
//	  computing, a part of a processor    waiting, when crypto/tls wants bytes
//	  waiting for the client              computing, when they come
//	done        nothing                   -
//
// A client that says nothing costs no goroutine, and one that stops in the middle
// holds a place until its connection closes, or until somebody wants the place
// and it has been waiting for [evictAfter].
package tlsconn
