// The server of the suites of socket.io-client, versions 2 to 4.

package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// clientConfig are the options of the server for a version of the client.
func clientConfig(version int) loop.Config {
	cfg := loop.Config{PingInterval: 2 * time.Second, AllowEIO3: version == 2}
	if version == 4 {
		cfg.ConnectionStateRecovery = &loop.RecoveryConfig{}
		// Long enough for clients to give up a connection that is being made.
		cfg.AllowRequest = func(*http.Request) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
	}
	return cfg
}

// client registers the namespaces and events for a version of the client.
func client(version int) func(*loop.Server) {
	handshake := func(s *loop.Socket) (any, error) { return s.Handshake(), nil }
	if version == 2 {
		handshake = handshakeOf2
	}
	return func(s *loop.Server) {
		for _, name := range []string{"/timeout_socket", "/valid", "/asd"} {
			s.Of(name)
		}
		loop.OnAck0(s.Of("/foo"), "getId", id)
		s.Of("/abc").OnConnection(func(s *loop.Socket) {
			if h, err := handshake(s); err == nil {
				_ = s.Emit("handshake", h)
			}
		})
		s.Use(func(s *loop.Socket) error {
			if s.Handshake().Query().Get("fail") != "" {
				return &loop.Error{Message: "Auth failed (main namespace)"}
			}
			return nil
		})
		s.Of("/no").Use(func(*loop.Socket) error { return &loop.Error{Message: "Auth failed (custom namespace)"} })
		loop.OnAck0(s, "getHandshake", handshake)
		questions(s)
		answers(s)
		binary(s)
	}
}

// handshakeOf2 is the handshake as version 2 tells it: with the parameters of
// the namespace, which came as the auth payload, in the query.
func handshakeOf2(s *loop.Socket) (any, error) {
	h := s.Handshake()
	text, err := h.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	query, _ := fields["query"].(map[string]any)
	return fields, h.Auth(&query)
}

func id(s *loop.Socket) (string, error) { return s.ID(), nil }

// questions are the events with an acknowledgement.
func questions(s *loop.Server) {
	s.On("echo", func(_ *loop.Socket, e *loop.Event) { _ = e.AckArgs(e.Args().Slice(0, 1)) })
	s.On("getAckDate", func(_ *loop.Socket, e *loop.Event) { _ = e.Ack(now()) })
	loop.OnAck0(s, "getId", id)
	s.On("ack", func(s *loop.Socket, _ *loop.Event) {
		_ = s.EmitAck("ack", func(answer loop.Args, err error) {
			var number int
			var object struct{ Test bool }
			if err == nil && answer.Bind(&number, &object) == nil && number == 5 && object.Test {
				_ = s.Emit("got it")
			}
		})
	})
}

// now is the time in the form of JavaScript's dates in JSON.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// answers are the events that others answer.
func answers(s *loop.Server) {
	answer := func(event, with string, args ...any) {
		s.On(event, func(s *loop.Socket, _ *loop.Event) { _ = s.Emit(with, args...) })
	}
	answer("hi", "hi")
	answer("false", "false", false)
	answer("doge", "doge", []byte("asdfasdf"))
	answer("getbin", "takebin", []byte("asdfasdf"))
	s.On("getDate", func(s *loop.Socket, _ *loop.Event) { _ = s.Emit("takeDate", now()) })
	s.On("getDateObj", func(s *loop.Socket, _ *loop.Event) { _ = s.Emit("takeDateObj", map[string]any{"date": now()}) })
	s.On("getUtf8", func(s *loop.Socket, _ *loop.Event) {
		for _, text := range []string{"てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"} {
			_ = s.Emit("takeUtf8", text)
		}
	})
}

// seen is what binary events have come from a socket before.
type seen struct{ abuff1, blob1, blob2 bool }

// binary are the events about binary values. An answer means that all was as it
// should be.
func binary(s *loop.Server) {
	got := func(s *loop.Socket) seen {
		v, _ := loop.DataAs[seen](s)
		return v
	}
	on := func(event, answer string, ok func(*loop.Socket, loop.Args) bool) {
		s.On(event, func(s *loop.Socket, e *loop.Event) {
			if ok(s, e.Args()) && answer != "" {
				_ = s.Emit(answer)
			}
		})
	}
	bytes := func(_ *loop.Socket, a loop.Args) bool { return a.Binary(0) != nil }
	mixed := func(_ *loop.Socket, a loop.Args) bool {
		var v struct {
			Hello, Goodbye string
			Message        any
		}
		err := a.Decode(0, &v)
		_, ok := v.Message.([]byte)
		return err == nil && ok && v.Hello == "lol" && v.Goodbye == "gotcha"
	}
	on("buffa", "buffack", bytes)
	on("blob", "back", bytes)
	on("jsonbuff", "jsonbuff-ack", mixed)
	on("jsonblob", "jsonblob-ack", mixed)
	on("abuff1", "", func(s *loop.Socket, a loop.Args) bool {
		s.SetData(seen{abuff1: bytes(s, a)})
		return true
	})
	on("abuff2", "abuff2-ack", func(s *loop.Socket, _ loop.Args) bool { return got(s).abuff1 })
	on("blob1", "", func(s *loop.Socket, a loop.Args) bool {
		s.SetData(seen{blob1: bytes(s, a)})
		return true
	})
	on("blob2", "", func(s *loop.Socket, a loop.Args) bool {
		var text string
		err := a.Decode(0, &text)
		s.SetData(seen{blob2: got(s).blob1 && err == nil && text == "second"})
		return true
	})
	on("blob3", "blob3-ack", func(s *loop.Socket, a loop.Args) bool { return got(s).blob2 && bytes(s, a) })
}
