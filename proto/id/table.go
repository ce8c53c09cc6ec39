// The table that finds a record by its id.

package id

// Table finds the index of a record by the record's id: open addressing with
// linear probing over indices, while the ids stay in the records. An entry
// costs 4 bytes divided by the load, which lies between 3/8 and 3/4. It belongs
// to one goroutine, or to a lock.
type Table struct {
	slots []uint32 // index + 1, 0 for none
	n     int
	at    func(index uint32) *ID
}

// NewTable returns an empty table; at returns the id of record index. Any
// goroutine.
func NewTable(at func(index uint32) *ID) Table { return Table{at: at} }

// Len is the number of entries. Loop only.
func (t *Table) Len() int { return t.n }

// Find returns the index of the record with this id. Loop only.
func (t *Table) Find(id *ID) (index uint32, ok bool) {
	if t.n == 0 {
		return 0, false
	}
	mask := uint32(len(t.slots) - 1)
	for i := id.hash() & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if t.at(t.slots[i] - 1).Equal(id) {
			return t.slots[i] - 1, true
		}
	}
	return 0, false
}

// Insert adds a record, whose id must be set and not be in the table. Loop only.
func (t *Table) Insert(index uint32) {
	if (t.n+1)*4 > len(t.slots)*3 {
		t.resize(max(16, len(t.slots)*2))
	}
	t.n++
	t.place(index)
}

func (t *Table) place(index uint32) {
	mask := uint32(len(t.slots) - 1)
	i := t.at(index).hash() & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = index + 1
}

func (t *Table) resize(size int) {
	old := t.slots
	t.slots = make([]uint32, size)
	for _, s := range old {
		if s != 0 {
			t.place(s - 1)
		}
	}
}

// tableKeep is the number of slots below which a table does not shrink.
const tableKeep = 1024

// Remove takes a record out, whose id must be the one it was inserted with, and
// moves up the entries behind it, so that no tombstones gather. Loop only.
func (t *Table) Remove(index uint32) {
	if t.n == 0 {
		return
	}
	mask := uint32(len(t.slots) - 1)
	i := t.at(index).hash() & mask
	for t.slots[i] != index+1 {
		if t.slots[i] == 0 {
			return
		}
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		home := t.at(t.slots[j]-1).hash() & mask
		// An entry may move to the hole unless its home lies behind the hole.
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
	t.n--
	if len(t.slots) > tableKeep && t.n*8 < len(t.slots) {
		t.resize(len(t.slots) / 2)
	}
}
