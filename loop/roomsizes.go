// The rooms of a namespace in the order of their names, with their sizes.

package loop

import (
	"cmp"
	"slices"

	"github.com/sioserver/sioserver/rooms"
)

// RoomSizes are the rooms of this server whose names begin with prefix and come
// behind after, most of them at most, in the order of their names; the rooms of
// single sockets are not among them. It looks at the names of all rooms, for
// which joins and broadcasts wait: some milliseconds for 100,000 of them.
func (n *Namespace) RoomSizes(prefix, after string, most int) []rooms.Size {
	var list []rooms.Size
	for _, part := range n.parts() {
		for _, s := range part.shards {
			list = append(list, s.Sizes(prefix, after)...)
		}
	}
	slices.SortFunc(list, func(a, b rooms.Size) int { return cmp.Compare(a.Name, b.Name) })
	merged := list[:0]
	for _, r := range list {
		if last := len(merged) - 1; last >= 0 && merged[last].Name == r.Name {
			merged[last].Members += r.Members
			continue
		}
		merged = append(merged, r)
	}
	return slices.Clip(merged[:min(len(merged), most)])
}

// Memberships is in how many rooms the sockets of the namespace on this server
// are together, each one's own not counted.
func (n *Namespace) Memberships() (total int) {
	for _, part := range n.parts() {
		for _, s := range part.shards {
			total += s.Places()
		}
	}
	return total
}
