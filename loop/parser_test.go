// Parsers of the user's, and the two of the server as such.

package loop_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
)

// mirror is JSON with every message written backwards.
type mirror struct{}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

// backwards is a text as the mirror has it.
func backwards(text string) string {
	runes := []rune(text)
	slices.Reverse(runes)
	return string(runes)
}

func (mirror) Encode(p *loop.Packet) (loop.Messages, error) {
	m, err := loop.JSON.Encode(p)
	if m.Text != nil {
		m.Text = []byte(backwards(string(m.Text)))
	}
	for i, b := range m.Binary {
		m.Binary[i] = reversed(b)
	}
	return m, err
}

func (mirror) NewDecoder() loop.Decoder { return mirrored{loop.JSON.NewDecoder()} }

type mirrored struct{ loop.Decoder }

func (d mirrored) Add(message []byte, binary bool) (*loop.Packet, error) {
	if binary {
		return d.Decoder.Add(reversed(message), true)
	}
	return d.Decoder.Add([]byte(backwards(string(message))), false)
}

func TestParserOfTheUser(t *testing.T) {
	s := serve(t, loop.Config{Parser: mirror{}, AllowEIO3: true}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { _ = s.Join("room") })
		s.On("echo", func(s *loop.Socket, e *loop.Event) {
			_ = s.EmitArgs("echo", e.Args())
			_ = e.AckArgs(e.Args())
		})
		s.On("inline", func(s *loop.Socket, e *loop.Event) {
			_ = s.EmitArgs("inline", e.Args())
			_ = e.AckArgs(e.Args())
		}, loop.Inline())
		s.On("all", func(s *loop.Socket, e *loop.Event) { _ = s.Namespace().To("room").Emit("all", e.Args()) })
		s.On("ask", func(s *loop.Socket, e *loop.Event) {
			_ = s.EmitAck("question", func(a loop.Args, err error) { _ = s.Emit("answer", a) }, e.Args())
		})
		s.Of("/refuse").Use(func(*loop.Socket) error { return &loop.Error{Message: "no", Data: 7} })
	})
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		c := s.dial(t, transport)
		say := func(text string) { c.mustWrite(t, backwards(text)) }
		hear := func() string { return backwards(c.mustNext(t)) }
		say(`0{"token":"x"}`)
		if got := hear(); !strings.HasPrefix(got, `0{"sid":"`) {
			t.Fatalf("%s: answer to CONNECT %q", transport, got)
		}
		for _, test := range [][]string{
			{`21["echo",1,{"a":[true,"ü"]}]`, `2["echo",1,{"a":[true,"ü"]}]`, `31[1,{"a":[true,"ü"]}]`},
			{`22["inline"]`, `2["inline"]`, `32[]`},
			{`2["all",null]`, `2["all",null]`},
			{`0/refuse,`, `4/refuse,{"data":7,"message":"no"}`},
			{`0/nowhere,`, `4/nowhere,{"message":"Invalid namespace"}`},
		} {
			say(test[0])
			for _, want := range test[1:] {
				if got := hear(); got != want {
					t.Fatalf("%s: %q is answered %q, want %q", transport, test[0], got, want)
				}
			}
		}
		say(`2["ask","q"]`)
		id, rest, _ := strings.Cut(strings.TrimPrefix(hear(), "2"), "[")
		if rest != `"question","q"]` {
			t.Fatalf("%s: asked %q", transport, rest)
		}
		say("3" + id + `["a"]`)
		if got := hear(); got != `2["answer","a"]` {
			t.Fatalf("%s: the answer is %q", transport, got)
		}
		const cited = `51-["echo",{"_placeholder":true,"num":0}]`
		_ = c.send(packet{text: "4" + backwards(cited)}, packet{bin: []byte{3, 2, 1}, binary: true})
		if got := hear(); got != cited {
			t.Fatalf("%s: binary comes back as %q", transport, got)
		}
		if p, err := c.next(); err != nil || !slices.Equal(p.bin, []byte{3, 2, 1}) {
			t.Fatalf("%s: attachment %v, %v", transport, p, err)
		}
		say("1")
	}
}

