// The methods of the namespace "/" that a server has for short.

package loop

import (
	"context"
	"time"
)

// Use is [Namespace.Use] of the namespace "/".
func (s *Server) Use(m Middleware) { s.root.Use(m) }

// OnConnection is [Namespace.OnConnection] of the namespace "/".
func (s *Server) OnConnection(h func(s *Socket), opts ...HandlerOption) {
	s.root.OnConnection(h, opts...)
}

// OnDisconnect is [Namespace.OnDisconnect] of the namespace "/".
func (s *Server) OnDisconnect(h DisconnectHandler, opts ...HandlerOption) {
	s.root.OnDisconnect(h, opts...)
}

// On implements [Registrar] for the namespace "/".
func (s *Server) On(event string, h Handler, opts ...HandlerOption) *Registration {
	return s.root.On(event, h, opts...)
}

// Emit is [Namespace.Emit] of the namespace "/".
func (s *Server) Emit(event string, args ...any) error { return s.root.Emit(event, args...) }

// To is [Namespace.To] of the namespace "/".
func (s *Server) To(names ...string) BroadcastOperator { return s.root.To(names...) }

// In is [Namespace.In] of the namespace "/".
func (s *Server) In(names ...string) BroadcastOperator { return s.root.To(names...) }

// Except is [Namespace.Except] of the namespace "/".
func (s *Server) Except(names ...string) BroadcastOperator { return s.root.Except(names...) }

// OnDisconnecting is [Namespace.OnDisconnecting] of the namespace "/".
func (s *Server) OnDisconnecting(h DisconnectHandler, opts ...HandlerOption) {
	s.root.OnDisconnecting(h, opts...)
}

// OnAny is [Namespace.OnAny] of the namespace "/".
func (s *Server) OnAny(h Handler, opts ...HandlerOption) *Registration {
	return s.root.OnAny(h, opts...)
}

// Send is [Namespace.Send] of the namespace "/".
func (s *Server) Send(args ...any) error { return s.root.Send(args...) }

// EmitWithAck is [Namespace.EmitWithAck] of the namespace "/".
func (s *Server) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return s.root.EmitWithAck(ctx, event, args...)
}

// Local is [Namespace.Local] of the namespace "/".
func (s *Server) Local() BroadcastOperator { return s.root.Local() }

// Volatile is [Namespace.Volatile] of the namespace "/".
func (s *Server) Volatile() BroadcastOperator { return s.root.Volatile() }

// Compress is [Namespace.Compress] of the namespace "/".
func (s *Server) Compress(on bool) BroadcastOperator { return s.root.Compress(on) }

// Timeout is [Namespace.Timeout] of the namespace "/".
func (s *Server) Timeout(d time.Duration) BroadcastOperator { return s.root.Timeout(d) }

// FetchSockets is [Namespace.FetchSockets] of the namespace "/".
func (s *Server) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return s.root.FetchSockets(ctx)
}

// SocketsJoin is [Namespace.SocketsJoin] of the namespace "/".
func (s *Server) SocketsJoin(names ...string) error { return s.root.SocketsJoin(names...) }

// SocketsLeave is [Namespace.SocketsLeave] of the namespace "/".
func (s *Server) SocketsLeave(names ...string) error { return s.root.SocketsLeave(names...) }

// DisconnectSockets is [Namespace.DisconnectSockets] of the namespace "/".
func (s *Server) DisconnectSockets(closeConn bool) error { return s.root.DisconnectSockets(closeConn) }

// ServerSideEmit is [Namespace.ServerSideEmit] of the namespace "/".
func (s *Server) ServerSideEmit(event string, args ...any) error {
	return s.root.ServerSideEmit(event, args...)
}

// ServerSideEmitWithAck is [Namespace.ServerSideEmitWithAck] of the namespace "/".
func (s *Server) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return s.root.ServerSideEmitWithAck(ctx, event, args...)
}
