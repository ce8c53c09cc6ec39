// Huffman tables: code lengths in, tables to look codes up in out (RFC 1951 section 3.2.2).

package deflate

import "math/bits"

// entry is what a code stands for. From the lowest bit: 4 bits with the size of the code, 4 with the kind, 8 with the
// number of extra bits, 16 with the value. The zero entry is of no code.
type entry uint32

// The kinds of entries. A distance has the kind of a length.
const (
	kindNone    = iota // no code, or one that stands for nothing
	kindLiteral        // a byte, or a code length
	kindLength         // a value, to be added to what the extra bits say
	kindEnd            // the end of the block
	kindTable          // longer codes: a table at value, with so many bits as extra says
)

func newEntry(kind, value, extra uint32) entry { return entry(kind<<4 | extra<<8 | value<<16) }

func (e entry) size() uint32  { return uint32(e) & 15 }
func (e entry) kind() uint32  { return uint32(e) >> 4 & 15 }
func (e entry) extra() uint32 { return uint32(e) >> 8 & 255 }
func (e entry) value() uint32 { return uint32(e) >> 16 }

// table finds the entry of a code by its first bits; behind those entries there are tables for codes that are longer.
type table []entry

// How many bits a table is indexed by.
const (
	literalRoot = 10
	distRoot    = 8
	lengthRoot  = 7
)

// The sizes of the alphabets as streams may use them.
const (
	maxLiterals = 286
	maxDists    = 30
	maxCode     = 15
)

// literals and dists are the alphabets (section 3.2.5). The last two codes of each stand for nothing.
var literals = func() (list [288]entry) {
	for i := range uint32(256) {
		list[i] = newEntry(kindLiteral, i, 0)
	}
	list[256] = newEntry(kindEnd, 0, 0)
	base := uint32(3)
	for i := range uint32(28) {
		extra := max(i/4, 1) - 1
		list[257+i] = newEntry(kindLength, base, extra)
		base += 1 << extra
	}
	list[285] = newEntry(kindLength, maxMatch, 0)
	return list
}()

var dists = func() (list [32]entry) {
	base := uint32(1)
	for i := range uint32(maxDists) {
		extra := max(i/2, 1) - 1
		list[i] = newEntry(kindLength, base, extra)
		base += 1 << extra
	}
	return list
}()

// codeLengths is the alphabet of code lengths.
var codeLengths = func() (list [19]entry) {
	for i := range list {
		list[i] = newEntry(kindLiteral, uint32(i), 0)
	}
	return list
}()

// fixedLiterals and fixedDists are the tables of fixed blocks (section 3.2.6).
var fixedLiterals, fixedDists = func() (l, d table) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	l.build(lengths[:], literals[:], literalRoot)
	for i := range 32 {
		lengths[i] = 5
	}
	d.build(lengths[:32], dists[:], distRoot)
	return l, d
}()

// build makes the table of an alphabet whose codes have these lengths. It reports whether they make up a code: either
// every sequence of bits begins with one of them, or there is but one, of one bit, or none.
func (t *table) build(lengths []uint8, alphabet []entry, root int) bool {
	var next [maxCode + 2]uint16 // counts first, by length
	longest := 0
	for _, n := range lengths {
		next[n+1]++
		longest = max(longest, int(n))
	}
	next[1] = 0
	code := 0
	for n := 1; n <= maxCode; n++ {
		count := int(next[n+1])
		next[n] = uint16(code)
		code += count
		if code > 1<<n {
			return false
		}
		if n == longest && code != 1<<n && (n != 1 || code != 1) {
			return false
		}
		code <<= 1
	}
	size := 1 << root
	if cap(*t) < size {
		*t = make(table, size)
	}
	all := (*t)[:size]
	clear(all)
	below := max(longest-root, 0)
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		e := alphabet[i]
		at := int(bits.Reverse16(next[n]) >> (16 - n))
		next[n]++
		if int(n) <= root {
			for ; at < size; at += 1 << n {
				all[at] = e | entry(n)
			}
			continue
		}
		first := at & (size - 1)
		if all[first] == 0 {
			all[first] = newEntry(kindTable, uint32(len(all)), uint32(below)) | entry(root)
			for range 1 << below {
				all = append(all, 0)
			}
		}
		sub := all[all[first].value():][:1<<below]
		for at >>= root; at < len(sub); at += 1 << (int(n) - root) {
			sub[at] = e | entry(int(n)-root)
		}
	}
	*t = all
	return true
}

// order is the order in which the lengths of code lengths come (section 3.2.7).
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the tables of a dynamic block.
func (f *Inflater) tables() error {
	f.fill()
	numLiterals, numDists, numLengths := int(f.take(5))+257, int(f.take(5))+1, int(f.take(4))+4
	if numLiterals > maxLiterals || numDists > maxDists {
		return ErrData
	}
	var short [19]uint8
	for _, i := range order[:numLengths] {
		if f.count < 3 {
			f.fill()
		}
		short[i] = uint8(f.take(3))
	}
	if f.count < 0 || !f.literal.build(short[:], codeLengths[:], lengthRoot) {
		return ErrData
	}
	all := f.lengths[:numLiterals+numDists]
	for i := 0; i < len(all); {
		if f.count < 14 {
			f.fill()
		}
		e := f.literal[f.bits&(1<<lengthRoot-1)]
		f.take(int(e.size()))
		if e.kind() == kindNone {
			return ErrData
		}
		var value uint8
		repeat := 1
		switch n := e.value(); n {
		case 16:
			if i == 0 {
				return ErrData
			}
			value, repeat = all[i-1], 3+int(f.take(2))
		case 17:
			repeat = 3 + int(f.take(3))
		case 18:
			repeat = 11 + int(f.take(7))
		default:
			value = uint8(n)
		}
		if f.count < 0 || repeat > len(all)-i {
			return ErrData
		}
		for range repeat {
			all[i] = value
			i++
		}
	}
	if !f.literal.build(all[:numLiterals], literals[:], literalRoot) || !f.dist.build(all[numLiterals:], dists[:], distRoot) {
		return ErrData
	}
	return nil
}
