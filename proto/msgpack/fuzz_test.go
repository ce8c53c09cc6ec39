// Fuzz targets. Their seeds are the cases of the tables and the golden packets.

package msgpack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

// smallLimits make limits easy to reach.
var smallLimits = socketio.Limits{Depth: 4, Arguments: 5, EventName: 20, Namespace: 12, AuthBytes: 40}

// FuzzDecode holds Decode against the oracle, with the default limits and with
// small ones.
func FuzzDecode(f *testing.F) {
	for _, msg := range messages(f) {
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		compareWithOracle(t, msg, socketio.DefaultLimits())
		compareWithOracle(t, msg, smallLimits)
	})
}

func compareWithOracle(t *testing.T, msg []byte, lim socketio.Limits) {
	t.Helper()
	before := bytes.Clone(msg)
	var p socketio.Packet
	err := msgpack.Decode(msg, &lim, &p)
	if !bytes.Equal(msg, before) {
		t.Fatal("input written to")
	}
	want, ok := plainDecode(msg, lim)
	if (err == nil) != ok {
		t.Fatalf("%x: error %v, oracle says ok=%v", msg, err, ok)
	}
	if err != nil {
		return
	}
	if p.Type != want.kind || string(p.Namespace) != want.namespace || p.HasID != want.hasID || p.ID != want.id ||
		p.EventName() != want.name || string(p.Name) != want.name || p.NameEscaped || p.Attachments != 0 ||
		p.NumArgs != len(want.args) || (p.Payload != nil) != want.present {
		t.Fatalf("%x:\ngot  %+v\nwant %+v", msg, p, want)
	}
	if want.present && !sameValue(goValue(t, p.Payload), plainGo(want.payload)) {
		t.Fatalf("%x: payload %x", msg, p.Payload)
	}
	args := p.Args
	for _, w := range want.args {
		var arg []byte
		if arg, args = msgpack.NextArg(args); !sameValue(goValue(t, arg), plainGo(w)) {
			t.Fatalf("%x: argument %x, want %v", msg, arg, w)
		}
	}
	if len(args) > 0 {
		t.Fatalf("%x: %x left", msg, args)
	}
	reencode(t, &p)
}

func goValue(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := msgpack.Unmarshal(b, &v); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return v
}

// reencode appends the packet again and decodes the result: nothing may change
// but the order of the keys and the width of the heads.
func reencode(t *testing.T, p *socketio.Packet) {
	t.Helper()
	nsp := string(p.Namespace)
	var msg []byte
	switch p.Type {
	case socketio.Event:
		msg = msgpack.AppendEvent(nil, nsp, p.ID, p.HasID, p.EventName(), p.Args)
		payload := msgpack.AppendEventPayload(nil, p.EventName(), p.Args)
		if with := msgpack.AppendEventWith(nil, nsp, p.ID, p.HasID, payload); !bytes.Equal(with, msg) {
			t.Fatalf("%x, with the payload made before %x", msg, with)
		}
	case socketio.Ack:
		msg = msgpack.AppendAck(nil, nsp, p.ID, p.Args)
	case socketio.ConnectError:
		msg = msgpack.AppendConnectError(nil, nsp, p.Payload)
	case socketio.Disconnect:
		msg = msgpack.AppendDisconnect(nil, nsp)
	default:
		return
	}
	var again socketio.Packet
	if err := msgpack.Decode(msg, nil, &again); err != nil {
		t.Fatalf("%x: %v", msg, err)
	}
	if again.Type != p.Type || again.ID != p.ID || again.HasID != p.HasID || !bytes.Equal(again.Namespace, p.Namespace) ||
		!bytes.Equal(again.Args, p.Args) || again.NumArgs != p.NumArgs || again.EventName() != p.EventName() ||
		p.Type == socketio.ConnectError && !bytes.Equal(again.Payload, p.Payload) {
		t.Fatalf("%x became %x", p.Payload, msg)
	}
}

// FuzzWalks feeds bytes that Decode has not seen to what relies on it: it must
// end all the same.
func FuzzWalks(f *testing.F) {
	for _, msg := range messages(f) {
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		rounds := 0
		for arg, rest := msgpack.NextArg(args); arg != nil; arg, rest = msgpack.NextArg(rest) {
			if rounds++; rounds > len(args) {
				t.Fatalf("%x: no end", args)
			}
		}
		msgpack.AppendAck(nil, "/", 1, args)
	})
}

