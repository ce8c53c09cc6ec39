// What tests see of the Reader's memory.

package ws

// Held is the capacity in bytes of the message buffer r has on loan.
func (r *Reader) Held() int {
	if r.partial == nil || r.partial.message == nil {
		return 0
	}
	return cap(r.partial.message.bytes)
}

// Idle reports whether r holds nothing at all.
func (r *Reader) Idle() bool { return r.partial == nil }
