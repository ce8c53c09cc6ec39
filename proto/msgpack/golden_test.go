// What the reference makes of packets and values, and which messages it refuses.
// testdata/golden has the script that wrote it down.

package msgpack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type golden struct {
	Packets []goldenPacket
	Values  []struct {
		Name string
		JSON *string
		Bins []hexBytes
		Same bool
		Hex  hexBytes
	}
	Large []struct {
		Kind   string
		N      int
		Length int
		Head   hexBytes
		SHA256 hexBytes
	}
	Judged []struct {
		Name     string
		Hex      hexBytes
		Accepted bool
		Error    string
		JSON     *string
		Bins     []hexBytes
	}
	V2 []goldenPacket
}

type goldenPacket struct {
	Name, From, NSP string
	Type            socketio.PacketType
	ID              *uint64
	JSON            *string
	Bins            []hexBytes
	Same            bool
	Hex             hexBytes
	Text            string
}

func readGolden(t testing.TB) *golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Packets) == 0 || len(g.Values) == 0 || len(g.Large) == 0 || len(g.Judged) == 0 || len(g.V2) == 0 {
		t.Fatal("golden.json is not complete")
	}
	return &g
}

func plainBins(bins []hexBytes) (plain [][]byte) {
	for _, b := range bins {
		plain = append(plain, b)
	}
	return plain
}

func mustDecode(t testing.TB, msg []byte) *socketio.Packet {
	t.Helper()
	var p socketio.Packet
	if err := msgpack.Decode(msg, nil, &p); err != nil {
		t.Fatalf("%x: %v", msg, err)
	}
	return &p
}

func mustFromJSON(t testing.TB, text string, bins ...[]byte) []byte {
	t.Helper()
	b, err := msgpack.FromJSON(nil, []byte(text), bins)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return b
}

func mustToJSON(t testing.TB, args []byte) (text string, bins [][]byte) {
	t.Helper()
	b, bins, err := msgpack.ToJSON(nil, nil, args)
	if err != nil {
		t.Fatalf("%x: %v", args, err)
	}
	return string(b), bins
}

func sameBins(a, b [][]byte) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

func TestGoldenPackets(t *testing.T) {
	for _, g := range readGolden(t).Packets {
		t.Run(g.Name, func(t *testing.T) {
			p := mustDecode(t, g.Hex)
			comparePacket(t, p, &g)
			if !g.Same {
				return
			}
			var payload []byte
			if g.JSON != nil {
				payload = mustFromJSON(t, *g.JSON, plainBins(g.Bins)...)
			}
			if again := encodeAgain(p, payload); !bytes.Equal(again, g.Hex) {
				t.Errorf("encoded again:\n%x\n%x", again, g.Hex)
			}
		})
	}
}

// comparePacket holds a decoded packet against what went into it.
func comparePacket(t *testing.T, p *socketio.Packet, g *goldenPacket) {
	t.Helper()
	if p.Type != g.Type || string(p.Namespace) != g.NSP || p.HasID != (g.ID != nil) || g.ID != nil && p.ID != *g.ID {
		t.Errorf("%v %s %v %d", p.Type, p.Namespace, p.HasID, p.ID)
	}
	if (p.Payload != nil) != (g.JSON != nil) {
		t.Fatalf("payload %x", p.Payload)
	}
	if g.JSON == nil {
		return
	}
	if text, bins := mustToJSON(t, p.Payload); text != *g.JSON || !sameBins(bins, plainBins(g.Bins)) {
		t.Errorf("payload %s %x, want %s %x", text, bins, *g.JSON, g.Bins)
	}
	if p.Type != socketio.Event && p.Type != socketio.Ack {
		return
	}
	// The name and the arguments are the payload without its brackets.
	want := strings.TrimSuffix(strings.TrimPrefix(*g.JSON, "["), "]")
	text, _ := mustToJSON(t, p.Args)
	if p.Type == socketio.Event {
		name := strconv.Quote(p.EventName())
		if !strings.HasPrefix(want, `"`) {
			name = p.EventName()
		}
		if text != "" {
			text = "," + text
		}
		text = name + text
	}
	if text != want {
		t.Errorf("arguments %s, want %s", text, want)
	}
	n := 0
	for arg, rest := msgpack.NextArg(p.Args); arg != nil; arg, rest = msgpack.NextArg(rest) {
		n++
	}
	if n != p.NumArgs {
		t.Errorf("NumArgs %d, but %d", p.NumArgs, n)
	}
}

