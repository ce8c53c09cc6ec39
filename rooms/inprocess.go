// The adapter of a server that is alone.

package rooms

import "context"

// inProcess is an Adapter without other servers.
type inProcess struct{ local Local }

// InProcess is the default [Factory]: there are no other servers. Any
// goroutine.
func InProcess(l Local) (Adapter, error) { return inProcess{l}, nil }

func (a inProcess) Broadcast(p *Packet, t Target) error { return a.local.Broadcast(p, t) }

func (a inProcess) BroadcastWithAck(ctx context.Context, p *Packet, t Target, clients func(int), answer func(Answer)) error {
	n, err := a.local.BroadcastWithAck(ctx, p, t, answer)
	if err == nil {
		clients(n)
	}
	return err
}

func (a inProcess) SocketsJoin(t Target, names []string) error {
	a.local.SocketsJoin(t, names)
	return nil
}

func (a inProcess) SocketsLeave(t Target, names []string) error {
	a.local.SocketsLeave(t, names)
	return nil
}

func (a inProcess) DisconnectSockets(t Target, closeConn bool) error {
	a.local.DisconnectSockets(t, closeConn)
	return nil
}

func (inProcess) FetchSockets(context.Context, Target) ([]SocketInfo, error) { return nil, nil }

func (inProcess) ServerSideEmit(*Packet) error { return nil }

func (inProcess) ServerSideEmitWithAck(context.Context, *Packet) ([]Answer, error) { return nil, nil }

func (inProcess) ServerCount(context.Context) (int, error) { return 1, nil }

func (inProcess) Close() error { return nil }

// Alone reports whether an adapter is the one of [InProcess], so that a
// broadcast concerns this server only. Any goroutine.
func Alone(a Adapter) bool {
	_, ok := a.(inProcess)
	return ok
}
