// Examples. Each runs a server and a client that prints what it gets.

package loop_test

import (
	"errors"
	"fmt"

	"github.com/sioserver/sioserver/loop"
)

// A server that greets and echoes.
func Example() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.OnConnection(func(s *loop.Socket) {
		_ = s.Emit("welcome", "hello")
	})
	server.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.Emit("echo", e.Args())
	})
	defer run(server)()

	client := connectExample(server, "")
	client.print(1)
	client.send(`["echo",1,{"two":[3]}]`)
	client.print(1)
	// Output:
	// welcome "hello"
	// echo 1,{"two":[3]}
}

// Typed handlers decode the arguments and encode the answer.
func ExampleOnAck() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	type order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	loop.OnAck(server, "order", func(_ *loop.Socket, o order) (string, error) {
		if o.Count > 10 {
			return "", &loop.Error{Message: "too many", Data: map[string]int{"most": 10}}
		}
		return fmt.Sprintf("%d x %s", o.Count, o.Item), nil
	})
	defer run(server)()

	client := connectExample(server, "")
	client.ask(`["order",{"item":"tea","count":2}]`)
	client.ask(`["order",{"item":"tea","count":20}]`)
	client.ask(`["order","tea"]`)
	// Output:
	// "2 x tea"
	// {"error":{"message":"too many","data":{"most":10}}}
	// {"error":{"message":"invalid arguments"}}
}

// A middleware decides who may join a namespace.
func ExampleNamespace_Use() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	admin := server.Of("/admin")
	admin.Use(func(s *loop.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().Auth(&auth); err != nil {
			return err
		}
		if auth.Token != "secret" {
			return errors.New("not authorized")
		}
		s.SetData("the admin")
		return nil
	})
	admin.OnConnection(func(s *loop.Socket) {
		_ = s.Emit("hello", s.Data())
	})
	defer run(server)()

	client := connectExample(server, "")
	client.join("/admin", `{"token":"guess"}`)
	client.join("/admin", `{"token":"secret"}`)
	client.print(1)
	// Output:
	// refused: {"message":"not authorized"}
	// joined /admin
	// hello "the admin"
}

// Sockets join rooms; a broadcast reaches every member once.
func ExampleBroadcastOperator() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	loop.OnAck(server, "join", func(s *loop.Socket, room string) (bool, error) {
		return true, s.Join(room)
	})
	loop.On2(server, "say", func(s *loop.Socket, room, text string) error {
		return s.To(room).Emit("said", text) // to all members but s
	})
	defer run(server)()

	alice, bob := connectExample(server, "alice"), connectExample(server, "bob")
	alice.ask(`["join","tea"]`)
	bob.ask(`["join","tea"]`)
	alice.send(`["say","tea","hello"]`)
	bob.print(1)

	_ = server.To("tea", "coffee").Except("water").Emit("closing", true)
	alice.print(1)
	bob.print(1)
	// Output:
	// alice: true
	// bob: true
	// bob: said "hello"
	// alice: closing true
	// bob: closing true
}

// An inline handler runs on the event loop. Relaying the arguments as they came
// decodes nothing and allocates nothing.
func ExampleInline() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.On("move", func(s *loop.Socket, e *loop.Event) {
		_ = s.Broadcast().EmitArgs("moved", e.Args())
	}, loop.Inline())
	defer run(server)()

	alice, bob := connectExample(server, "alice"), connectExample(server, "bob")
	alice.send(`["move",{"x":1,"y":2}]`)
	bob.print(1)
	// Output:
	// bob: moved {"x":1,"y":2}
}

// The server can ask a client, and wait for the answer off the loops.
func ExampleCall() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.OnConnection(func(s *loop.Socket) {
		name, err := loop.Call[string](s.Context(), s, "name?")
		if err == nil {
			_ = s.Emit("welcome", name)
		}
	})
	defer run(server)()

	client := connectExample(server, "")
	client.answer(`["Grace"]`)
	client.print(1)
	// Output:
	// name?
	// welcome "Grace"
}
