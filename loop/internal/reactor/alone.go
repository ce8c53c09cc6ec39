// A reactor that listens nowhere: its connections come from package net.

package reactor

import (
	"errors"

	"github.com/panjf2000/gnet/v2"
)

// serveAlone is serve without addresses. gnet has loops without listeners in
// what it calls a client.
func (r *Reactor) serveAlone() error {
	client, err := gnet.NewClient(r, r.options()...)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.mu.client = client
	r.mu.Unlock()
	if err := client.Start(); err != nil {
		return err
	}
	<-r.ended
	// Nobody is greeted any more.
	r.greeting.Lock()
	defer r.greeting.Unlock()
	return client.Stop()
}

// greetAlone is greet for these loops: gnet gives each connection to the loop
// that has the fewest, so all greetings stay until the last is delivered.
func (r *Reactor) greetAlone(client *gnet.Client) error {
	var ends []int
	defer func() { closeAll(ends) }()
	for range r.loops {
		nc, end, err := pair()
		if err != nil {
			return err
		}
		ends = append(ends, end)
		if _, err := client.EnrollContext(nc, greeting{stays: true}); err != nil {
			return err
		}
	}
	for i := range r.loops {
		if !r.Running(i) {
			return errors.New("gnet has passed a loop over")
		}
	}
	return nil
}