// encodeAgain encodes p with the payload made anew.
func encodeAgain(p *socketio.Packet, payload []byte) []byte {
	nsp := string(p.Namespace)
	switch p.Type {
	case socketio.Connect:
		var granted struct{ Sid, Pid string }
		if err := msgpack.Unmarshal(payload, &granted); err != nil {
			return nil
		}
		return msgpack.AppendConnect(nil, nsp, granted.Sid, granted.Pid)
	case socketio.Disconnect:
		return msgpack.AppendDisconnect(nil, nsp)
	case socketio.ConnectError:
		return msgpack.AppendConnectError(nil, nsp, payload)
	}
	// The arguments are the end of the payload, which is as long as it was.
	args := payload[len(payload)-len(p.Args):]
	if p.Type == socketio.Ack {
		return msgpack.AppendAck(nil, nsp, p.ID, args)
	}
	return msgpack.AppendEvent(nil, nsp, p.ID, p.HasID, p.EventName(), args)
}

func TestGoldenValues(t *testing.T) {
	for _, g := range readGolden(t).Values {
		t.Run(g.Name, func(t *testing.T) {
			want := "null"
			if g.JSON != nil {
				want = *g.JSON
			}
			text, bins := mustToJSON(t, g.Hex)
			if text != want || !sameBins(bins, plainBins(g.Bins)) {
				t.Errorf("to JSON: %s %x, want %s", text, bins, want)
			}
			if !g.Same {
				return
			}
			if again := mustFromJSON(t, want, bins...); !bytes.Equal(again, g.Hex) {
				t.Errorf("from JSON: %x, want %x", again, g.Hex)
			}
			// Go's maps have no order, so objects of several keys do not come
			// back as they were.
			var v any
			if err := msgpack.Unmarshal(g.Hex, &v); err != nil {
				t.Fatal(err)
			}
			again, err := msgpack.AppendArgs(nil, []any{v})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(want, `,"`) && !bytes.Equal(again, g.Hex) {
				t.Errorf("from %#v: %x, want %x", v, again, g.Hex)
			}
		})
	}
}

func TestGoldenLarge(t *testing.T) {
	for _, g := range readGolden(t).Large {
		t.Run(g.Kind+strconv.Itoa(g.N), func(t *testing.T) {
			var text []byte
			var bins [][]byte
			switch g.Kind {
			case "string":
				text = []byte(`"` + strings.Repeat("x", g.N) + `"`)
			case "bin":
				text, bins = []byte(`{"_placeholder":true,"num":0}`), [][]byte{bytes.Repeat([]byte{1}, g.N)}
			case "array":
				text = []byte("[" + strings.Repeat("7,", g.N-1) + "7]")
			case "map":
				text = append(text, '{')
				for i := range g.N {
					text = append(strconv.AppendInt(append(text, `"k`...), int64(i), 10), `":`...)
					text = append(strconv.AppendInt(text, int64(i), 10), ',')
				}
				text[len(text)-1] = '}'
			default:
				t.Fatal("unknown kind")
			}
			b := mustFromJSON(t, string(text), bins...)
			if sum := sha256.Sum256(b); len(b) != g.Length || !bytes.HasPrefix(b, g.Head) || !bytes.Equal(sum[:], g.SHA256) {
				t.Errorf("%d bytes, %x ..., want %d, %x ...", len(b), b[:5], g.Length, []byte(g.Head))
			}
			if again, gotBins := mustToJSON(t, b); again != string(text) || !sameBins(gotBins, bins) {
				t.Errorf("back to JSON: %.40s, want %.40s", again, text)
			}
			var v any
			if err := msgpack.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			if m, isMap := v.(map[string]any); isMap && len(m) != g.N {
				t.Errorf("%d keys", len(m))
			}
			again, err := msgpack.AppendArgs(nil, []any{v})
			if err != nil || len(again) != len(b) {
				t.Errorf("from a Go value: %d bytes, %v", len(again), err)
			}
		})
	}
}

