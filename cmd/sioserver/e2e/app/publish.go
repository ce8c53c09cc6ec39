// The protocol of CONTRACT.md beside Socket.IO: a line of JSON is an event for a namespace.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/sioserver/sioserver/loop"
)

// listenForLines adds the address of --publish.
func (a *app) listenForLines(cfg *loop.Config) {
	cfg.NoListen = false
	cfg.Listeners = append(cfg.Listeners, loop.Listener{Address: "127.0.0.1:0", Protocol: loop.ProtocolFunc(a.openPublisher)})
}

// publishers prepares what each loop knows of these connections, and lets
// sockets tell them something.
func (a *app) publishers(f flags) {
	if !f.publish {
		return
	}
	a.publishing = loop.NewPerLoop(a.server, func(*loop.Loop) map[*loop.RawConn]struct{} { return map[*loop.RawConn]struct{}{} })
	loop.On(a.server, "tell", func(_ *loop.Socket, text string) error {
		line := []byte("told " + text + "\n")
		return a.publishing.Each(func(_ *loop.Loop, conns *map[*loop.RawConn]struct{}) {
			for c := range *conns {
				_, _ = c.Write(line)
			}
		})
	})
}

func (a *app) tellPublishPort() {
	addrs := a.server.Addrs()
	_, port, _ := net.SplitHostPort(addrs[len(addrs)-1])
	a.journal(map[string]any{"event": "publish", "port": json.Number(port)})
}

func (a *app) openPublisher(c *loop.RawConn) loop.RawHandler {
	(*a.publishing.Of(c.Loop()))[c] = struct{}{}
	return publisher{a}
}

// publisher handles connections of --publish.
type publisher struct{ app *app }

// OnData implements [loop.RawHandler].
func (p publisher) OnData(c *loop.RawConn, data []byte) (used int, err error) {
	line, _, whole := bytes.Cut(data, []byte("\n"))
	if !whole {
		return 0, nil
	}
	answer := "ok\n"
	if err = p.publish(line); err != nil {
		answer = fmt.Sprintf("error %q\n", err.Error())
	}
	_, _ = c.Write([]byte(answer))
	return len(line) + 1, err
}

// OnClose implements [loop.RawHandler].
func (p publisher) OnClose(c *loop.RawConn, _ error) { delete(*p.app.publishing.Of(c.Loop()), c) }

func (p publisher) publish(line []byte) error {
	var e struct {
		Nsp, Event string
		Rooms      []string
		Args       []any
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	if e.Nsp == "" || e.Event == "" {
		return errors.New("nsp and event are missing")
	}
	return p.app.server.Of(e.Nsp).To(e.Rooms...).Emit(e.Event, e.Args...)
}
