// Clients that do not read.

package gate

import (
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// slowEvent tells that a client was cut off.
func slowEvent(s *loop.Socket, err error) *lifecycle.Event {
	e := &lifecycle.Event{
		Type: lifecycle.SlowConsumer, Namespace: s.Namespace().Name(), SID: s.ID(), Transport: s.Transport(), Reason: err.Error(),
	}
	if st := session.Of(s); st != nil {
		e.User, e.IP = st.User, st.IP
	}
	return e
}