// FuzzValue holds Unmarshal against the oracle, and the way back: what is
// appended for a value is read as that value.
func FuzzValue(f *testing.F) {
	for _, c := range formCases {
		f.Add([]byte(c.bytes))
	}
	for _, g := range readGolden(f).Values {
		f.Add([]byte(g.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, ok := plainValue(b)
		ok = ok && len(rest) == 0 && plainDepth(v) <= 1000
		var got any
		if err := msgpack.Unmarshal(b, &got); (err == nil) != ok {
			t.Fatalf("%x: %v, oracle says ok=%v", b, err, ok)
		}
		if !ok {
			if _, _, err := msgpack.ToJSON(nil, nil, b); err == nil && len(rest) == 0 && len(b) > 0 {
				t.Fatalf("%x has JSON", b)
			}
			return
		}
		if !sameValue(got, plainGo(v)) {
			t.Fatalf("%x: %#v, want %#v", b, got, plainGo(v))
		}
		again, err := msgpack.AppendArgs(nil, []any{got})
		if far := hasFarDate(got); far || err != nil {
			if !far || !errors.Is(err, msgpack.ErrDate) {
				t.Fatalf("%#v: %v", got, err)
			}
		} else if back := goValue(t, again); !sameValue(withMilliseconds(back), withMilliseconds(got)) {
			t.Fatalf("%#v became %#v", got, back)
		}
		compareJSONText(t, b)
	})
}

// compareJSONText turns b into JSON, back, and into JSON again: from there on
// nothing may change.
func compareJSONText(t *testing.T, b []byte) {
	text, bins := mustToJSON(t, b)
	if !json.Valid([]byte(text)) {
		t.Fatalf("%x: %s is not JSON", b, text)
	}
	if strings.Contains(text, "_placeholder") && len(bins) == 0 {
		return // a map that only looks like one
	}
	back, err := msgpack.FromJSON(nil, []byte(text), bins)
	if err != nil {
		if strings.Count(text, "_placeholder") > len(bins) {
			return
		}
		t.Fatalf("%s: %v", text, err)
	}
	if again, binsAgain := mustToJSON(t, back); again != text && strings.Count(text, "_placeholder") == len(bins) || len(binsAgain) > len(bins) {
		t.Fatalf("%s became %s", text, again)
	}
}

func hasFarDate(v any) bool {
	switch v := v.(type) {
	case time.Time:
		return v.Unix() < -8_640_000_000_000 || v.Unix() > 8_640_000_000_000 || v.UnixMilli() > 8_640_000_000_000_000
	case []any:
		for _, item := range v {
			if hasFarDate(item) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if hasFarDate(item) {
				return true
			}
		}
	}
	return false
}

// withMilliseconds cuts times to what a Date holds, and floats to the integers
// they are written as.
func withMilliseconds(v any) any {
	switch v := v.(type) {
	case time.Time:
		return time.UnixMilli(v.UnixMilli()).UTC()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = withMilliseconds(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withMilliseconds(v[key])
		}
	}
	return v
}

// FuzzJSON holds FromJSON against encoding/json, and ToJSON against both.
func FuzzJSON(f *testing.F) {
	for _, c := range jsonCases {
		f.Add([]byte(c))
	}
	for _, g := range readGolden(f).Values {
		if g.JSON != nil {
			f.Add([]byte(*g.JSON))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		compareJSON(t, text)
	})
}

func compareJSON(t *testing.T, text []byte) {
	t.Helper()
	list := append(append([]byte{'['}, text...), ']')
	ok := json.Valid(list) && utf8.Valid(text) && jsonDepth(text) <= 1000
	b, err := msgpack.FromJSON(nil, text, nil)
	if (err == nil) != ok {
		t.Fatalf("%q: %v, encoding/json says ok=%v", text, err, ok)
	}
	if !ok {
		return
	}
	var want []any
	dec := json.NewDecoder(bytes.NewReader(list))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		var arg []byte
		arg, b = msgpack.NextArg(b)
		if got := goValue(t, arg); !sameValue(got, jsonGo(w)) {
			t.Fatalf("%q: %#v, want %#v", text, got, jsonGo(w))
		}
		back, _ := mustToJSON(t, arg)
		var again any
		dec := json.NewDecoder(strings.NewReader(back))
		dec.UseNumber()
		if err := dec.Decode(&again); err != nil {
			t.Fatalf("%q became %q: %v", text, back, err)
		}
		if !sameValue(finite(jsonGo(again)), finite(jsonGo(w))) {
			t.Fatalf("%q became %q", text, back)
		}
	}
	if len(b) > 0 {
		t.Fatalf("%q: %x left", text, b)
	}
}

func jsonDepth(text []byte) (deepest int) {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// jsonGo returns what encoding/json has read, with numbers as this package has
// them.
func jsonGo(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, isInteger := new(big.Int).SetString(string(v), 10)
		if isInteger && n.IsInt64() {
			return n.Int64()
		}
		if isInteger && n.IsUint64() {
			return n.Uint64()
		}
		f, _ := v.Float64()
		if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return int64(f)
		}
		return f
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = jsonGo(v[i])
		}
		return items
	case map[string]any:
		members := map[string]any{}
		for key := range v {
			members[key] = jsonGo(v[key])
		}
		return members
	}
	return v
}

// finite puts nil where JSON has no number.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
	case int64:
		// Larger floats are printed as integers without an exponent.
		if f := float64(v); v > 1<<53 || v < -1<<53 {
			return f
		}
	case uint64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = finite(v[key])
		}
	}
	return v
}