// TestParserSeesPackets: what a parser is given, and what it may return.
func TestParserSeesPackets(t *testing.T) {
	bin := []byte{1, 2}
	packets := []*loop.Packet{
		{Type: socketio.Connect, Namespace: "/"},
		{Type: socketio.Connect, Namespace: "/a", Data: map[string]any{"token": "x"}},
		{Type: socketio.Disconnect, Namespace: "/a"},
		{Type: socketio.Event, Namespace: "/", Data: []any{"name", "x", true, nil, []any{bin, "y"}, map[string]any{"k": bin}}},
		{Type: socketio.Event, Namespace: "/a", ID: 7, HasID: true, Data: []any{"name"}},
		{Type: socketio.Ack, Namespace: "/a", ID: 1 << 40, HasID: true, Data: []any{bin}},
		{Type: socketio.Ack, Namespace: "/", ID: 0, HasID: true, Data: []any{}},
		{Type: socketio.ConnectError, Namespace: "/a", Data: map[string]any{"message": "no"}},
		{Type: socketio.ConnectError, Namespace: "/a", Data: "no"},
	}
	for name, parser := range map[string]loop.Parser{"JSON": loop.JSON, "MsgPack": loop.MsgPack, "mirror": mirror{}} {
		d := parser.NewDecoder()
		for i, p := range packets {
			m, err := parser.Encode(p)
			if err != nil {
				t.Errorf("%s: packet %d: %v", name, i, err)
				continue
			}
			var got *loop.Packet
			if m.Text != nil {
				got, err = d.Add(m.Text, false)
			}
			for _, b := range m.Binary {
				if err == nil && got == nil {
					got, err = d.Add(b, true)
				}
			}
			if err != nil || !reflect.DeepEqual(got, p) {
				t.Errorf("%s: packet %d is %+v, %v; want %+v", name, i, got, err, p)
			}
		}
		for i, p := range []*loop.Packet{
			{Type: socketio.Event, Namespace: "/", Data: "name"},
			{Type: socketio.Event, Namespace: "/", Data: []any{"name", make(chan int)}},
			{Type: socketio.Event, Namespace: "", Data: []any{"name"}},
			{Type: socketio.Event, Namespace: "/a,b", Data: []any{"name"}},
			{Type: 9, Namespace: "/"},
			{Type: socketio.Connect, Namespace: "/", Data: func() {}},
		} {
			if m, err := parser.Encode(p); err == nil {
				t.Errorf("%s: wrong packet %d became %+v", name, i, m)
			}
		}
	}
	if _, err := loop.JSON.Encode(&loop.Packet{Type: socketio.Connect, Namespace: "/", Data: map[string]any{"b": bin}}); err == nil {
		t.Error("JSON: a CONNECT with a []byte")
	}
	d := loop.JSON.NewDecoder()
	if p, err := d.Add([]byte{1}, true); p != nil || !errors.Is(err, socketio.ErrBinaryWhileNoneDue) {
		t.Errorf("bytes that nobody waits for: %v, %v", p, err)
	}
	if p, err := d.Add([]byte(`51-["a",{"_placeholder":true,"num":0}]`), false); p != nil || err != nil {
		t.Errorf("half a packet: %v, %v", p, err)
	}
	if p, err := d.Add([]byte(`2["a"]`), false); p != nil || !errors.Is(err, socketio.ErrTextWhileDue) {
		t.Errorf("text in its middle: %v, %v", p, err)
	}
}

// scripted is a parser whose decoder does what the message says.
type scripted struct{ loop.Parser }

func (scripted) NewDecoder() loop.Decoder { return script{} }

type script struct{}

func (script) Add(message []byte, _ bool) (*loop.Packet, error) {
	p := &loop.Packet{Type: socketio.Event, Namespace: "/", Data: []any{"name"}}
	switch word, rest, _ := strings.Cut(string(message), " "); word {
	case "connect":
		return &loop.Packet{Type: socketio.Connect, Namespace: "/"}, nil
	case "panic":
		panic("mine")
	case "error":
		return nil, errors.New("mine")
	case "more":
		return nil, nil
	case "namespace":
		p.Namespace = rest
	case "type":
		p.Type = 77
	case "data":
		p.Data = map[string]any{}
	case "no-name":
		p.Data = []any{}
	case "list-name":
		p.Data = []any{[]any{"name"}}
	case "reserved":
		p.Data = []any{"disconnect"}
	case "nan":
		p.Data = []any{"name", math.NaN()}
	case "deep":
		var v any
		for range 100 {
			v = []any{v}
		}
		p.Data = []any{"name", v}
	case "many":
		p.Data = append([]any{"name"}, make([]any, 5000)...)
	case "binary", "too-binary":
		n := socketio.MaxAttachments
		if word == "too-binary" {
			n++
		}
		list := []any{"name"}
		for range n {
			list = append(list, message)
		}
		p.Data = list
	case "id":
		p.Type, p.ID, p.HasID, p.Data = socketio.Ack, 1<<60, true, []any{}
	}
	return p, nil
}

// TestParserFaults: what a parser does wrong harms the client alone whose packet
// it is.
func TestParserFaults(t *testing.T) {
	s := serve(t, loop.Config{Parser: scripted{loop.JSON}}, func(s *loop.Server) {
		s.On("name", func(s *loop.Socket, e *loop.Event) { _ = s.Emit("came", e.Args().Len()) })
	})
	good := s.dial(t, "websocket")
	good.mustWrite(t, "connect")
	good.mustNext(t)
	for _, word := range []string{
		"panic", "error", "namespace ", "namespace a", "namespace /a,b", "namespace /elsewhere", "type", "data", "no-name",
		"list-name", "reserved", "nan", "deep", "many", "too-binary", "id",
		"more " + strings.Repeat("x", 900_000),
	} {
		c := s.dial(t, "websocket")
		c.mustWrite(t, "connect")
		c.mustNext(t)
		c.mustWrite(t, word)
		if len(word) > 100 {
			for range 5 {
				_ = c.write(word) // more than Limits.Packet.PacketBytes
			}
		}
		c.expectEnd(t)
		good.mustWrite(t, "fine")
		good.expect(t, `2["came",0]`)
	}
	good.mustWrite(t, "binary")
	good.expect(t, `2["came",64]`)
	if n := s.stats(t); n.Panics != 1 || n.LimitHits["attachment_time"] != 0 {
		t.Errorf("%d panics, %d times late", n.Panics, n.LimitHits["attachment_time"])
	}
}

