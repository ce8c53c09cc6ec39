// Admission: the last question before a session is opened, answered on the loop.

package transport

// Refusal is the answer to a handshake that is not admitted.
type Refusal struct {
	Status      int
	ContentType string
	Fields      string // further field lines
	Body        string
}

// Admitter is what a [Handler] implements as well if it sets [AskAdmission].
type Admitter interface {
	// Admit is asked about a handshake that passed all checks: nil opens the
	// session, and OnOpen follows. It must not call the engine.
	Admit(h *Hello) *Refusal
	// Unadmit takes back the last Admit: the session was not opened.
	Unadmit()
}

// notAdmitted asks about the handshake at hand. The name of its session is free
// again if it is refused.
func (e *Engine) notAdmitted(c *Conn, head []byte, name string) *Refusal {
	if Gates(e.gates.Load())&AskAdmission == 0 {
		return nil
	}
	no := e.handler.(Admitter).Admit(e.hello(c, head))
	if no != nil && name != "" {
		e.names.remove(name)
	}
	return no
}

// unadmit tells that an admitted handshake came to nothing.
func (e *Engine) unadmit() {
	if Gates(e.gates.Load())&AskAdmission != 0 {
		e.handler.(Admitter).Unadmit()
	}
}
