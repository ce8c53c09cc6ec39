// Decoding of packets: limits, hostile lengths, cut messages.

package msgpack_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

// packet returns the map of the given members, MessagePack each.
func packet(members ...string) []byte {
	return append([]byte{0x80 | byte((len(members)+1)/2)}, strings.Join(members, "")...)
}

const (
	keyType = "\xa4type"
	keyData = "\xa4data"
	keyNSP  = "\xa3nsp"
	keyID   = "\xa2id"
	root    = "\xa1/"
)

func event(data string) []byte { return packet(keyType, "\x02", keyData, data, keyNSP, root) }

func connect(nsp, data string) []byte {
	return packet(keyType, "\x00", keyNSP, nsp, keyData, data)
}

// str is a MessagePack string in its widest form.
func str(s string) string {
	n := len(s)
	return string([]byte{0xdb, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + s
}

var hostileCases = []struct {
	name string
	msg  []byte
	want error
}{
	{"depth 10000", event("\x92\xa1a" + strings.Repeat("\x91", 9998) + "\x90"), socketio.ErrTooDeep},
	{"depth 10000 of maps", event("\x92\xa1a" + strings.Repeat("\x81\xa0", 9998) + "\x80"), socketio.ErrTooDeep},
	{"depth 1e6", event("\x92\xa1a" + strings.Repeat("\x91", 1e6) + "\x90"), socketio.ErrTooDeep},
	{"depth 10000 in an unknown key", packet(keyType, "\x02", "\xa1x", strings.Repeat("\x91", 1e4)), socketio.ErrTooDeep},
	{"depth 10000 as a key", packet(strings.Repeat("\x81", 1e4)), msgpack.ErrMalformed},
	{"array of 1e6 announced", event("\x92\xa1a\xdd\x00\x0f\x42\x40"), msgpack.ErrMalformed},
	{"map of 1e6 announced", event("\x92\xa1a\xdf\x00\x0f\x42\x40"), msgpack.ErrMalformed},
	{"arrays of 2^32-1 in one another", event("\x92\xa1a" + strings.Repeat("\xdd\xff\xff\xff\xff", 50)), msgpack.ErrMalformed},
	{"maps of 2^32-1 in one another", event("\x92\xa1a" + strings.Repeat("\xdf\xff\xff\xff\xff\x01", 50)), msgpack.ErrMalformed},
	{"payload of 2^32-1", event("\xdd\xff\xff\xff\xff\xa1a"), msgpack.ErrMalformed},
	{"packet of 2^32-1 members", []byte("\xdf\xff\xff\xff\xff" + keyType + "\x02"), msgpack.ErrMembers},
	{"key of 2^32-1", packet("\xdb\xff\xff\xff\xff", "a"), msgpack.ErrMalformed},
	{"short key cut", []byte("\x81\xa4typ"), msgpack.ErrMalformed},
	{"more members announced than there", []byte("\x84" + string(event("\x91\xa1a")[1:])), msgpack.ErrMalformed},
	{"fewer members announced than there", []byte("\x82" + string(event("\x91\xa1a")[1:])), msgpack.ErrTrailing},
	{"4096 megabytes of everything", event("\x92\xa1a\xc9\xff\xff\xff\xff"), msgpack.ErrMalformed},
	{"event name as binary of a reserved one", event("\x91\xc4\x07connect"), socketio.ErrPayload},
}

func TestHostile(t *testing.T) {
	for _, c := range hostileCases {
		t.Run(c.name, func(t *testing.T) {
			var p socketio.Packet
			if err := msgpack.Decode(c.msg, nil, &p); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			// Neither do the walks that trust Decode run away without it.
			for arg, rest := msgpack.NextArg(c.msg); arg != nil; arg, rest = msgpack.NextArg(rest) {
				if len(rest) >= len(c.msg) {
					t.Fatal("no end")
				}
			}
			msgpack.AppendEventPayload(nil, "x", c.msg)
		})
	}
}

// TestLimits sits on each limit, one below and one above.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(lim *socketio.Limits, n int)
		make func(n int) []byte
		want error
	}{
		{"Depth", func(l *socketio.Limits, n int) { l.Depth = n }, func(n int) []byte {
			return event("\x92\xa1a" + strings.Repeat("\x91", n-2) + "\x90")
		}, socketio.ErrTooDeep},
		{"Depth of maps", func(l *socketio.Limits, n int) { l.Depth = n }, func(n int) []byte {
			return event("\x92\xa1a" + strings.Repeat("\x81\x01", n-2) + "\x80")
		}, socketio.ErrTooDeep},
		{"Depth of an unknown key", func(l *socketio.Limits, n int) { l.Depth = n }, func(n int) []byte {
			return packet(keyType, "\x01", keyNSP, root, "\xa1x", strings.Repeat("\x91", n-1)+"\x90")
		}, socketio.ErrTooDeep},
		{"Arguments of an event", func(l *socketio.Limits, n int) { l.Arguments = n }, func(n int) []byte {
			return event("\xdd\x00\x00\x00" + string([]byte{byte(n + 1)}) + "\xa1a" + strings.Repeat("\xc0", n))
		}, socketio.ErrTooManyArguments},
		{"Arguments of an ack", func(l *socketio.Limits, n int) { l.Arguments = n }, func(n int) []byte {
			return packet(keyType, "\x03", keyNSP, root, keyID, "\x01", keyData, string([]byte{0x90 | byte(n)})+strings.Repeat("\xc0", n))
		}, socketio.ErrTooManyArguments},
		{"EventName", func(l *socketio.Limits, n int) { l.EventName = n }, func(n int) []byte {
			return event("\x91" + str(strings.Repeat("n", n)))
		}, socketio.ErrEventNameTooLong},
		{"Namespace", func(l *socketio.Limits, n int) { l.Namespace = n }, func(n int) []byte {
			return packet(keyType, "\x01", keyNSP, str("/"+strings.Repeat("n", n-1)))
		}, socketio.ErrNamespaceTooLong},
		{"AuthBytes", func(l *socketio.Limits, n int) { l.AuthBytes = n }, func(n int) []byte {
			return connect(root, "\x81\xa0"+str(strings.Repeat("n", n-7)))
		}, socketio.ErrAuthTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			lim := socketio.DefaultLimits()
			const n = 9
			c.set(&lim, n)
			var p socketio.Packet
			for _, size := range []int{n - 1, n} {
				if err := msgpack.Decode(c.make(size), &lim, &p); err != nil {
					t.Errorf("%d: %v", size, err)
				}
			}
			err := msgpack.Decode(c.make(n+1), &lim, &p)
			var e *socketio.Error
			if !errors.Is(err, c.want) || !errors.As(err, &e) || !strings.HasPrefix(c.name, e.Limit) || e.Limit == "" {
				t.Errorf("%d: %v, want %v", n+1, err, c.want)
			}
			c.set(&lim, 0)
			if err := msgpack.Decode(c.make(n), &lim, &p); !errors.Is(err, c.want) {
				t.Errorf("limit 0: %v, want %v", err, c.want)
			}
		})
	}
	t.Run("limits that are not for this form", func(t *testing.T) {
		lim := socketio.DefaultLimits()
		lim.Attachments, lim.PacketBytes = 0, 0
		var p socketio.Packet
		if err := msgpack.Decode(event("\x93\xa1a\xc4\x01a\xc4\x01b"), &lim, &p); err != nil || p.Attachments != 0 || p.NumArgs != 2 {
			t.Error(err)
		}
	})
}

