// The package's documentation: a tutorial from a ten-line server to code on the loops.

// Package loop is a Socket.IO server to embed in Go programs. It serves the
// official clients of versions 2 to 4 over HTTP long polling and websocket, on
// event loops: a connected client that is silent has no goroutine, no timer and no
// buffer of its own.
//
// # A server
//
// [New] checks a [Config], whose zero value serves port 3000, and takes the
// addresses; [Server.Run] serves until its context is done:
//
//	server, err := loop.New(loop.Config{Listen: []string{":3000"}})
//	if err != nil {
//		log.Fatal(err)
//	}
//	server.OnConnection(func(s *loop.Socket) { _ = s.Emit("welcome", s.ID()) })
//	log.Fatal(server.Run(ctx))
//
// # Events
//
// Handlers are registered for the server, or for a [Namespace], with the socket as
// their argument. [On], [On2] and [On3] decode the arguments of an event into Go
// types by the rules of encoding/json; a []byte receives a binary value, at any
// depth. [OnAck] and its kin acknowledge the event with what they return:
//
//	loop.On(server, "typing", func(s *loop.Socket, on bool) error {
//		return s.Broadcast().Emit("typing", s.ID(), on)
//	})
//	loop.OnAck(server, "order", func(s *loop.Socket, o Order) (Receipt, error) { … })
//
// An error goes to [Config.OnError]; the client sees its text only if it is an
// [*Error]. [Server.On] takes handlers that look at the [Event] themselves: relaying
// its [Args] as they came decodes nothing.
//
// # Sending
//
// [Socket.Emit] sends to one socket. [Socket.To], [Server.To] and the other methods
// that return a [BroadcastOperator] choose who is sent to, rooms and exceptions,
// and how: volatile, with a timeout, to this server alone. An event for many is
// encoded once. Nothing that sends waits for the network: a client that does not
// keep up is cut off by [Limits].
//
//	s.Join("tea")
//	server.To("tea", "coffee").Except("water").Emit("closing")
//
// [Socket.EmitWithAck], [Call] and [BroadcastOperator.EmitWithAck] ask and wait for
// the answers.
//
// # Who may connect
//
// [Namespace.Use] adds middleware that lets a client join a namespace or refuses
// it, by its auth payload or anything else of its [Handshake]. [Config.AllowRequest]
// decides earlier, about the HTTP request. [Server.Of] makes a namespace,
// [Server.OfMatch] and [Server.OfFunc] make them as clients ask for them.
//
// # Where code runs
//
// Handlers run off the event loops, on at most [Config.Handlers] goroutines that
// exist only while there is work. Those of one socket run one after the other, in
// the order of its events; they may block. A panic in one disconnects its socket,
// is logged, and harms nobody else.
//
// With [Inline] a handler runs on the event loop, which saves a hand-over and a
// copy. It must not block. [Loop.Execute], [Loop.After] and [PerLoop] bring other
// code to the loops, and a [Protocol] speaks something else than Socket.IO there.
//
// Everything exported may be called from any goroutine unless it says otherwise.
// Calls that wait return [ErrOnLoop] on a loop. What one goroutine does takes effect
// in that order.
//
// # Beside other code
//
// The server has its own port, and serves ordinary net/http handlers there
// ([Server.HandleHTTP], [Config.HTTP]); or it is a handler of another server, within
// any router ([Server.Handler]). [Listener] has what an address can have: TLS, unix
// sockets, sockets that were inherited, PROXY headers. [Server.Bind] serves clients
// over a transport of the application's own.
//
// Several servers in one process know nothing of each other. Several processes
// share their rooms by an adapter ([Config.Adapter]): package rooms/redis, or
// rooms/redisstreams, by which clients also recover on another server
// ([Config.ConnectionStateRecovery]).
//
// # Ending
//
// When the context of Run is done, or by [Server.Shutdown], sockets are
// disconnected with the reason "server shutting down", what was sent before goes
// out, and running handlers are waited for. Official clients come back by
// themselves; [Server.StopAccepting] and [Server.Drain] come before where another
// process or server is to take them over. [Server.Stats] counts what has happened.
//
// # Testing
//
// Package looptest runs a server in memory and drives it with clients, without
// waiting for what does not come.
package loop
