// Several servers in one process, from New to the last goroutine, and what gnet logs.

package loop_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sioserver/sioserver/loop"
)

// gnetsOwn are the goroutines of the pool that gnet makes when it is imported.
var gnetsOwn = []goleak.Option{
	goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
	goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
	goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"),
}

// TestSeveralServers: servers of different kinds run side by side, know nothing
// of each other, end in any order, and leave nothing behind.
func TestSeveralServers(t *testing.T) {
	before := goleak.IgnoreCurrent()
	kinds := []loop.Config{
		{Loops: 1}, {Loops: 3, Parser: loop.MsgPack}, {Loops: 2, NoListen: true}, {EngineOnly: true}, {AllowEIO3: true, ReleaseMemory: true},
	}
	var servers []*server
	for _, cfg := range kinds {
		s := newServer(t, cfg)
		s.OnConnection(func(s *loop.Socket) { _ = s.Join("room"); _ = s.Emit("in") })
		go func() {
			s.err = s.Run(context.Background())
			close(s.ended)
		}()
		servers = append(servers, s)
	}
	for i, s := range servers { // all have begun at once
		within(t, fmt.Sprint("server ", i), s.Listening())
	}
	one, five := servers[0], servers[4]
	a, _ := one.connect(t, "websocket")
	b, _ := five.connect(t, "polling")
	c := servers[2].bind(t, newInMemory(), loop.EngineHandshake{})
	if _, err := c.join("/", ""); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*sio{a, b, c} {
		x.expect(t, `2["in"]`)
	}
	_ = one.To("room").Emit("mine", 1)
	_ = five.To("room").Emit("mine", 5)
	_ = servers[2].To("room").Emit("mine", 2)
	a.expect(t, `2["mine",1]`)
	b.expect(t, `2["mine",5]`)
	c.expect(t, `2["mine",2]`)
	// The first one ends; the others do not notice.
	a.drop()
	servers[0].stop(t)
	_ = five.Emit("still")
	b.expect(t, `2["still"]`)
	if err := servers[0].Emit("nobody"); err != nil {
		t.Logf("Emit behind the end: %v", err)
	}
	b.drop()
	for _, i := range []int{3, 1, 4, 2} {
		servers[i].stop(t)
	}
	goleak.VerifyNone(t, append(gnetsOwn, before)...)
}

// TestNeverRun: a server that is made and not run leaves nothing either, whether
// New succeeds or not; and its address is free again.
func TestNeverRun(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := newServer(t, loop.Config{})
	addr := s.Addrs()[0]
	if _, err := loop.New(loop.Config{Listen: []string{addr}, Loops: 1}); err == nil {
		t.Error("an address is given twice")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	again := newServer(t, loop.Config{Listen: []string{addr}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := again.Run(ctx); err != nil {
		t.Errorf("Run with a context that is done: %v", err)
	}
	if err := again.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "has run already") {
		t.Errorf("a second Run: %v", err)
	}
	goleak.VerifyNone(t, append(gnetsOwn, before)...)
}

// TestGnetLogs: what gnet says about itself reaches the server's logger, as debug
// messages, and the standard error not at all.
func TestGnetLogs(t *testing.T) {
	j := &journal{}
	s := serve(t, loop.Config{Loops: 1, Logger: slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))}, onSync)
	c, _ := s.connect(t, "websocket")
	c.sync(t)
	c.drop()
	s.stop(t)
	if n := j.count(`"msg":"gnet: `); n == 0 {
		t.Errorf("nothing of gnet in the log:\n%s", j)
	}
	for line := range bytes.Lines([]byte(j.String())) {
		if bytes.Contains(line, []byte(`"msg":"gnet: `)) && !bytes.Contains(line, []byte(`"level":"DEBUG"`)) {
			t.Errorf("gnet says aloud: %s", line)
		}
	}
}