// messages are all that tests and fuzz targets know of.
func messages(t testing.TB) (all [][]byte) {
	g := readGolden(t)
	for _, p := range g.Packets {
		all = append(all, p.Hex)
	}
	for _, j := range g.Judged {
		all = append(all, j.Hex)
	}
	for _, p := range g.V2 {
		all = append(all, p.Hex)
	}
	for _, c := range hostileCases {
		if len(c.msg) < 1000 {
			all = append(all, c.msg)
		}
	}
	return all
}

// TestCut: a packet is whole or refused, wherever it is cut, and what lies
// behind the cut is never read.
func TestCut(t *testing.T) {
	for _, msg := range messages(t) {
		var p socketio.Packet
		if msgpack.Decode(msg, nil, &p) != nil {
			continue
		}
		for n := range msg {
			cut := bytes.Clone(msg[:n:n])
			if err := msgpack.Decode(cut, nil, &p); err == nil {
				t.Fatalf("%x is taken", cut)
			}
			compareWithOracle(t, msg[:n], socketio.DefaultLimits())
		}
	}
}

// TestChanged holds Decode against the oracle for messages with random bytes
// changed.
func TestChanged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, msg := range messages(t) {
		if len(msg) == 0 {
			continue
		}
		for range 200 {
			changed := bytes.Clone(msg)
			for range 1 + r.IntN(3) {
				changed[r.IntN(len(changed))] = byte(r.IntN(256))
			}
			compareWithOracle(t, changed, socketio.DefaultLimits())
			compareWithOracle(t, changed, smallLimits)
		}
	}
}

func TestNilLimitsAreTheDefaults(t *testing.T) {
	lim := socketio.DefaultLimits()
	for _, msg := range messages(t) {
		var a, b socketio.Packet
		errA, errB := msgpack.Decode(msg, nil, &a), msgpack.Decode(msg, &lim, &b)
		if errA != errB {
			t.Errorf("%x: %v, %v", msg, errA, errB)
		}
	}
}

func TestErrors(t *testing.T) {
	var e *socketio.Error
	for _, msg := range messages(t) {
		var p socketio.Packet
		if err := msgpack.Decode(msg, nil, &p); err != nil && !errors.As(err, &e) {
			t.Errorf("%x: %T", msg, err)
		}
	}
}

func TestNextArg(t *testing.T) {
	args := []byte("\x01\xa1a\x92\x01\x81\xa1a\x90\xc4\x01\x02\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05\xc0")
	want := []string{"\x01", "\xa1a", "\x92\x01\x81\xa1a\x90", "\xc4\x01\x02", "\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05", "\xc0"}
	arg, rest := msgpack.NextArg(args)
	for _, w := range want {
		if string(arg) != w || cap(arg) != len(arg) {
			t.Fatalf("%q, want %q", arg, w)
		}
		arg, rest = msgpack.NextArg(rest)
	}
	if arg != nil || rest != nil {
		t.Errorf("%q %q left", arg, rest)
	}
}