// TestParserWaits: the rest of a packet has a time to come.
func TestParserWaits(t *testing.T) {
	s := serve(t, loop.Config{Parser: scripted{loop.JSON}, Limits: loop.Limits{AttachmentTime: 50 * time.Millisecond}}, nil)
	c := s.dial(t, "websocket")
	c.mustWrite(t, "connect")
	c.mustNext(t)
	c.mustWrite(t, "more")
	c.expectEnd(t)
	if n := s.stats(t).LimitHits["attachment_time"]; n != 1 {
		t.Errorf("%d times late", n)
	}
}

// mute is a parser that cannot encode some packets.
type mute struct{ loop.Parser }

func (p mute) Encode(q *loop.Packet) (loop.Messages, error) {
	if list, ok := q.Data.([]any); ok && len(list) > 1 {
		switch list[1] {
		case "error":
			return loop.Messages{}, errors.New("mine")
		case "panic":
			panic("mine")
		}
	}
	return p.Parser.Encode(q)
}

// TestParserCannotEncode: who emits is told.
func TestParserCannotEncode(t *testing.T) {
	s, sockets := connected(t, loop.Config{Parser: mute{loop.MsgPack}}, nil)
	c := s.dial(t, "websocket")
	m, err := loop.MsgPack.Encode(&loop.Packet{Type: socketio.Connect, Namespace: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.send(packet{bin: m.Binary[0], binary: true}); err != nil {
		t.Fatal(err)
	}
	sock := within(t, "the connection", sockets)
	watched := make(chan string, 10)
	sock.OnAnyOutgoing(func(_ *loop.Socket, event string, args loop.Args) { watched <- event + string(args.Raw(0)) })
	for _, word := range []string{"error", "panic"} {
		for what, err := range map[string]error{
			"Emit":         sock.Emit("e", word),
			"EmitAck":      sock.EmitAck("e", func(loop.Args, error) {}, word),
			"Namespace":    s.Emit("e", word),
			"EmitWithAck":  func() error { _, err := s.EmitWithAck(t.Context(), "e", word); return err }(),
			"RemoteSocket": s.In(sock.ID()).Emit("e", word),
		} {
			if err == nil || !strings.Contains(err.Error(), "mine") {
				t.Errorf("%s of %s: %v", what, word, err)
			}
		}
	}
	for range 4 { // what a socket sends itself is seen before it is encoded
		within(t, "an event", watched)
	}
	if err := s.Emit("e", "fine"); err != nil {
		t.Fatal(err)
	}
	if got := within(t, "the broadcast", watched); got != `e"fine"` {
		t.Errorf("watched %s", got)
	}
	d := loop.MsgPack.NewDecoder()
	for {
		p, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		q, err := d.Add(p.bin, true)
		if err != nil {
			t.Fatal(err)
		}
		if list, ok := q.Data.([]any); ok {
			if !reflect.DeepEqual(list, []any{"e", "fine"}) {
				t.Errorf("came %v", list)
			}
			return
		}
	}
}

// TestParserRecovery: the log holds packets of the user's parser.
func TestParserRecovery(t *testing.T) {
	s, sockets := connected(t, loop.Config{Parser: mirror{}, ConnectionStateRecovery: &loop.RecoveryConfig{}}, nil)
	c := s.dial(t, "websocket")
	c.mustWrite(t, backwards("0"))
	var pid string
	if got := backwards(c.mustNext(t)); !strings.HasPrefix(got, `0{"pid":"`) {
		t.Fatalf("answer to CONNECT %q", got)
	} else {
		pid = got[len(`0{"pid":"`):][:20]
	}
	sock := within(t, "the connection", sockets)
	_ = sock.Emit("first")
	if got := backwards(c.mustNext(t)); got != `2["first","0"]` {
		t.Fatalf("first %q", got)
	}
	c.drop()
	eventually(t, "it is away", func() bool { return s.Root().IsAway(pid) })
	_ = s.Emit("second", []byte{1, 2})
	c = s.dial(t, "websocket")
	c.mustWrite(t, backwards(`0{"pid":"`+pid+`","offset":"0"}`))
	if got := backwards(c.mustNext(t)); got != `51-["second",{"_placeholder":true,"num":0},"1"]` {
		t.Fatalf("missed %q", got)
	}
	if p, err := c.next(); err != nil || !slices.Equal(p.bin, []byte{2, 1}) {
		t.Fatalf("attachment %v, %v", p, err)
	}
	if got := backwards(c.mustNext(t)); !strings.Contains(got, sock.ID()) {
		t.Errorf("then %q", got)
	}
}
