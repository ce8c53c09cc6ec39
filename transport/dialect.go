// How the packets of a session look on the wire: what the request that opened its transport decides.

package transport

import (
	"encoding/base64"
	"strconv"

	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/ws"
)

// dialect is the form of a client's packets. The zero value is revision 4 with
// binary frames, which nearly all clients speak.
type dialect uint8

const (
	inRevision3 dialect = 1 << iota // a client of version 1 or 2
	inBase64                        // it cannot read bytes: binary goes as text
	dialects    = 1 << iota
)

// dialectOf is the dialect that a request asks for.
func dialectOf(q *http1.Query) (d dialect) {
	if revision(q) == 3 {
		d = inRevision3
	}
	if len(q.B64) > 0 {
		d |= inBase64
	}
	return d
}

// revision is the Engine.IO revision that a request means: whatever is not 4 is
// 3, as the reference has it.
func revision(q *http1.Query) uint8 {
	if len(q.EIO) == 1 && q.EIO[0] == '4' {
		return 4
	}
	return 3
}

// revision3 reports whether the client is of version 1 or 2.
func (d dialect) revision3() bool { return d&inRevision3 != 0 }

// codec encodes and decodes the dialect's packets.
func (d dialect) codec() engineio.Codec {
	if d.revision3() {
		return engineio.V3
	}
	return engineio.V4
}

// binaryFrame is the number of bytes of a websocket frame with a binary message
// of n bytes.
func (d dialect) binaryFrame(n int) int {
	if d != 0 {
		n += d.overhead(n)
	}
	return ws.HeaderSize(n) + n
}

// overhead is the number of bytes that a binary message of n bytes is longer by
// in a dialect other than the first.
func (d dialect) overhead(n int) (more int) {
	if d&inBase64 != 0 {
		more = 1 + base64.StdEncoding.EncodedLen(n) - n
	}
	if d.revision3() {
		more++
	}
	return more
}

// appendBinaryFrame appends a websocket frame with a binary message.
func (d dialect) appendBinaryFrame(dst, data []byte) []byte {
	if d != 0 {
		return d.appendOtherFrame(dst, data)
	}
	return ws.AppendFrame(dst, ws.OpBinary, data)
}

func (d dialect) appendOtherFrame(dst, data []byte) []byte {
	n := len(data) + d.overhead(len(data))
	if d&inBase64 == 0 {
		dst = ws.AppendHeader(dst, ws.OpBinary, true, false, n)
		return append(d.codec().AppendBinaryPrefix(dst), data...)
	}
	dst = append(ws.AppendHeader(dst, ws.OpText, true, false, n), 'b')
	if d.revision3() {
		dst = strconv.AppendInt(dst, int64(engineio.Message), 10)
	}
	return base64.StdEncoding.AppendEncode(dst, data)
}
