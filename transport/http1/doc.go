// Package http1 reads HTTP/1.x request heads and bodies from bytes that arrive in pieces, and appends the answers.
//
// Stay if you feed a connection; everybody else wants the package above. Nothing here performs I/O, reads a clock, logs or
// starts a goroutine: bytes go in, views and appended bytes come out.
//
// One request is read in three steps:
//
//	n, err := head.Parse(buf, &limits, &request) // until n > 0
//	err = body.Begin(&request, &limits)          // decides the framing, refuses from Content-Length alone
//	k, out, done, err := body.Feed(buf[n:], out) // until done
//
// # What is accepted
//
// RFC 9112 without its leniencies. Lines end in CRLF only; a bare CR, a bare LF, a folded line, a space before the colon and any
// control byte but HTAB are refused. Targets are origin-form, absolute-form with http or https, or the asterisk. One Host line is
// required in 1.1. A body is framed by one Content-Length of plain digits or by the single coding "chunked", never both; 1.0 knows
// no chunked. Trailers are checked and thrown away.
//
// # Refusals
//
// Every refusal is a preallocated *Error that holds the status of the answer. After one, the bytes that follow have no meaning:
// the connection gets AppendError and is closed. The verdict depends on the bytes alone, never on how they were cut, and a limit
// is refused at the first byte beyond it, without waiting for the end of the line.
//
// # Memory
//
// A Request holds views of the head buffer and is meant to be shared by all connections of a loop. What must survive between
// reads is in Head and Body, which are small values. Field lines are not indexed: those the engine asks for are found in the one
// pass over the head, the others by walking the verified lines again, which only a handshake does.
package http1
