// The border at which panics on a loop end.

package reactor

import (
	"fmt"
	"runtime/debug"

	"github.com/sioserver/sioserver/transport"
)

// guard keeps a panic in the handling of a connection from ending the process.
func (l *loop) guard(c *transport.Conn) {
	if p := recover(); p != nil {
		l.logPanic(p)
		l.engine.Panicked(c)
	}
}

// guardTask does the same where no connection is to blame.
func (l *loop) guardTask() {
	if p := recover(); p != nil {
		l.logPanic(p)
		l.engine.Recovered()
	}
}

func (l *loop) logPanic(p any) {
	l.reactor.cfg.Logger.Error("panic on an event loop", "loop", l.engine.Index(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}
