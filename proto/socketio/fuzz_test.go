// Fuzz targets. Their seeds are the cases of the tables and the vectors.

package socketio_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

// smallLimits make limits easy to reach.
var smallLimits = socketio.Limits{
	Depth: 4, Arguments: 5, EventName: 20, Namespace: 12, Attachments: 3, AuthBytes: 40, PacketBytes: 300,
}

func addPackets(f *testing.F) {
	for _, c := range decodeCases {
		f.Add([]byte(c.text))
	}
	for _, c := range refusedCases {
		f.Add([]byte(c.text))
	}
	for _, v := range readVectors(f) {
		for _, step := range v.Send {
			if text, ok := step["text"].(string); ok && strings.HasPrefix(text, "4") {
				f.Add([]byte(text[1:]))
			}
		}
	}
}

// FuzzDecode holds Decode against the oracle, with the default limits and with
// small ones.
func FuzzDecode(f *testing.F) {
	addPackets(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		compareWithOracle(t, text, socketio.DefaultLimits())
		compareWithOracle(t, text, smallLimits)
	})
}

func compareWithOracle(t *testing.T, text []byte, lim socketio.Limits) {
	before := bytes.Clone(text)
	var p socketio.Packet
	err := socketio.Decode(text, &lim, &p)
	if !bytes.Equal(text, before) {
		t.Fatal("input written to")
	}
	want, ok := plainDecode(string(text), lim)
	if (err == nil) != ok {
		t.Fatalf("%q: error %v, oracle says ok=%v", text, err, ok)
	}
	if err != nil {
		return
	}
	var args []json.RawMessage
	for arg, rest := socketio.NextArg(p.Args); arg != nil; arg, rest = socketio.NextArg(rest) {
		args = append(args, arg)
	}
	got := plainPacket{
		kind: p.Type, attachments: p.Attachments, namespace: string(p.Namespace), hasID: p.HasID, id: p.ID,
		payload: string(p.Payload), name: p.EventName(), args: args,
	}
	if len(want.args) == 0 {
		want.args = nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\ngot  %+v\nwant %+v", text, got, want)
	}
	if p.NumArgs != len(args) || string(p.AppendEventName(nil)) != want.name {
		t.Fatalf("%q: NumArgs %d, name %q", text, p.NumArgs, p.AppendEventName(nil))
	}
	reencode(t, &p)
}

// reencode appends the packet again and decodes the result: nothing may change
// but the spelling of the name and the space around it.
func reencode(t *testing.T, p *socketio.Packet) {
	nsp := string(p.Namespace)
	var text []byte
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		text = socketio.AppendEvent(nil, nsp, p.ID, p.HasID, p.Attachments, p.EventName(), p.Args)
	case socketio.Ack, socketio.BinaryAck:
		text = socketio.AppendAck(nil, nsp, p.ID, p.Attachments, p.Args)
	case socketio.ConnectError:
		text = socketio.AppendConnectError(nil, nsp, p.Payload)
	case socketio.Disconnect:
		text = socketio.AppendDisconnect(nil, nsp)
	default:
		return
	}
	lim := socketio.DefaultLimits()
	lim.EventName *= 6 // a control character may have to be escaped now
	var again socketio.Packet
	if err := socketio.Decode(text, &lim, &again); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if again.Type != p.Type || again.ID != p.ID || again.HasID != p.HasID || again.Attachments != p.Attachments ||
		!bytes.Equal(again.Namespace, p.Namespace) || !bytes.Equal(again.Args, p.Args) ||
		again.NumArgs != p.NumArgs || again.EventName() != p.EventName() {
		t.Fatalf("%q became %q", p.Payload, text)
	}
	if p.Type == socketio.ConnectError && !bytes.Equal(again.Payload, p.Payload) {
		t.Fatalf("%q became %q", p.Payload, text)
	}
}

// FuzzNextArg feeds text that Decode has not seen: it must end all the same.
func FuzzNextArg(f *testing.F) {
	for _, c := range argCases {
		f.Add([]byte(c.args))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		rounds := 0
		for arg, rest := socketio.NextArg(args); arg != nil; arg, rest = socketio.NextArg(rest) {
			if rounds++; rounds > len(args) {
				t.Fatalf("%q: no end", args)
			}
		}
	})
}

// FuzzAssembler plays random orders of text and attachments.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte(`52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`), []byte{3, 200})
	f.Add([]byte(`61-/chat,7[{"_placeholder":true,"num":0}]`), []byte{0, 1})
	f.Add([]byte(`2["a"]`), []byte{1})
	f.Fuzz(func(t *testing.T, text, sizes []byte) {
		var a socketio.Assembler
		var p socketio.Packet
		err := socketio.Decode(text, &smallLimits, &p)
		if err != nil {
			return
		}
		begun := a.Begin(&p, &smallLimits)
		if (begun == nil) != (p.Attachments > 0 && len(text) <= smallLimits.PacketBytes) {
			t.Fatalf("Begin: %v", begun)
		}
		total, due := len(text), a.Due()
		var want [][]byte
		for i, size := range sizes {
			bin := bytes.Repeat([]byte{byte(i)}, int(size))
			complete, err := a.Add(bin)
			total += len(bin)
			switch {
			case due == 0:
				if err != socketio.ErrBinaryWhileNoneDue {
					t.Fatalf("none due: %v", err)
				}
			case total > smallLimits.PacketBytes:
				if err != socketio.ErrAttachmentsTooLarge || a.Due() != 0 {
					t.Fatalf("%d bytes: %v", total, err)
				}
				due = 0
			default:
				want = append(want, bin)
				due--
				if err != nil || complete != (due == 0) || a.Due() != due {
					t.Fatalf("complete %v, due %d, error %v, want %d due", complete, a.Due(), err, due)
				}
				if complete {
					comparePackets(t, &a, &p, want)
				}
			}
		}
	})
}

func comparePackets(t *testing.T, a *socketio.Assembler, want *socketio.Packet, wantBins [][]byte) {
	t.Helper()
	p, bins := a.Packet()
	if !reflect.DeepEqual(p, want) {
		t.Fatalf("packet %+v, want %+v", p, want)
	}
	if !reflect.DeepEqual(normal(bins), normal(wantBins)) {
		t.Fatalf("attachments %x, want %x", bins, wantBins)
	}
}

// normal makes nil and empty slices the same.
func normal(bins [][]byte) []string {
	var s []string
	for _, b := range bins {
		s = append(s, string(b))
	}
	return s
}

// FuzzUnmarshalAny holds the values made here against encoding/json's.
func FuzzUnmarshalAny(f *testing.F) {
	for _, c := range valueCases {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		compareUnmarshal(t, text)
	})
}

// FuzzAppendString holds AppendString against encoding/json's reading of it.
func FuzzAppendString(f *testing.F) {
	for _, s := range stringCases {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		compareString(t, s)
	})
}
