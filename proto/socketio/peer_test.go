// A server small enough to run the vectors against: namespaces, reassembly and
// a note of what handlers would see.

package socketio_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

var errOutOfPlace = errors.New("packet out of place")

var dynamic = regexp.MustCompile(`^/dyn-\d+$`)

// peer is as much of a server as the vectors need: it knows what is joined and
// notes what handlers would see.
type peer struct {
	t      *testing.T
	asm    socketio.Assembler
	joined map[string]bool
	asked  bool
	events []string
	closed error
}

func (s *peer) step(step map[string]any) {
	count := func() int { return int(step["n"].(float64)) }
	switch {
	case step["text"] != nil:
		s.engineText(step["text"].(string))
	case step["parts"] != nil:
		s.engineText(joinParts(step["parts"].([]any)))
	case step["bin"] != nil:
		bin, err := hex.DecodeString(step["bin"].(string))
		if err != nil {
			s.t.Fatal(err)
		}
		s.binary(bin)
	case step["bin_rep"] != nil:
		bin, _ := hex.DecodeString(step["bin_rep"].(string))
		s.binary(slices.Repeat(bin, count()))
	case step["repeat"] != nil:
		for range count() {
			s.engineText(step["repeat"].(string))
		}
	case step["post"] != nil:
		for text := range strings.SplitSeq(step["post"].(string), "\x1e") {
			s.engineText(text)
		}
	case step["wait_ms"] != nil:
	default:
		s.t.Fatalf("unknown step %v", step)
	}
}

func joinParts(parts []any) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			b.WriteString(part)
		case map[string]any:
			b.WriteString(strings.Repeat(part["rep"].(string), int(part["n"].(float64))))
		}
	}
	return b.String()
}

// engineText takes an Engine.IO text packet: a message, or base64 of one.
func (s *peer) engineText(text string) {
	switch {
	case s.closed != nil:
	case strings.HasPrefix(text, "4"):
		s.closed = s.text(strings.ReplaceAll(text[1:], "$ID", "0"))
	case strings.HasPrefix(text, "b"):
		bin, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text[1:], "="))
		if err != nil {
			s.t.Fatal(err)
		}
		s.binary(bin)
	case text != "3":
		s.closed = fmt.Errorf("engine packet %q", text)
	}
}

func (s *peer) text(text string) error {
	var p socketio.Packet
	if err := s.asm.CheckText(); err != nil {
		return err
	}
	if err := socketio.Decode([]byte(text), nil, &p); err != nil {
		return err
	}
	nsp := string(p.Namespace)
	if p.Type == socketio.Connect {
		if s.joined[nsp] {
			return errOutOfPlace
		}
		s.joined[nsp] = nsp == "/" || nsp == "/chat" || dynamic.MatchString(nsp)
		return nil
	}
	if !s.joined[nsp] || p.Type == socketio.ConnectError {
		return errOutOfPlace
	}
	if p.Type == socketio.Disconnect {
		s.joined[nsp] = false
		return nil
	}
	if p.Attachments > 0 {
		return s.asm.Begin(&p, nil)
	}
	s.dispatch(&p, nil)
	return nil
}

func (s *peer) binary(bin []byte) {
	if s.closed != nil {
		return
	}
	complete, err := s.asm.Add(bin)
	s.closed = err
	if complete {
		s.dispatch(s.asm.Packet())
	}
}

func (s *peer) dispatch(p *socketio.Packet, bins [][]byte) {
	var items []string
	switch p.Type {
	case socketio.Ack, socketio.BinaryAck:
		if !s.asked || string(p.Namespace) != "/" {
			return
		}
		items = append(items, "ackreply")
	default:
		name := string(socketio.AppendString(nil, p.EventName()))
		if p.Payload[1] == p.Name[0] {
			name = string(p.Name) // an integer
		}
		items = append(items, name)
		s.asked = s.asked || p.EventName() == "askme"
	}
	for arg, rest := socketio.NextArg(p.Args); arg != nil; arg, rest = socketio.NextArg(rest) {
		var v any
		if err := socketio.UnmarshalNumber(arg, bins, &v); err != nil {
			s.t.Fatal(err)
		}
		items = append(items, render(s.t, v))
	}
	if p.HasID && p.Type != socketio.Ack && p.Type != socketio.BinaryAck {
		items = append(items, "ack()")
	}
	s.events = append(s.events, strings.Join(items, ", "))
}

// render writes an argument as the vectors do: buf:N for N bytes, bare when it
// is the argument itself.
func render(t *testing.T, v any) string {
	if bin, ok := v.([]byte); ok {
		return fmt.Sprintf("buf:%d", len(bin))
	}
	out, _, err := socketio.AppendArgs(nil, nil, []any{sized(v)})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func sized(v any) any {
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("buf:%d", len(v))
	case []any:
		for i := range v {
			v[i] = sized(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = sized(v[key])
		}
	}
	return v
}
