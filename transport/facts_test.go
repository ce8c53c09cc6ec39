// What an engine tells about itself: names, numbers, texts.

package transport

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for reason, want := range map[CloseReason]string{
		TransportError: "transport error", TransportClose: "transport close", ForcedClose: "forced close",
		ForcedServerClose: "forced server close", PingTimeout: "ping timeout", ParseError: "parse error",
		ServerShuttingDown: "server shutting down", 0: "", 200: "",
	} {
		if reason.String() != want {
			t.Errorf("reason %d is %q, want %q", reason, reason, want)
		}
	}
	seen := map[string]bool{}
	for l := range limitCount {
		if name := l.String(); name == "" || seen[name] {
			t.Errorf("limit %d is called %q", l, name)
		} else {
			seen[name] = true
		}
	}
	if ErrForbidden.Error() != "Forbidden" || ErrOverlap.Error() != "overlap from client" {
		t.Error("the texts of errors are wrong")
	}
}

func TestSessionFacts(t *testing.T) {
	k := newKernel(t, 2, nil)
	w, c := k.socket(1), k.poller(1)
	ws, polled := k.session(1), k.session(2)
	if !ws.WebSocket() || polled.WebSocket() || ws.Revision() != 4 ||
		ws.ID().String() != w.sid || polled.ID().String() != c.sid || ws.Engine().Index() != 1 || w.conn.Loop() != 1 {
		t.Error("a session does not know itself")
	}
	if ws.Owner() != 0 {
		t.Error("a session has an owner from the beginning")
	}
	if ws.SetOwner(7); ws.Owner() != 7 || polled.Owner() != 0 {
		t.Error("a session does not keep its owner")
	}
	var open []*Session
	each := func() {
		open = nil
		k.loops[1].engine.EachSession(func(s *Session) { open = append(open, s) })
	}
	if each(); len(open) != 2 {
		t.Errorf("%d sessions are open, want 2", len(open))
	}
	k.do(polled, polled.Close)
	if each(); len(open) != 1 || open[0] != ws {
		t.Errorf("%d sessions are open, want 1", len(open))
	}
	k.finish()
}

func TestCounters(t *testing.T) {
	k := newKernel(t, 2, nil)
	k.onMessage = echo
	w := k.socket(0)
	w.text("4hello")
	c := k.poller(1)
	c.deliver("4hi\x1ebAQ==")
	c.poll()
	got := k.stats()
	if got.Conns != 3 || got.Sessions != 2 || got.ConnsOpened != 3 || got.SessionsOpened != 2 || got.MessagesIn != 3 ||
		got.MessagesOut != 3 || got.Requests != 4 || got.Writes == 0 || got.Timers == 0 ||
		got.BytesOut != uint64(w.total+c.get.total+c.post.total) {
		t.Errorf("%+v", got)
	}
	k.finish()
	got = k.stats()
	if got.Conns != 0 || got.Sessions != 0 || got.ConnsClosed != 3 || got.SessionsClosed != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTimersOfHandler(t *testing.T) {
	k := one(t)
	e := k.loops[0].engine
	k.onTimer = func(uint32) { k.armed[e]-- }
	e.Arm(k.now+100, 7)
	off := e.Arm(k.now+50, 8)
	e.Arm(k.now+20, 9)
	k.armed[e] = 2
	if e.Disarm(off) != 0 {
		t.Error("Disarm returns a timer")
	}
	k.advance(90)
	k.told("timer 9")
	k.advance(20)
	k.told("timer 7")
	k.finish()
}

// TestSubprotocols offers them on several lines; the first is chosen.
func TestSubprotocols(t *testing.T) {
	k := one(t)
	w := &socket{peer: k.dial(0)}
	w.send(upgradeRequest("", "Sec-WebSocket-Protocol: one", "Sec-WebSocket-Protocol: two, three",
		"Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: permessage-deflate"))
	if r := w.accepted(); r.fields["sec-websocket-protocol"] != "one" || r.fields["sec-websocket-extensions"] != "" {
		t.Errorf("%v", r.fields)
	}
	w = &socket{peer: k.dial(0)}
	w.send(upgradeRequest("", "Sec-WebSocket-Protocol: one", "Sec-WebSocket-Protocol: one"))
	if got := string(w.take()); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("%q", got)
	}
	k.finish()
}
