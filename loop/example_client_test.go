// The client of the examples.

package loop_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/loop"
)

// exampleClient prints what it gets, behind its name if it has one.
type exampleClient struct {
	*sio
	name string
	asks int
}

func connectExample(server *loop.Server, name string) *exampleClient {
	overTLS = false // examples, which run last, have servers of their own
	c, err := dialSession(server.Addrs()[0], "websocket", "")
	if err == nil {
		_, err = c.join("/", "")
	}
	if err != nil {
		panic(err)
	}
	if name != "" {
		name += ": "
	}
	exampleClients = append(exampleClients, c)
	return &exampleClient{c, name, 0}
}

// exampleClients are those of the example that runs.
var exampleClients []*sio

// run runs a server and returns what ends it and its clients.
func run(server *loop.Server) (end func()) {
	ended := make(chan error, 1)
	go func() { ended <- server.Run(context.Background()) }()
	<-server.Listening()
	return func() {
		dropAll(exampleClients)
		exampleClients = nil
		if err := server.Shutdown(context.Background()); err != nil {
			fmt.Println(err)
		}
		if err := <-ended; err != nil {
			fmt.Println(err)
		}
	}
}

// message reads one.
func (c *exampleClient) message() string {
	p, err := c.next()
	if err != nil {
		panic(err)
	}
	return p.text
}

func (c *exampleClient) must(err error) {
	if err != nil {
		panic(err)
	}
}

// send sends an event.
func (c *exampleClient) send(event string) { c.must(c.write("2" + event)) }

// print prints events that come.
func (c *exampleClient) print(n int) {
	for range n {
		m := c.message()
		_, list, _ := strings.Cut(m, "[")
		name, args, _ := strings.Cut(strings.TrimSuffix(list, "]"), ",")
		fmt.Println(strings.TrimSpace(c.name + strings.Trim(name, `"`) + " " + args))
	}
}

// ask sends an event and prints the acknowledgement.
func (c *exampleClient) ask(event string) {
	c.asks++
	c.must(c.write(fmt.Sprint("2", c.asks, event)))
	m := strings.TrimPrefix(c.message(), fmt.Sprint("3", c.asks, "["))
	fmt.Println(c.name + strings.TrimSuffix(m, "]"))
}

// answer prints a question and acknowledges it.
func (c *exampleClient) answer(args string) {
	m := c.message()
	id, list, _ := strings.Cut(m[1:], "[")
	fmt.Println(strings.Trim(list, `"]`))
	c.must(c.write("3" + id + args))
}

// join joins a namespace and prints what comes of it.
func (c *exampleClient) join(name, auth string) {
	c.must(c.write("0" + name + "," + auth))
	m := c.message()
	if reason, refused := strings.CutPrefix(m, "4"+name+","); refused {
		fmt.Println("refused:", reason)
		return
	}
	fmt.Println("joined", name)
}
