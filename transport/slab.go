// Records in blocks that never move, named by index.

package transport

// slabBlock is the number of records allocated at once. A block is large
// enough to make the allocator's share negligible and small enough that a
// server with few clients stays small.
const slabBlock = 256

// Slab holds records of one kind for one loop. A record keeps its address, and
// its index is free for reuse once given back. The zero Slab is empty.
type Slab[T any] struct {
	blocks []*[slabBlock]T
	free   []uint32
	next   uint32
}

// At returns the record with index i, which Take has returned before. Loop only.
func (s *Slab[T]) At(i uint32) *T {
	return &s.blocks[i/slabBlock][i%slabBlock]
}

// Known reports whether index i was ever in use. Loop only.
func (s *Slab[T]) Known(i uint32) bool { return i < s.next }

// Take returns a record that is not in use and its index. The record holds
// what it held when it was given back. Loop only.
func (s *Slab[T]) Take() (*T, uint32) {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return s.At(i), i
	}
	i := s.next
	if i%slabBlock == 0 {
		s.blocks = append(s.blocks, new([slabBlock]T))
	}
	s.next++
	return s.At(i), i
}

// Give takes a record back. Loop only.
func (s *Slab[T]) Give(i uint32) { s.free = append(s.free, i) }

// Each calls f for every record ever taken; the caller tells the live ones.
// Loop only.
func (s *Slab[T]) Each(f func(*T)) {
	for i := range s.next {
		f(s.At(i))
	}
}