// stricter are the messages that the reference takes and we refuse. No official
// client sends them.
var stricter = map[string]error{
	"type 2.0":               msgpack.ErrPacketType,
	"nsp empty":              socketio.ErrNamespace,
	"nsp without slash":      socketio.ErrNamespace,
	"nsp with comma":         socketio.ErrNamespace,
	"connect with id":        socketio.ErrPayload,
	"disconnect with id":     socketio.ErrPayload,
	"event empty":            socketio.ErrPayload,
	"event name nil":         socketio.ErrPayload,
	"event name undefined":   socketio.ErrPayload,
	"event name map":         socketio.ErrPayload,
	"event name array":       socketio.ErrPayload,
	"event name bool":        socketio.ErrPayload,
	"event name binary":      socketio.ErrPayload,
	"event name date":        socketio.ErrPayload,
	"event name float":       socketio.ErrPayload,
	"event name negative":    socketio.ErrPayload,
	"event name 2^53":        socketio.ErrPayload,
	"event name empty":       socketio.ErrPayload,
	"event name connect":     socketio.ErrPayload,
	"event name disconnect":  socketio.ErrPayload,
	"ack without id":         socketio.ErrAckID,
	"id 1.0":                 socketio.ErrAckID,
	"id -1":                  socketio.ErrAckID,
	"id 2^53":                socketio.ErrAckID,
	"id 2^64-1":              socketio.ErrAckID,
	"id twice":               msgpack.ErrMembers,
	"type twice":             msgpack.ErrMembers,
	"data twice":             msgpack.ErrMembers,
	"33 keys":                msgpack.ErrMembers,
	"unknown key with depth": socketio.ErrTooDeep,
	"depth 65":               socketio.ErrTooDeep,
	"key nil":                msgpack.ErrMalformed,
	"key map":                msgpack.ErrMalformed,
	"map key nil":            msgpack.ErrMalformed,
	"map key bool":           msgpack.ErrMalformed,
	"map key float":          msgpack.ErrMalformed,
	"map key binary":         msgpack.ErrMalformed,
	"not UTF-8":              msgpack.ErrMalformed,
	"not UTF-8, surrogate":   msgpack.ErrMalformed,
	"not UTF-8, overlong":    msgpack.ErrMalformed,
	"not UTF-8, name":        msgpack.ErrMalformed,
	"not UTF-8, nsp":         msgpack.ErrMalformed,
	"not UTF-8, long":        msgpack.ErrMalformed,

	"not UTF-8, unknown key":               msgpack.ErrMalformed,
	"event name connect_error":             socketio.ErrPayload,
	"event name disconnecting":             socketio.ErrPayload,
	"event name newListener":               socketio.ErrPayload,
	"event name removeListener":            socketio.ErrPayload,
	"event name disconnect in a wide form": socketio.ErrPayload,
}

// otherwise is JSON that differs from the reference's reading on purpose.
var otherwise = map[string]string{
	"map key uint64":           `["a",{"18446744073709551615":1}]`,    // no digit lost
	"map key twice":            `["a",{"b":1,"b":2}]`,                 // the last one counts for every reader
	"map key __proto__":        `["a",{"__proto__":{}}]`,              // a key like any other
	"timestamp":                `["a","1970-01-01T00:00:01.000Z"]`,    // MessagePack's own dates
	"extension 0 of two bytes": `["a",{"_placeholder":true,"num":0}]`, // an ArrayBuffer from elsewhere
}

// TestJudged: we take what the reference takes, but for the list above, and
// refuse what it refuses, with its words where it has any.
func TestJudged(t *testing.T) {
	left := map[string]bool{}
	for name := range stricter {
		left[name] = true
	}
	for _, g := range readGolden(t).Judged {
		t.Run(g.Name, func(t *testing.T) {
			var p socketio.Packet
			err := msgpack.Decode(g.Hex, nil, &p)
			if want := stricter[g.Name]; want != nil {
				delete(left, g.Name)
				if !g.Accepted || !errors.Is(err, want) {
					t.Errorf("error %v, want %v; reference accepts: %v", err, want, g.Accepted)
				}
				return
			}
			if g.Accepted != (err == nil) {
				t.Fatalf("error %v, reference accepts: %v", err, g.Accepted)
			}
			if err != nil {
				compareMessage(t, err, g.Error)
				return
			}
			if g.JSON == nil {
				if p.Payload != nil {
					t.Errorf("payload %x", p.Payload)
				}
				return
			}
			want := *g.JSON
			if other, ok := otherwise[g.Name]; ok {
				want = other
			}
			if text, bins := mustToJSON(t, p.Payload); text != want || want == *g.JSON && !sameBins(bins, plainBins(g.Bins)) {
				t.Errorf("payload %s %x, want %s", text, bins, want)
			}
		})
	}
	for name := range left {
		t.Errorf("%s: not in the file", name)
	}
}

