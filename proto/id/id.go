// Ids: how they are written and made.

// Package id holds the ids of the protocol: of Engine.IO sessions, of Socket.IO
// sockets and of recovery. Each is 15 bytes, written as 20 characters of
// base64url, the length that clients, load balancers and other servers expect.
//
// Ids are random. One byte can carry a tag, hidden among random ones, by which
// a server finds the loop an id belongs to without a table shared by all loops.
package id

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
)

// Len is the length of an id as text, in bytes.
const Len = 20

// ID is an id. The zero ID is none.
type ID [15]byte

// Append appends the id as text. Any goroutine.
func (id ID) Append(dst []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, id[:])
}

// String returns the id as text. Any goroutine.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Tag is the tag an id was made with. Any goroutine.
func (id ID) Tag() uint8 { return id[14] ^ id[0] ^ id[7] }

// Equal compares without telling by its duration how much agreed. Any
// goroutine.
func (id *ID) Equal(other *ID) bool {
	return subtle.ConstantTimeCompare(id[:], other[:]) == 1
}

// hash is where the search for an id in a table begins.
func (id *ID) hash() uint32 { return binary.LittleEndian.Uint32(id[1:]) }

// Parse reads an id from its text. Any goroutine.
func Parse[T string | []byte](text T) (id ID, ok bool) {
	if len(text) != Len {
		return id, false
	}
	var buf [Len]byte
	copy(buf[:], text)
	n, err := base64.RawURLEncoding.Decode(id[:], buf[:])
	return id, err == nil && n == len(id)
}

// Source makes ids from crypto/rand, which it reads in blocks: one system call
// for each id would be a noticeable part of a handshake. The zero value is
// ready. It belongs to one goroutine.
type Source struct {
	block [1024]byte
	left  int
}

// New returns an id with 112 random bits and a tag. Loop only.
func (s *Source) New(tag uint8) (id ID) {
	const n = len(id) - 1
	if s.left < n {
		// crypto/rand.Read never fails on a supported system; it ends the
		// process instead, which beats a guessable id.
		_, _ = rand.Read(s.block[:])
		s.left = len(s.block)
	}
	from := s.block[len(s.block)-s.left:][:n]
	copy(id[:n], from)
	clear(from)
	s.left -= n
	id[n] = tag ^ id[0] ^ id[7]
	return id
}
