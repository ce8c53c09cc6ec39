// Typed handlers, acknowledgements of events, and what can be wrong with both.

package loop_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

type point struct {
	X int    `json:"x"`
	B []byte `json:"b,omitempty"`
}

func TestTypedHandlers(t *testing.T) {
	var got, failed steps
	cfg := loop.Config{OnError: func(s *loop.Socket, err error) { failed.add("%v", err) }}
	s := serve(t, cfg, func(s *loop.Server) {
		onSync(s)
		fail := errors.New("on purpose")
		loop.On0(s, "on0", func(*loop.Socket) error { got.add("on0"); return nil })
		loop.On(s, "on1", func(_ *loop.Socket, p point) error { got.add("on1 %+v", p); return nil })
		loop.On2(s, "on2", func(_ *loop.Socket, a string, b []int) error { got.add("on2 %s %v", a, b); return nil })
		loop.On3(s, "on3", func(_ *loop.Socket, a string, b bool, c []byte) error { got.add("on3 %s %v %x", a, b, c); return nil })
		loop.On(s, "fails", func(*loop.Socket, int) error { return fail })
		loop.OnAck0(s, "ack0", func(*loop.Socket) (string, error) { return "zero", nil })
		loop.OnAck(s, "ack1", func(_ *loop.Socket, p point) (point, error) { p.X++; return p, nil })
		loop.OnAck2(s, "ack2", func(_ *loop.Socket, a, b int) (int, error) { return a + b, nil })
		loop.OnAck3(s, "ack3", func(_ *loop.Socket, a, b, c int) (int, error) { return a + b + c, nil }, loop.Inline())
		loop.OnAck(s, "refuse", func(_ *loop.Socket, a int) (int, error) {
			return 0, fmt.Errorf("wrapped: %w", &loop.Error{Message: "no", Data: map[string]int{"code": a}})
		})
		loop.OnAck0(s, "refuse-plain", func(*loop.Socket) (int, error) { return 0, &loop.Error{Message: "no"} })
		loop.OnAck0(s, "ack-fails", func(*loop.Socket) (int, error) { return 0, fail })
		loop.OnAck0(s, "unencodable", func(*loop.Socket) (any, error) { return make(chan int), nil })
		loop.OnAck0(s, "unencodable-data", func(*loop.Socket) (any, error) { return nil, &loop.Error{Message: "x", Data: make(chan int)} })
	})
	c, _ := s.connect(t, "websocket")
	run := func(name, message string, answer string, bins int, handled, errs string) {
		t.Helper()
		got.clear()
		failed.clear()
		if err := c.send(packet{text: "4" + message}); err != nil {
			t.Fatal(err)
		}
		for i := range bins {
			if err := c.send(packet{bin: []byte{0xab, byte(i)}, binary: true}); err != nil {
				t.Fatal(err)
			}
		}
		var answers []string
		c.mustWrite(t, `2["sync"]`)
		for {
			p, err := c.next()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if p.text == `2["synced"]` {
				break
			}
			answers = append(answers, p.String())
		}
		if a := strings.Join(answers, " "); a != answer {
			t.Errorf("%s: answered %q, want %q", name, a, answer)
		}
		if h := strings.Join(got.all(), ", "); h != handled {
			t.Errorf("%s: handled %q, want %q", name, h, handled)
		}
		if e := strings.Join(failed.all(), ", "); e != errs && !(errs != "" && strings.HasPrefix(e, errs)) {
			t.Errorf("%s: errors %q, want %q", name, e, errs)
		}
	}
	const placeholder = `{"_placeholder":true,"num":0}`
	const invalid, internal = `{"error":{"message":"invalid arguments"}}`, `{"error":{"message":"internal server error"}}`
	run("none", `2["on0"]`, "", 0, "on0", "")
	run("ignored", `2["on0",1,2]`, "", 0, "on0", "")
	run("object", `2["on1",{"x":3}]`, "", 0, "on1 {X:3 B:[]}", "")
	run("binary", `51-["on1",{"x":3,"b":`+placeholder+`}]`, "", 1, "on1 {X:3 B:[171 0]}", "")
	run("two", `2["on2","a",[1,2]]`, "", 0, "on2 a [1 2]", "")
	run("three", `51-["on3","a",true,`+placeholder+`]`, "", 1, "on3 a true ab00", "")
	run("missing", `2["on2","a"]`, "", 0, "", `event "on2": loop: the arguments do not fit the handler: argument 2 is missing`)
	run("missing all", `2["on1"]`, "", 0, "", `event "on1": loop: the arguments do not fit the handler: argument 1 is missing`)
	run("wrong type", `2["on1",7]`, "", 0, "", `event "on1": loop: the arguments do not fit the handler: argument 1: `)
	run("wrong type, asked", `25["on1","x"]`, `35[`+invalid+`]`, 0, "", `event "on1": `)
	run("no ack from On", `26["on1",{"x":1}]`, "", 0, "on1 {X:1 B:[]}", "")
	run("error", `2["fails",1]`, "", 0, "", `event "fails": on purpose`)

	run("ack none", `27["ack0"]`, `37["zero"]`, 0, "", "")
	run("ack not wanted", `2["ack0"]`, "", 0, "", "")
	run("ack object", `28["ack1",{"x":1}]`, `38[{"x":2}]`, 0, "", "")
	run("ack binary", `51-9["ack1",{"x":1,"b":`+placeholder+`}]`, `61-9[{"x":2,"b":`+placeholder+`}] binary ab00`, 1, "", "")
	run("ack two", `210["ack2",1,2]`, `310[3]`, 0, "", "")
	run("ack three, inline", `211["ack3",1,2,3]`, `311[6]`, 0, "", "")
	run("ack invalid", `212["ack2",1]`, `312[`+invalid+`]`, 0, "", `event "ack2": `)
	run("refused", `213["refuse",4]`, `313[{"error":{"message":"no","data":{"code":4}}}]`, 0, "", "")
	run("refused, not asked", `2["refuse",4]`, "", 0, "", "")
	run("refused without data", `214["refuse-plain"]`, `314[{"error":{"message":"no"}}]`, 0, "", "")
	run("internal", `215["ack-fails"]`, `315[`+internal+`]`, 0, "", `event "ack-fails": on purpose`)
	run("internal, not asked", `2["ack-fails"]`, "", 0, "", `event "ack-fails": on purpose`)
	run("unencodable", `216["unencodable"]`, `316[`+internal+`]`, 0, "", `event "unencodable": loop: encoding arguments: `)
	run("unencodable data", `217["unencodable-data"]`, "", 0, "", `event "unencodable-data": loop: encoding arguments: `)
}

