// The end of a node: who asks for it, and who takes leave of clients.

package node

import "context"

// Drainer is a [Part] that takes leave of clients before the node ends.
type Drainer interface {
	// Drain closes the transports of all clients at the pace of the configuration,
	// after /readyz has failed for its time. It returns when that is done, or ctx
	// ends. Stop is called afterwards.
	Drain(ctx context.Context) error
}

// Announcer is a [Part] that has something to say when the node has started:
// where it can be reached.
type Announcer interface {
	Announce() []Line
}

// Line is a line of what is said when the node has started.
type Line struct{ Name, Text string }

// Quit asks for the end of the process, without taking leave of clients: whoever
// drains does that before.
func (n *Node) Quit() { n.ending.Do(func() { close(n.quit) }) }

// Quitting is closed when somebody has called Quit.
func (n *Node) Quitting() <-chan struct{} { return n.quit }

// Drain lets the parts that can take leave of clients.
func (n *Node) Drain(ctx context.Context) error {
	for _, p := range n.Parts() {
		if d, ok := p.(Drainer); ok {
			if err := d.Drain(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Parts are the parts that have been started, in their order.
func (n *Node) Parts() []Part {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Part(nil), n.parts...)
}