// compareMessage holds an error against the reference's text.
func compareMessage(t *testing.T, err error, want string) {
	t.Helper()
	var e *socketio.Error
	if !errors.As(err, &e) || e.Limit != "" {
		t.Fatalf("error %v", err)
	}
	switch {
	case e.Message == want || strings.HasSuffix(want, " "+e.Message):
	// It looks for a type in whatever it has read, also in a number that text
	// begins with, and reads on behind the end before it looks.
	case errors.Is(err, msgpack.ErrPacketType) && (want == "Could not parse" || strings.HasSuffix(want, "trailing bytes")):
	case errors.Is(err, msgpack.ErrMembers) && want == "Could not parse":
	default:
		t.Errorf("%q, reference says %q", e.Message, want)
	}
}

func TestGoldenV2(t *testing.T) {
	for _, g := range readGolden(t).V2 {
		t.Run(g.Name, func(t *testing.T) {
			var p socketio.Packet
			if g.Text != "" {
				if err := msgpack.DecodeV2Text([]byte(g.Text), nil, &p); err != nil {
					t.Fatal(err)
				}
				comparePacket(t, &p, &g)
				if again := encodeAgainV2(t, &p); !strings.Contains(g.Text, "query") && again != g.Text {
					t.Errorf("encoded again: %s, want %s", again, g.Text)
				}
				return
			}
			if err := msgpack.DecodeV2(g.Hex, nil, &p); err != nil {
				t.Fatal(err)
			}
			// What kind of arguments there are makes no difference.
			g.Type = map[socketio.PacketType]socketio.PacketType{
				socketio.Event: socketio.Event, socketio.BinaryEvent: socketio.Event,
				socketio.Ack: socketio.Ack, socketio.BinaryAck: socketio.Ack,
			}[g.Type]
			comparePacket(t, &p, &g)
		})
	}
}

func encodeAgainV2(t *testing.T, p *socketio.Packet) string {
	nsp := string(p.Namespace)
	switch p.Type {
	case socketio.Connect:
		return string(msgpack.AppendV2Connect(nil, nsp))
	case socketio.Disconnect:
		return string(msgpack.AppendV2Disconnect(nil, nsp))
	}
	var message string
	if err := msgpack.Unmarshal(p.Payload, &message); err != nil {
		t.Fatal(err)
	}
	return string(msgpack.AppendV2Error(nil, nsp, message))
}

func TestV2Refuses(t *testing.T) {
	event := mustFromJSON(t, `{"type":2,"data":["a"],"nsp":"/"}`)
	connect := mustFromJSON(t, `{"type":0,"nsp":"/"}`)
	var p socketio.Packet
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"event as text", msgpack.DecodeV2Text([]byte(`{"type":2,"data":["a"],"nsp":"/"}`), nil, &p), msgpack.ErrPacketType},
		{"connect as binary", msgpack.DecodeV2(connect, nil, &p), msgpack.ErrPacketType},
		{"type 7", msgpack.DecodeV2(mustFromJSON(t, `{"type":7,"data":["a"],"nsp":"/"}`), nil, &p), msgpack.ErrPacketType},
		{"not JSON", msgpack.DecodeV2Text([]byte(`{"type":0,"nsp":"/"`), nil, &p), msgpack.ErrMalformed},
		{"two values", msgpack.DecodeV2Text([]byte(`{"type":0,"nsp":"/"},1`), nil, &p), msgpack.ErrMalformed},
		{"empty", msgpack.DecodeV2Text(nil, nil, &p), msgpack.ErrMalformed},
		{"no namespace", msgpack.DecodeV2Text([]byte(`{"type":0}`), nil, &p), socketio.ErrNamespace},
		{"disconnect with data", msgpack.DecodeV2Text([]byte(`{"type":1,"nsp":"/","data":null}`), nil, &p), socketio.ErrPayload},
		{"trailing", msgpack.DecodeV2(append(event, 0), nil, &p), msgpack.ErrTrailing},
		{"depth", msgpack.DecodeV2(event, &socketio.Limits{}, &p), socketio.ErrTooDeep},
		{"namespace too long", msgpack.DecodeV2Text([]byte(`{"type":0,"nsp":"/"}`), &socketio.Limits{}, &p), socketio.ErrNamespaceTooLong},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
}