func TestEventAck(t *testing.T) {
	var got steps
	late := make(chan func(...any) error, 1)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.On("plain", func(_ *loop.Socket, e *loop.Event) {
			got.add("%v %v", e.WantsAck(), e.Ack())
			got.add("%v", e.AckArgs(e.Args()))
			got.add("%v", e.Later()())
		})
		s.On("twice", func(_ *loop.Socket, e *loop.Event) {
			got.add("%v %v", e.WantsAck(), e.Ack("first", 2))
			got.add("%v", e.Ack("second"))
			got.add("%v", e.AckArgs(e.Args()))
			got.add("%v", e.Later()())
		})
		s.On("raw", func(_ *loop.Socket, e *loop.Event) { got.add("%v", e.AckArgs(e.Args().Slice(1, 3))) })
		s.On("later", func(_ *loop.Socket, e *loop.Event) {
			late <- e.Later()
			got.add("%v", e.Ack("now"))
		})
		s.On("bad", func(_ *loop.Socket, e *loop.Event) { got.add("%v", e.Ack(make(chan int)) != nil) })
	})
	c, _ := s.connect(t, "websocket")
	check := func(message, answer string, want ...string) {
		t.Helper()
		got.clear()
		c.mustWrite(t, message, `2["sync"]`)
		if answer != "" {
			c.expect(t, answer)
		}
		c.expect(t, `2["synced"]`)
		if !slices.Equal(got.all(), want) {
			t.Errorf("%s: %q, want %q", message, got.all(), want)
		}
	}
	none, twice := loop.ErrNoAck.Error(), loop.ErrAcked.Error()
	check(`2["plain",1]`, "", "false "+none, none, none)
	check(`20["twice",1]`, `30["first",2]`, "true <nil>", twice, twice, twice)
	check(`21["raw",1,{"a":[2]},"x",4]`, `31[{"a":[2]},"x"]`, "<nil>")
	check(`22["raw"]`, `32[]`, "<nil>")
	check(`23["bad"]`, "", "true")
	check(`24["later"]`, "", twice)
	ack := within(t, "the handler", late)
	if err := ack("done", []byte{1}); err != nil {
		t.Error(err)
	}
	if err := ack("again"); err != loop.ErrAcked {
		t.Errorf("second call: %v", err)
	}
	c.expect(t, `61-4["done",{"_placeholder":true,"num":0}]`)
	if p, err := c.next(); err != nil || string(p.bin) != "\x01" {
		t.Errorf("attachment: %v, %v", p, err)
	}
}

