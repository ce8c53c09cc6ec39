// What emitters publish, read by those who are no server of their cluster.

package redis

import (
	"slices"
	"testing"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
)

func TestRead(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range redistest.Recordings(t, "testdata/redis-emitter-5.json") {
		seen[m.Step] = true
		if m.Channel == "socket.io-request#/#" {
			c, err := ReadRequest(m.Payload)
			if err != nil {
				t.Errorf("%s: %v", m.Step, err)
				continue
			}
			switch m.Step {
			case "socketsJoin":
				if !slices.Equal(c.Join, []string{"r5", "r6"}) || !slices.Equal(c.Target.Rooms, []string{"r1"}) || !slices.Equal(c.Target.Except, []string{"r2"}) {
					t.Errorf("%s: %+v", m.Step, c)
				}
			case "socketsLeave":
				if !slices.Equal(c.Leave, []string{"r5"}) || c.Join != nil {
					t.Errorf("%s: %+v", m.Step, c)
				}
			case "disconnectSockets":
				if !c.Disconnect || !c.Close {
					t.Errorf("%s: %+v", m.Step, c)
				}
			case "serverSideEmit":
				if c != nil {
					t.Errorf("%s: %+v", m.Step, c)
				}
			}
			continue
		}
		nsp := "/"
		if m.Step == "a namespace" {
			nsp = "/chat"
		}
		c, err := ReadEvent(m.Payload, nsp)
		if err != nil || c == nil || c.Packet.Event != "hi" {
			t.Errorf("%s: %+v, %v", m.Step, c, err)
		}
		if other, err := ReadEvent(m.Payload, "/other"); other != nil || err != nil {
			t.Errorf("%s in another namespace: %+v, %v", m.Step, other, err)
		}
		if m.Step == "volatile" && !c.Target.Flags.Volatile || m.Step == "not compressed" && c.Target.Flags.Compress {
			t.Errorf("%s: %+v", m.Step, c.Target.Flags)
		}
	}
	for _, step := range []string{"socketsJoin", "socketsLeave", "disconnectSockets", "serverSideEmit", "a namespace", "volatile", "not compressed"} {
		if !seen[step] {
			t.Errorf("no recording of %s", step)
		}
	}
	for _, bad := range []string{"", "{", "{}", "\x93\x01\x02"} {
		if c, err := ReadRequest([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, c)
		}
		if c, err := ReadEvent([]byte(bad), "/"); err == nil {
			t.Errorf("%q: %+v", bad, c)
		}
	}
}
