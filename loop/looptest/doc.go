// How handlers are tested.

// Package looptest tests the handlers of a server of package loop: it runs the
// server in memory, without a network, and drives it with clients that speak
// Socket.IO as the official ones do.
//
//	func TestChat(t *testing.T) {
//		s := looptest.Start(t, loop.Config{}, chat) // chat(*loop.Server) registers the handlers
//		alice, bob := s.Connect("/", nil), s.Connect("/", nil)
//		alice.EmitWithAck("join", "tea")
//		bob.EmitWithAck("join", "tea")
//		alice.Emit("say", "tea", "hello")
//		bob.Expect("said", "hello")
//		alice.ExpectNothing()
//	}
//
// Nothing in such a test depends on time. What is waited for has come, or the
// test fails after [Server.Patience]; and [Socket.ExpectNothing] does not wait to
// see whether something comes, it lets the server finish what is under way, which
// [Server.Settle] does too.
//
// The server is a real one with its event loops, workers, namespaces, rooms,
// limits and recovery; only connections are left out, and with them HTTP,
// heartbeats, [loop.Config.AllowRequest], engine middleware and CORS. Clients are
// those of [loop.Server.Bind].
//
// The methods of clients belong to the goroutine of the test. They end the test
// if what they ask for does not happen.
package looptest
