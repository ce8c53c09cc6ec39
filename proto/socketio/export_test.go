// What only tests may see.

package socketio

// Retained returns the bytes of memory the Assembler keeps for the next packet.
func (a *Assembler) Retained() int {
	n := cap(a.header) + cap(a.data)
	for _, bin := range a.bins[:cap(a.bins)] {
		n += cap(bin)
	}
	return n
}