// TestAckAfterLeaving: an answer for a client that has left goes nowhere.
func TestAckAfterLeaving(t *testing.T) {
	late, left := make(chan func(...any) error, 1), make(chan struct{})
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.On("later", func(_ *loop.Socket, e *loop.Event) { late <- e.Later() })
		s.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) { close(left) })
	})
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, `20["later"]`)
	ack := within(t, "the handler", late)
	c.drop()
	within(t, "the disconnect", left)
	if err := ack("nobody"); err != nil {
		t.Errorf("a late acknowledgement fails with %v", err)
	}
}

// TestArgs: looking at arguments without decoding all of them.
func TestArgs(t *testing.T) {
	var got steps
	kept := make(chan loop.Args, 1)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.On("a", func(sock *loop.Socket, e *loop.Event) {
			a := e.Args()
			got.add("%d %s %s|%s", a.Len(), a.Raw(0), a.Raw(1), a.Raw(3))
			var n int
			var m map[string]any
			got.add("%v %d %v", a.Bind(&n, &m), n, m)
			got.add("%x %x", a.Binary(2), a.Binary(0))
			got.add("%v", a.Decode(7, &n) != nil)
			j, err := a.MarshalJSON()
			got.add("%s %v", j, err)
			kept <- a.Clone()
			if e.Socket() != sock {
				t.Error("the event is of another socket")
			}
		})
	})
	c, _ := s.connect(t, "websocket")
	if err := c.send(packet{text: `451-["a",1, {"k":"v"},{"_placeholder":true,"num":0}]`}, packet{bin: []byte{9}, binary: true}); err != nil {
		t.Fatal(err)
	}
	c.sync(t)
	want := []string{
		`3 1 {"k":"v"}|`, "<nil> 1 map[k:v]", "09 ", "true", `[1, {"k":"v"},{"_placeholder":true,"num":0}] <nil>`,
	}
	if !slices.Equal(got.all(), want) {
		t.Errorf("%q, want %q", got.all(), want)
	}
	a := within(t, "the arguments", kept)
	for range 100 {
		c.mustWrite(t, `2["a","overwrites what was kept by mistake"]`)
		<-kept
	}
	var b []byte
	if err := a.Decode(2, &b); err != nil || string(b) != "\x09" || string(a.Raw(0)) != "1" {
		t.Errorf("the clone has changed: %s %x %v", a.Raw(0), b, err)
	}
}
