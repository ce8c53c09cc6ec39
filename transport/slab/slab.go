// The slab: blocks, taking and giving back.

// Package slab holds records of one kind in blocks, each named by a small
// index. A record keeps its address while it is in use. Records with low indices
// are taken first, and a block without any goes back to the garbage collector,
// so that a server is as small after a crowd as before it.
//
// Its methods belong to the goroutine, or the lock, that owns the slab.
package slab

import "math/bits"

// Block is the number of records allocated at once: a multiple of the memory
// page for every record whose size is a multiple of 8, so that nothing is lost
// to rounding.
const Block = 1024

const words = Block / 64

// Slab holds the records. The zero Slab is empty.
type Slab[T any] struct {
	// Moving says that addresses need not last: a pointer is good until the next
	// Take. The first block then begins small and grows. Before the first Take.
	Moving bool

	blocks []block[T]
	open   int // no block before this one has a free record
	live   int
	spare  bool // one block is allocated and empty
}

// block is a run of records. Without records it has none in use.
type block[T any] struct {
	records []T
	taken   [words]uint64
	live    int
}

// Len is the number of records in use. Loop only.
func (s *Slab[T]) Len() int { return s.live }

// At returns the record with index i, which is in use. Loop only.
func (s *Slab[T]) At(i uint32) *T { return &s.blocks[i/Block].records[i%Block] }

// Find returns the record with index i, nil if it is not in use. Loop only.
func (s *Slab[T]) Find(i uint32) *T {
	if int(i/Block) >= len(s.blocks) {
		return nil
	}
	b := &s.blocks[i/Block]
	if b.taken[i%Block/64]>>(i%64)&1 == 0 {
		return nil
	}
	return &b.records[i%Block]
}

// Take returns a record and its index. The record is zero, or holds what it held
// when it was given back. Loop only.
func (s *Slab[T]) Take() (*T, uint32) {
	for s.open < len(s.blocks) && s.blocks[s.open].live == Block {
		s.open++
	}
	if s.open == len(s.blocks) {
		s.blocks = append(s.blocks, block[T]{})
	}
	b := &s.blocks[s.open]
	switch {
	case b.live == 0 && b.records != nil:
		s.spare = false
	case b.live == len(b.records):
		s.grow(b)
	}
	b.live++
	s.live++
	w := 0
	for b.taken[w] == 1<<64-1 {
		w++
	}
	bit := bits.TrailingZeros64(^b.taken[w])
	b.taken[w] |= 1 << bit
	at := w*64 + bit
	return &b.records[at], uint32(s.open*Block + at)
}

// grow makes place in a block that has none.
func (s *Slab[T]) grow(b *block[T]) {
	n := Block
	if s.Moving && len(s.blocks) == 1 {
		n = max(2*len(b.records), 4)
	}
	grown := make([]T, n)
	copy(grown, b.records)
	b.records = grown
}

// Give takes a record back. One empty block is kept, so that a single client
// that comes and goes does not make and drop a block each time. Loop only.
func (s *Slab[T]) Give(i uint32) {
	n := int(i / Block)
	b := &s.blocks[n]
	b.taken[i%Block/64] &^= 1 << (i % 64)
	b.live--
	s.live--
	s.open = min(s.open, n)
	if b.live > 0 {
		return
	}
	if s.spare {
		b.records = nil
		return
	}
	s.spare = true
}

// EachFrom calls f for the records in use from index i on, in the order of their
// indices, until f reports false. f must not give records back. Loop only.
func (s *Slab[T]) EachFrom(i uint32, f func(i uint32, v *T) bool) {
	for n := int(i / Block); n < len(s.blocks); n++ {
		b := &s.blocks[n]
		for w := range words {
			for left := b.taken[w]; left != 0; left &= left - 1 {
				at := uint32(n*Block + w*64 + bits.TrailingZeros64(left))
				if at >= i && !f(at, &b.records[at%Block]) {
					return
				}
			}
		}
	}
}

// Each calls f for every record in use, in the order of their indices. f may
// give records back. Loop only.
func (s *Slab[T]) Each(f func(*T)) {
	for n := range s.blocks {
		for w := range words {
			for left := s.blocks[n].taken[w]; left != 0; left &= left - 1 {
				at := w*64 + bits.TrailingZeros64(left)
				if b := &s.blocks[n]; b.taken[w]>>(at%64)&1 != 0 {
					f(&b.records[at])
				}
			}
		}
	}
}
