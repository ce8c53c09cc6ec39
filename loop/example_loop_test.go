// Examples of code on the event loops, and of a protocol beside Socket.IO.

package loop_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// A function on a loop may emit to many sockets; what it sends to one client
// leaves in one write.
func ExampleLoop_Execute() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.OnConnection(func(s *loop.Socket) {
		_ = s.Loop().Execute(func() {
			for i := range 3 {
				_ = s.Emit("tick", i)
			}
		})
	})
	defer run(server)()

	connectExample(server, "").print(3)
	// Output:
	// tick 0
	// tick 1
	// tick 2
}

// A timer of the loop's timing wheel: whoever says nothing in time is reminded.
func ExampleLoop_After() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.OnConnection(func(s *loop.Socket) {
		reminder, err := s.Loop().After(50*time.Millisecond, func() { _ = s.Emit("still there?") })
		if err != nil {
			return // ErrLoopBusy, or the server ends
		}
		s.On("hello", func(*loop.Socket, *loop.Event) { reminder.Stop() })
	})
	defer run(server)()

	connectExample(server, "").print(1)
	// Output:
	// still there?
}

// State with a part for each loop needs no lock.
func ExamplePerLoop() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}, Loops: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	moves := loop.NewPerLoop[int](server, nil)
	server.On("move", func(s *loop.Socket, e *loop.Event) {
		*moves.Of(s.Loop())++
		_ = e.Ack(true)
	}, loop.Inline())
	defer run(server)()

	alice, bob := connectExample(server, "alice"), connectExample(server, "bob")
	alice.ask(`["move",1]`)
	bob.ask(`["move",2]`)
	bob.ask(`["move",3]`)

	var sum int
	var all sync.WaitGroup
	var mu sync.Mutex
	all.Add(2)
	_ = moves.Each(func(_ *loop.Loop, n *int) {
		mu.Lock()
		sum += *n
		mu.Unlock()
		all.Done()
	})
	all.Wait()
	fmt.Println("moves:", sum)
	// Output:
	// alice: true
	// bob: true
	// bob: true
	// moves: 3
}

// ticker is a protocol of lines: each is an event for all clients of Socket.IO.
type ticker struct{ server *loop.Server }

func (t *ticker) OnOpen(c *loop.RawConn) loop.RawHandler {
	c.SetIdleTimeout(time.Minute)
	return t
}

func (t *ticker) OnData(c *loop.RawConn, p []byte) (used int, err error) {
	line, _, whole := bytes.Cut(p, []byte("\n"))
	if !whole {
		return 0, nil // the rest comes later
	}
	if err := t.server.Emit("price", string(line)); err != nil {
		return 0, err // ends the connection
	}
	_, _ = c.Write([]byte("ok\n"))
	return len(line) + 1, nil
}

func (t *ticker) OnClose(*loop.RawConn, error) {}

// Other programs publish by a protocol of their own, on a port of its own and the
// same event loops.
func ExampleProtocol() {
	t := &ticker{}
	server, err := loop.New(loop.Config{
		Listen:    []string{"127.0.0.1:0"},
		Listeners: []loop.Listener{{Address: "127.0.0.1:0", Protocol: t}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	t.server = server
	defer run(server)()
	client := connectExample(server, "")

	publisher, err := net.Dial("tcp", server.Addrs()[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer publisher.Close()
	_, _ = fmt.Fprint(publisher, "tea 12\ncoffee 15\n")
	client.print(2)
	answer, _ := bufio.NewReader(publisher).ReadString('\n')
	fmt.Print(answer)
	// Output:
	// price "tea 12"
	// price "coffee 15"
	// ok
}
