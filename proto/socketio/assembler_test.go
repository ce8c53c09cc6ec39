// Reassembly of binary packets.

package socketio_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

const twoAttachments = `52-/chat,7["up\u0021",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`

func decode(t testing.TB, text []byte) *socketio.Packet {
	t.Helper()
	p := new(socketio.Packet)
	if err := socketio.Decode(text, nil, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAssembler(t *testing.T) {
	var a socketio.Assembler
	if _, err := a.Add(nil); !errors.Is(err, socketio.ErrBinaryWhileNoneDue) {
		t.Fatal(err)
	}
	if err := a.CheckText(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		// The text stands somewhere in a larger buffer that is then reused.
		buffer := append(make([]byte, rnd.IntN(9)), twoAttachments...)
		text := buffer[len(buffer)-len(twoAttachments):]
		want := decode(t, []byte(twoAttachments))
		if err := a.Begin(decode(t, text), nil); err != nil {
			t.Fatal(err)
		}
		clear(buffer)
		if !errors.Is(a.CheckText(), socketio.ErrTextWhileDue) || a.Due() != 2 {
			t.Fatalf("%d due, %v", a.Due(), a.CheckText())
		}
		if err := a.Begin(want, nil); !errors.Is(err, socketio.ErrTextWhileDue) {
			t.Fatal(err)
		}
		var bins [][]byte
		for i := range 2 {
			bin := bytes.Repeat([]byte{byte(rnd.IntN(256))}, rnd.IntN(10_000))
			bins = append(bins, bytes.Clone(bin))
			complete, err := a.Add(bin)
			if complete != (i == 1) || err != nil {
				t.Fatalf("attachment %d: %v %v", i, complete, err)
			}
			clear(bin)
		}
		comparePackets(t, &a, want, bins)
		if _, err := a.Add(nil); !errors.Is(err, socketio.ErrBinaryWhileNoneDue) {
			t.Fatal(err)
		}
	}
}

func TestAssemblerRootNamespace(t *testing.T) {
	var a socketio.Assembler
	text := []byte(`51-["a",{"_placeholder":true,"num":0}]`)
	want := decode(t, text)
	if err := a.Begin(want, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Add([]byte("x")); err != nil {
		t.Fatal(err)
	}
	comparePackets(t, &a, want, [][]byte{[]byte("x")})
}

func TestAssemblerNotBinary(t *testing.T) {
	var a socketio.Assembler
	if err := a.Begin(decode(t, []byte(`2["a"]`)), nil); !errors.Is(err, socketio.ErrPacketNotBinary) || a.Due() != 0 {
		t.Fatalf("%v, %d due", err, a.Due())
	}
}

func TestAssemblerLimits(t *testing.T) {
	p := decode(t, []byte(twoAttachments))
	lim := socketio.DefaultLimits()
	for _, c := range []struct {
		name         string
		room         int // bytes beside the text
		first, next  int
		begin, error error
	}{
		{"text alone too large", -1, 0, 0, socketio.ErrAttachmentsTooLarge, nil},
		{"no room for bytes", 0, 0, 1, nil, socketio.ErrAttachmentsTooLarge},
		{"below", 10, 5, 4, nil, nil},
		{"at the limit", 10, 5, 5, nil, nil},
		{"above", 10, 5, 6, nil, socketio.ErrAttachmentsTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a socketio.Assembler
			lim.PacketBytes = len(twoAttachments) + c.room
			if err := a.Begin(p, &lim); !errors.Is(err, c.begin) {
				t.Fatal(err)
			}
			if c.begin != nil {
				return
			}
			if complete, err := a.Add(make([]byte, c.first)); complete || err != nil {
				t.Fatal(complete, err)
			}
			complete, err := a.Add(make([]byte, c.next))
			if !errors.Is(err, c.error) || complete != (c.error == nil) || a.Due() != 0 {
				t.Fatal(complete, err, a.Due())
			}
		})
	}
}

func TestAssemblerDetach(t *testing.T) {
	var a socketio.Assembler
	fill := func(b byte) {
		if err := a.Begin(decode(t, []byte(twoAttachments)), nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := a.Add([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(1)
	p, bins := a.Detach()
	fill(2)
	if p.EventName() != "up!" || bins[0][0] != 1 || bins[1][0] != 1 {
		t.Fatalf("detached packet changed: %s %v", p.EventName(), bins)
	}
}

// TestAssemblerLongText gives back the memory of a long text, too.
func TestAssemblerLongText(t *testing.T) {
	var a socketio.Assembler
	long := `51-["a",{"_placeholder":true,"num":0},"` + strings.Repeat("x", 100_000) + `"]`
	if err := a.Begin(decode(t, []byte(long)), nil); err != nil {
		t.Fatal(err)
	}
	a.Reset()
	if n := a.Retained(); n > 8<<10 {
		t.Fatalf("%d bytes retained", n)
	}
}

func TestAssemblerReset(t *testing.T) {
	var a socketio.Assembler
	for _, size := range []int{1, 1 << 20} {
		for count := 1; count <= 2; count++ {
			if err := a.Begin(decode(t, []byte(twoAttachments)), nil); err != nil {
				t.Fatal(err)
			}
			for range count {
				if _, err := a.Add(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
			}
			a.Reset()
			if _, bins := a.Packet(); a.Due() != 0 || a.CheckText() != nil || len(bins) != 0 {
				t.Fatal("packet still under way")
			}
			if n := a.Retained(); n > 8<<10 {
				t.Fatalf("%d bytes retained after attachments of %d", n, size)
			}
		}
	}
}
