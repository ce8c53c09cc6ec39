// Memory that crypto/tls keeps and does not need between two records.

package tlsconn

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// trimFrom is the capacity in bytes from which a buffer is given up when it is
// empty. What is smaller is used again for the next small records.
const trimFrom = 4 << 10

// Two buffers of a tls.Conn are as large as the largest record and the largest
// message of its handshake were, for good: 3.5 kB from the hello of a client on,
// half of what a silent connection costs. crypto/tls has no word for giving them
// up, so they are found by their names; where there are none of these names and
// this type, nothing is given up.
var (
	rawInput = bufferAt("rawInput")
	hand     = bufferAt("hand")
)

// bufferAt is the offset of a bytes.Buffer in a tls.Conn, 0 if there is no such
// field.
func bufferAt(name string) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[bytes.Buffer]() {
		return 0
	}
	return f.Offset
}

// trim gives up the buffers that are empty and have a capacity of more than
// most. No call to the connection may be running. An empty buffer has nothing to
// lose: crypto/tls grows it before it writes into it again, and what it has
// handed out of it before stays as long as somebody refers to it.
func trim(c *tls.Conn, most int) {
	for _, at := range [...]uintptr{rawInput, hand} {
		if at == 0 {
			continue
		}
		if b := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), at)); b.Len() == 0 && b.Cap() > most {
			*b = bytes.Buffer{}
		}
	}
}
