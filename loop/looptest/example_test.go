// Examples: how the handlers of a chat are tested.

package looptest_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// chat registers the handlers under test.
func chat(server *loop.Server) {
	server.Use(func(s *loop.Socket) error {
		var auth struct{ Name string }
		if err := s.Handshake().Auth(&auth); err != nil || auth.Name == "" {
			return errors.New("tell your name")
		}
		s.SetData(auth.Name)
		return nil
	})
	loop.OnAck(server, "join", func(s *loop.Socket, room string) (members int, err error) {
		if err := s.Join(room); err != nil {
			return 0, err
		}
		sockets, err := server.In(room).Sockets(s.Context())
		return len(sockets), err
	})
	loop.On2(server, "say", func(s *loop.Socket, room, text string) error {
		return s.To(room).Emit("said", s.Data(), text)
	})
}

// In a test t is its *testing.T; this one prints.
var t printing

// Clients join a room and talk. ExpectNothing is certain, not patient: it lets
// the server finish whatever is under way.
func Example() {
	defer t.end()
	s := looptest.Start(&t, loop.Config{}, chat)
	alice := s.Connect("/", map[string]string{"name": "alice"})
	bob := s.Connect("/", map[string]string{"name": "bob"})
	fmt.Println("members:", alice.EmitWithAck("join", "tea"), bob.EmitWithAck("join", "tea"))

	alice.Emit("say", "tea", "hello")
	fmt.Println("bob:", bob.Expect("said", "alice", "hello").Args)
	alice.ExpectNothing() // not to herself
	// Output:
	// members: [1] [2]
	// bob: ["alice","hello"]
}

// Who may not connect is told why.
func ExampleServer_Dial() {
	defer t.end()
	s := looptest.Start(&t, loop.Config{}, chat)
	_, err := s.Dial(looptest.Options{Auth: map[string]string{"nickname": "eve"}})
	fmt.Println(err)
	// Output:
	// tell your name
}

// A server may ask its clients. What is asked for while the test waits for
// something else is answered by a function.
func ExampleSocket_On() {
	defer t.end()
	s := looptest.Start(&t, loop.Config{}, func(server *loop.Server) {
		loop.OnAck(server, "pay", func(s *loop.Socket, cents int) (string, error) {
			sure, err := loop.Call[bool](s.Context(), s, "sure?", cents)
			if err != nil || !sure {
				return "not paid", err
			}
			return "paid", nil
		})
	})
	c := s.Connect("/", nil)
	c.On("sure?", func(e *looptest.Event) { e.Ack(e.Args.At(0).(float64) < 1000) })
	fmt.Println(c.EmitWithAck("pay", 500), c.EmitWithAck("pay", 5000))
	// Output:
	// ["paid"] ["not paid"]
}

// printing stands for a *testing.T.
type printing struct{ cleanup []func() }

func (p *printing) Helper()                           {}
func (p *printing) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
func (p *printing) Cleanup(f func())                  { p.cleanup = append(p.cleanup, f) }

func (p *printing) end() {
	for _, f := range p.cleanup {
		f()
	}
	p.cleanup = nil
}
