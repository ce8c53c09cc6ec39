// Messages that are not what they should be.

package cluster

import (
	"context"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
)

// deaf is a server that does what it is told and notes nothing.
type deaf struct{ encoder }

func (deaf) Broadcast(*rooms.Packet, rooms.Target) error { return nil }
func (deaf) BroadcastWithAck(_ context.Context, _ *rooms.Packet, _ rooms.Target, answer func(rooms.Answer)) (int, error) {
	answer(rooms.Answer{})
	return 1, nil
}
func (deaf) SocketsJoin(rooms.Target, []string)   {}
func (deaf) SocketsLeave(rooms.Target, []string)  {}
func (deaf) DisconnectSockets(rooms.Target, bool) {}
func (deaf) FetchSockets(context.Context, rooms.Target) ([]rooms.SocketInfo, error) {
	return []rooms.SocketInfo{{ID: "x"}}, nil
}

func (deaf) ServerSideEvent(_ *rooms.Packet, answer func(rooms.Answer)) {
	if answer != nil {
		answer(rooms.Answer{})
	}
}

// receive lets a server receive a message, and returns what it publishes then.
func receive(b []byte, uid string) (sent []*Message) {
	a := &Adapter{
		local: deaf{}, uid: uid, bus: busFunc(func(m *Message) { sent = append(sent, m) }),
		opts:  Options{RequestsTimeout: 1, Answer: func(f func(context.Context)) { f(context.Background()) }},
		waits: New(deaf{}, Options{}).waits,
	}
	if m, err := Decode(b); err == nil {
		a.Receive(m)
	}
	return sent
}

// answersTo are the types of messages by which those of a type are answered.
var answersTo = map[Type][]Type{
	Broadcast: {BroadcastClientCount, BroadcastAck}, FetchSockets: {FetchSocketsResponse}, ServerSideEmit: {ServerSideEmitResponse},
}

// FuzzReceive: whatever comes, nothing is sent on, and only questions are
// answered.
func FuzzReceive(f *testing.F) {
	for _, r := range redistest.Recordings(f, "testdata/*.json") {
		f.Add(r.Payload)
		f.Add(r.Payload[:len(r.Payload)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, sent := range receive(b, "me") {
			m, err := Decode(b)
			if err != nil || !slices.Contains(answersTo[m.Type], sent.Type) {
				t.Fatalf("%q is followed by %+v", b, sent)
			}
		}
	})
}

// TestCutMessages: messages cut anywhere harm nothing, and those that come back
// to who sent them do nothing.
func TestCutMessages(t *testing.T) {
	for _, r := range redistest.Recordings(t, "testdata/*.json") {
		m, err := Decode(r.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if sent := receive(r.Payload, m.UID); len(sent) > 0 {
			t.Errorf("%s: its own message is answered: %+v", r.Step, sent[0])
		}
		for i := range min(len(r.Payload), 2000) {
			if sent := receive(r.Payload[:i], "me"); len(sent) > 0 && len(answersTo[m.Type]) == 0 {
				t.Errorf("%s, cut at %d: %+v", r.Step, i, sent[0])
			}
		}
	}
}
