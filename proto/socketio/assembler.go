// Reassembly of a binary packet from its text and the binary messages behind
// it, within bounds.

package socketio

// retainedBytes is the largest buffer an Assembler keeps between packets. There
// is one per connection: what a rare large upload needed must not stay.
const retainedBytes = 4 << 10

// Assembler collects the attachments of one binary packet after another. The
// zero value is ready. It reuses its memory, which grows with what arrives and
// never by what was announced. It belongs to one goroutine at a time.
//
// A packet may not be complete for long: the caller keeps the clock and calls
// Reset when the time is up.
type Assembler struct {
	packet Packet // its views point into header
	header []byte
	data   []byte // the attachments, one behind the other
	ends   []int  // where each ends in data
	bins   [][]byte
	due    int // attachments still missing
	room   int // bytes that may still come
}

// Due returns the number of attachments that are missing, 0 if no packet is
// under way. Loop only.
func (a *Assembler) Due() int { return a.due }

// CheckText returns ErrTextWhileDue if a text message may not come now.
// Loop only.
func (a *Assembler) CheckText() error {
	if a.due > 0 {
		return ErrTextWhileDue
	}
	return nil
}

// Begin copies the decoded packet p and then waits for its attachments. lim may
// be nil for the defaults. The packet before it, if still held, is given up.
// The errors are ErrTextWhileDue, ErrPacketNotBinary and
// ErrAttachmentsTooLarge; each leaves the Assembler as it was. Loop only.
func (a *Assembler) Begin(p *Packet, lim *Limits) error {
	if lim == nil {
		lim = &defaultLimits
	}
	if a.due > 0 {
		return ErrTextWhileDue
	}
	if p.Attachments == 0 {
		return ErrPacketNotBinary
	}
	if len(p.text) > lim.PacketBytes {
		return ErrAttachmentsTooLarge
	}
	a.Reset()
	from := p.text
	a.header = append(a.header, from...)
	a.packet = *p
	a.packet.text = a.header
	for _, view := range []*[]byte{&a.packet.Namespace, &a.packet.Payload, &a.packet.Name, &a.packet.Args} {
		*view = moveView(*view, from, a.header)
	}
	a.due = p.Attachments
	a.room = lim.PacketBytes - len(from)
	return nil
}

// moveView returns the part of to that view is of from. Decode cuts its views
// without shortening their capacity, so the capacity tells where one begins.
// The namespace "/" of a packet that names none is no part of the text.
func moveView(view, from, to []byte) []byte {
	if view == nil || len(view) > 0 && &view[0] == &rootNamespace[0] {
		return view
	}
	at := cap(from) - cap(view)
	return to[at : at+len(view)]
}

// Add copies one attachment and tells whether the packet is complete. The
// errors are ErrBinaryWhileNoneDue and ErrAttachmentsTooLarge; after the latter
// the packet is given up. Loop only.
func (a *Assembler) Add(bin []byte) (complete bool, err error) {
	if a.due == 0 {
		return false, ErrBinaryWhileNoneDue
	}
	if len(bin) > a.room {
		a.Reset()
		return false, ErrAttachmentsTooLarge
	}
	a.room -= len(bin)
	a.data = append(a.data, bin...)
	a.ends = append(a.ends, len(a.data))
	if a.due--; a.due > 0 {
		return false, nil
	}
	// Only now: data may have moved while it grew.
	start := 0
	for _, end := range a.ends {
		a.bins = append(a.bins, a.data[start:end:end])
		start = end
	}
	return true, nil
}

// Packet returns the packet once Add has reported it complete, and its
// attachments in the order in which they came. All of it is memory of the
// Assembler, good until the next Begin or Reset. Loop only.
func (a *Assembler) Packet() (p *Packet, bins [][]byte) { return &a.packet, a.bins }

// Detach returns the complete packet with its memory, which then is the
// caller's for good: for handlers that run while the next packet comes in. The
// Assembler starts anew. Loop only.
func (a *Assembler) Detach() (p Packet, bins [][]byte) {
	p, bins = a.packet, a.bins
	*a = Assembler{ends: a.ends[:0]}
	return p, bins
}

// Reset gives up the packet under way, if any, and small buffers are kept for
// the next. Loop only.
func (a *Assembler) Reset() {
	clear(a.bins)
	*a = Assembler{header: a.header[:0], data: a.data[:0], ends: a.ends[:0], bins: a.bins[:0]}
	if cap(a.header) > retainedBytes {
		a.header = nil
	}
	if cap(a.data) > retainedBytes {
		a.data = nil
	}
}
