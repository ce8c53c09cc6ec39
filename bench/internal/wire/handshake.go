// The opening handshake of websocket (RFC 6455 section 4) and its keys.

package wire

import (
	"crypto/sha1"
	"encoding/base64"
)

// magicGUID is appended to the key before it is hashed (RFC 6455 section 1.3).
const magicGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// AcceptKey is the value of Sec-WebSocket-Accept for a key. Any goroutine.
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + magicGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// AppendUpgradeRequest appends a websocket opening request. extra is further
// header lines, each with its line end. Any goroutine.
func AppendUpgradeRequest(dst []byte, host, target, key, extra string) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	dst = append(dst, key...)
	dst = append(dst, "\r\n"...)
	dst = append(dst, extra...)
	return append(dst, "\r\n"...)
}
