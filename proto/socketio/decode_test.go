// Decoding of packets: what comes out, what is refused, where the limits sit.

package socketio_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

// decodeCases are accepted. want is type, attachments, namespace, id, name,
// number of arguments and arguments.
var decodeCases = []struct{ name, text, want string }{
	{"connect", `0`, `CONNECT 0 / - "" 0 `},
	{"connect with auth", `0{"token":"123"}`, `CONNECT 0 / - "" 0 `},
	{"connect namespace", `0/woot,{"token":"123"}`, `CONNECT 0 /woot - "" 0 `},
	{"connect namespace without comma", `0/woot`, `CONNECT 0 /woot - "" 0 `},
	{"connect with query", `0/woot?a=1,`, `CONNECT 0 /woot?a=1 - "" 0 `},
	{"connect empty tail", `0/,`, `CONNECT 0 / - "" 0 `},
	{"disconnect", `1`, `DISCONNECT 0 / - "" 0 `},
	{"disconnect namespace", `1/woot,`, `DISCONNECT 0 /woot - "" 0 `},
	{"event", `2["a",1,{}]`, `EVENT 0 / - "a" 2 1,{}`},
	{"event integer name", `2[1,"a",{}]`, `EVENT 0 / - "1" 2 "a",{}`},
	{"event integer name alone", `2[0]`, `EVENT 0 / - "0" 0 `},
	{"event largest integer name", `2[9007199254740991]`, `EVENT 0 / - "9007199254740991" 0 `},
	{"event with id", `2/test,1["a",1,{}]`, `EVENT 0 /test 1 "a" 2 1,{}`},
	{"event id 0", `20["a"]`, `EVENT 0 / 0 "a" 0 `},
	{"event largest id", `29007199254740991["a"]`, `EVENT 0 / 9007199254740991 "a" 0 `},
	{"event id leading zeros", `2000000000000000000000000000012["a"]`, `EVENT 0 / 12 "a" 0 `},
	{"event id byte order mark", "2\ufeff[\"a\"]", `EVENT 0 / 0 "a" 0 `},
	{"event space", "2[ \"a\" ,\t1 , [ ] \n] \r\n", "EVENT 0 / - \"a\" 2 1 , [ ]"},
	{"event escaped name", `2["\u0061\n\ud83d\ude00\/é",1]`, `EVENT 0 / - "a\n😀/é" 1 1`},
	{"event escaped name starts like a reserved one", `2["connect\u005fx"]`, `EVENT 0 / - "connect_x" 0 `},
	{"event escaped name longer than reserved ones", `2["removeListener\u005f"]`, `EVENT 0 / - "removeListener_" 0 `},
	{"event name in other case", `2["Connect"]`, `EVENT 0 / - "Connect" 0 `},
	{"event error", `2["error"]`, `EVENT 0 / - "error" 0 `},
	{"event lone surrogate argument", `2["a","\udc00\ud800x"]`, `EVENT 0 / - "a" 1 "\udc00\ud800x"`},
	{"event numbers", `2["a",-0,0.5,1e9,1E-2,-1.5e+10]`, `EVENT 0 / - "a" 5 -0,0.5,1e9,1E-2,-1.5e+10`},
	{"event literals", `2["a",true,false,null]`, `EVENT 0 / - "a" 3 true,false,null`},
	{"event placeholder is an object", `2["a",{"_placeholder":true,"num":7}]`, `EVENT 0 / - "a" 1 {"_placeholder":true,"num":7}`},
	{"ack", `3123["a",1,{}]`, `ACK 0 / 123 "" 3 "a",1,{}`},
	{"ack empty", `3/admin,456[]`, `ACK 0 /admin 456 "" 0 `},
	{"ack empty with space", `31[ ]`, `ACK 0 / 1 "" 0 `},
	{"connect error string", `4"Unauthorized"`, `CONNECT_ERROR 0 / - "" 0 `},
	{"connect error object", `4/admin,{"message":"no","data":{"code":1}}`, `CONNECT_ERROR 0 /admin - "" 0 `},
	{"connect error absent", `4`, `CONNECT_ERROR 0 / - "" 0 `},
	{"binary event", `51-["up",{"_placeholder":true,"num":0}]`, `BINARY_EVENT 1 / - "up" 1 {"_placeholder":true,"num":0}`},
	{"binary ack", `61-/admin,456[{"_placeholder":true,"num":0}]`, `BINARY_ACK 1 /admin 456 "" 1 {"_placeholder":true,"num":0}`},
	{
		"binary keys in other order", `51-["a",{"num":0,"x":[],"_placeholder":true}]`,
		`BINARY_EVENT 1 / - "a" 1 {"num":0,"x":[],"_placeholder":true}`,
	},
	{
		"binary keys escaped", `51-["a",{"\u005fplaceholder":true,"n\u0075m":0}]`,
		`BINARY_EVENT 1 / - "a" 1 {"\u005fplaceholder":true,"n\u0075m":0}`,
	},
	{
		"binary last key wins", `51-["a",{"_placeholder":0,"num":7,"_placeholder":true,"num":0}]`,
		`BINARY_EVENT 1 / - "a" 1 {"_placeholder":0,"num":7,"_placeholder":true,"num":0}`,
	},
	{
		"binary not a placeholder after all", `51-["a",{"_placeholder":true,"_placeholder":false},{"_placeholder":true,"num":0}]`,
		`BINARY_EVENT 1 / - "a" 2 {"_placeholder":true,"_placeholder":false},{"_placeholder":true,"num":0}`,
	},
	{
		"binary mark that is not true", `51-["a",{"_placeholder":1,"num":9},{"_placeholder":true,"num":0}]`,
		`BINARY_EVENT 1 / - "a" 2 {"_placeholder":1,"num":9},{"_placeholder":true,"num":0}`,
	},
}

func TestDecode(t *testing.T) {
	for _, c := range decodeCases {
		t.Run(c.name, func(t *testing.T) {
			text := []byte(c.text)
			var p socketio.Packet
			if err := socketio.Decode(text, nil, &p); err != nil {
				t.Fatal(err)
			}
			id := "-"
			if p.HasID {
				id = fmt.Sprint(p.ID)
			}
			got := fmt.Sprintf("%v %d %s %s %q %d %s", p.Type, p.Attachments, p.Namespace, id, p.EventName(), p.NumArgs, p.Args)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.HasSuffix(strings.TrimRight(c.text, " \r\n"), string(p.Payload)) {
				t.Errorf("payload %q", p.Payload)
			}
			compareWithOracle(t, text, socketio.DefaultLimits())
		})
	}
}

// refusedCases hold the truth tables of the reference's own tests, with its
// messages, and our additions.
var refusedCases = []struct {
	name, text string
	want       error
	message    string
}{
	{"reference connect error array", `442["some","data"`, socketio.ErrPayload, "invalid payload"},
	{"reference connect string", `0/admin,"invalid"`, socketio.ErrPayload, "invalid payload"},
	{"reference connect array", `0[]`, socketio.ErrPayload, "invalid payload"},
	{"reference disconnect payload", `1/admin,{}`, socketio.ErrPayload, "invalid payload"},
	{"reference event open string", `2/admin,"invalid`, socketio.ErrPayload, "invalid payload"},
	{"reference event string", `2/admin,"invalid"`, socketio.ErrPayload, "invalid payload"},
	{"reference event object", `2/admin,{}`, socketio.ErrPayload, "invalid payload"},
	{"reference event no array", `2/,{"toString":"foo"}`, socketio.ErrPayload, "invalid payload"},
	{"reference name object", `2[{"toString":"foo"}]`, socketio.ErrPayload, "invalid payload"},
	{"reference name true", `2[true,"foo"]`, socketio.ErrPayload, "invalid payload"},
	{"reference name null", `2[null,"bar"]`, socketio.ErrPayload, "invalid payload"},
	{"reference name connect", `2["connect"]`, socketio.ErrPayload, "invalid payload"},
	{"reference name disconnect", `2["disconnect","123"]`, socketio.ErrPayload, "invalid payload"},
	{"reference no count", `5`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference no dash", `51`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference count 0", `50-`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference count letter", `5a-`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference count fraction", `51.23-`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference count words", `5woooot`, socketio.ErrAttachmentCount, "Illegal attachments"},
	{"reference type", `999`, socketio.ErrPacketType, "unknown packet type"},
	{"reference too many", `511-["hello"]`, socketio.ErrTooManyAttachments, "too many attachments"},
	{"reference num string", `51-["hello",{"_placeholder":true,"num":"splice"}]`, socketio.ErrPlaceholder, "illegal attachments"},
	{"reference num out of range", `51-["hello",{"_placeholder":true,"num":1}]`, socketio.ErrPlaceholder, "illegal attachments"},

	{"empty", ``, socketio.ErrPacketType, "unknown packet type"},
	{"type 7", `7`, socketio.ErrPacketType, "unknown packet type"},
	{"namespace invalid UTF-8", "0/\xff,", socketio.ErrNamespace, "invalid namespace"},
	{"string invalid UTF-8", "2[\"a\",\"\xff\"]", socketio.ErrPayload, "invalid payload"},
	{"key invalid UTF-8 in a long string", "2[\"a\",{\"0123456789\xc3\":1}]", socketio.ErrPayload, "invalid payload"},
	{"surrogate as UTF-8", "2[\"a\",\"\xed\xa0\x80\"]", socketio.ErrPayload, "invalid payload"},
	{"space before the payload", `2 ["a"]`, socketio.ErrPayload, "invalid payload"},
	{"byte order mark behind an id", "21\ufeff[\"a\"]", socketio.ErrPayload, "invalid payload"},
	{"byte order mark before auth", "0\ufeff{}", socketio.ErrPayload, "invalid payload"},
	{"two byte order marks", "2\ufeff\ufeff[\"a\"]", socketio.ErrPayload, "invalid payload"},
	{"disconnect id", `11`, socketio.ErrPayload, "invalid payload"},
	{"connect error id", `41`, socketio.ErrPayload, "invalid payload"},
	{"connect error array", `4[]`, socketio.ErrPayload, "invalid payload"},
	{"ack without id", `3[]`, socketio.ErrAckID, "invalid packet id"},
	{"ack object", `31{}`, socketio.ErrPayload, "invalid payload"},
	{"id too large", `29007199254740992["a"]`, socketio.ErrAckID, "invalid packet id"},
	{"id far too large", `2` + strings.Repeat("9", 1000) + `["a"]`, socketio.ErrAckID, "invalid packet id"},
	{"count far too large", `5` + strings.Repeat("9", 1000) + `-["a"]`, socketio.ErrTooManyAttachments, "too many attachments"},
	{"count without dash", `5` + strings.Repeat("9", 1000), socketio.ErrAttachmentCount, "Illegal attachments"},
	{"integer name too large", `2[9007199254740992]`, socketio.ErrPayload, "invalid payload"},
	{"integer name huge", `2[` + strings.Repeat("9", 1000) + `]`, socketio.ErrPayload, "invalid payload"},
	{"integer name exponent", `2[1e3]`, socketio.ErrPayload, "invalid payload"},
	{"integer name leading zero", `2[01]`, socketio.ErrPayload, "invalid payload"},
	{"no name", `2[,1]`, socketio.ErrPayload, "invalid payload"},
	{"name only opened", `2["a`, socketio.ErrPayload, "invalid payload"},
	{"array only opened", `2[`, socketio.ErrPayload, "invalid payload"},
	{"name then end", `2["a"`, socketio.ErrPayload, "invalid payload"},
	{"reserved with escapes", `2["\u0063onnect"]`, socketio.ErrPayload, "invalid payload"},
	{"longest reserved with escapes", `2["removeListene\u0072"]`, socketio.ErrPayload, "invalid payload"},
	{"reserved disconnecting", `2["disconnecting"]`, socketio.ErrPayload, "invalid payload"},
	{"name low surrogate", `2["\udc00"]`, socketio.ErrPayload, "invalid payload"},
	{"name two high surrogates", `2["\ud800\ud800"]`, socketio.ErrPayload, "invalid payload"},
	{"name high surrogate then text", `2["\ud800u0000"]`, socketio.ErrPayload, "invalid payload"},
	{"binary ack without id", `61-[{"_placeholder":true,"num":0}]`, socketio.ErrAckID, "invalid packet id"},
	{"binary event without payload", `51-`, socketio.ErrPayload, "invalid payload"},
	{
		"placeholder in a placeholder", `52-["a",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":1}}]`,
		socketio.ErrPlaceholder, "illegal attachments",
	},
	{"placeholder num -0", `51-["a",{"_placeholder":true,"num":-0}]`, socketio.ErrPlaceholder, "illegal attachments"},
	{"placeholder num 0.0", `51-["a",{"_placeholder":true,"num":0.0}]`, socketio.ErrPlaceholder, "illegal attachments"},
	{
		"placeholder key too long to be one", `51-["a",{"\u005fplaceholder` + strings.Repeat("x", 100) + `":true,"num":0}]`,
		socketio.ErrPlaceholder, "illegal attachments",
	},
	{"trailing text", `2["a"]x`, socketio.ErrPayload, "invalid payload"},
	{"object without colon", `2["a",{"b" 1}]`, socketio.ErrPayload, "invalid payload"},
	{"object trailing comma", `2["a",{"b":1,}]`, socketio.ErrPayload, "invalid payload"},
	{"object bare key", `2["a",{b:1}]`, socketio.ErrPayload, "invalid payload"},
	{"number bare minus", `2["a",-]`, socketio.ErrPayload, "invalid payload"},
	{"number bare point", `2["a",1.]`, socketio.ErrPayload, "invalid payload"},
	{"number bare exponent", `2["a",1e]`, socketio.ErrPayload, "invalid payload"},
	{"literal cut", `2["a",tru]`, socketio.ErrPayload, "invalid payload"},
	{"escape cut", `2["a","\u12"]`, socketio.ErrPayload, "invalid payload"},
	{"escape at the end", `2["a","\`, socketio.ErrPayload, "invalid payload"},
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range refusedCases {
		t.Run(c.name, func(t *testing.T) {
			var p socketio.Packet
			err := socketio.Decode([]byte(c.text), nil, &p)
			var fault *socketio.Error
			if !errors.Is(err, c.want) || !errors.As(err, &fault) || fault.Message != c.message {
				t.Fatalf("%v, want %v", err, c.want)
			}
			compareWithOracle(t, []byte(c.text), socketio.DefaultLimits())
		})
	}
}

// TestDecodePrefixes cuts each accepted packet at every byte: a packet is never
// read past its end, and cutting never makes a different event of it.
func TestDecodePrefixes(t *testing.T) {
	for _, c := range decodeCases {
		for n := range len(c.text) {
			text := []byte(c.text)[:n:n]
			compareWithOracle(t, text, socketio.DefaultLimits())
		}
	}
}

// TestDecodeRandom makes packets of random values and damages half of them with
// a stray piece: what comes out is right or nearly so.
func TestDecodeRandom(t *testing.T) {
	heads := []string{"0{", "1", "2[", "27[", `2/a,["a",`, "30[", "51-[", `51-["a",`, "52-/a,[", "61-5[", "4{", `4"`}
	values := []string{
		`"a"`, `"connect"`, `"\u0061"`, `"\ud83d\ude00"`, `"\ud800"`, "true", "null", "-1.5e3", "7", " [ ] ",
		`{"k":[{}]}`, mark(0), mark(1), `{"num":0,"\u005fplaceholder":true}`, `[[[` + mark(0) + `]]]`, `{"k":` + mark(1) + `}`,
	}
	strays := []string{"0", "-", "/", ",", "7", "[", "]", "{", "}", ":", `"`, `"k":`, " ", "é", "\ufeff", "\xff", "\\", "\n"}
	closing := map[byte]string{'[': "]", '{': "}", ',': "]", '"': `"`, '1': ""}
	rnd := rand.New(rand.NewPCG(3, 4))
	var p socketio.Packet
	var accepted [socketio.BinaryAck + 1]int
	for range 50_000 {
		head := heads[rnd.IntN(len(heads))]
		end := closing[head[len(head)-1]]
		var items []string
		for range rnd.IntN(4) {
			item := values[rnd.IntN(len(values))]
			if end == "}" {
				item = `"k":` + item
			}
			items = append(items, item)
		}
		text := head + strings.Join(items, ",") + end
		if rnd.IntN(2) == 0 {
			at := rnd.IntN(len(text) + 1)
			text = text[:at] + strays[rnd.IntN(len(strays))] + text[at:]
		}
		compareWithOracle(t, []byte(text), socketio.DefaultLimits())
		compareWithOracle(t, []byte(text), smallLimits)
		if socketio.Decode([]byte(text), nil, &p) == nil {
			accepted[p.Type]++
		}
	}
	if slices.Min(accepted[:]) < 100 {
		t.Fatalf("accepted by type %v: the packets no longer test much", accepted)
	}
}

func TestLimits(t *testing.T) {
	lim := socketio.DefaultLimits()
	if lim != (socketio.Limits{
		Depth: 64, Arguments: 4096, EventName: 1024, Namespace: 256, Attachments: 10,
		AuthBytes: 64 << 10, PacketBytes: 4 << 20,
	}) {
		t.Fatalf("defaults %+v", lim)
	}
	list := func(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	marks := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"_placeholder":true,"num":%d}`, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name string
		at   int
		text func(n int) string
		err  *socketio.Error
	}{
		{"Depth", 64, func(n int) string {
			return `2["a",` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `]`
		}, socketio.ErrTooDeep},
		{"Depth", 64, func(n int) string {
			return `0` + strings.Repeat(`{"a":`, n) + `1` + strings.Repeat("}", n)
		}, socketio.ErrTooDeep},
		{"Arguments", 4096, func(n int) string { return `2["a",` + list("1", n) + `]` }, socketio.ErrTooManyArguments},
		{"Arguments", 4096, func(n int) string { return `30[` + list("1", n) + `]` }, socketio.ErrTooManyArguments},
		{"EventName", 1024, func(n int) string { return `2["` + strings.Repeat("n", n) + `"]` }, socketio.ErrEventNameTooLong},
		{"Namespace", 256, func(n int) string { return `0/` + strings.Repeat("n", n-1) + `,` }, socketio.ErrNamespaceTooLong},
		{"Attachments", 10, func(n int) string { return fmt.Sprintf(`5%d-["a"%s]`, n, marks(n)) }, socketio.ErrTooManyAttachments},
		{"AuthBytes", 64 << 10, func(n int) string { return `0{"a":"` + strings.Repeat("n", n-8) + `"}` }, socketio.ErrAuthTooLarge},
	} {
		for n := c.at - 1; n <= c.at+1; n++ {
			text := c.text(n)
			var p socketio.Packet
			err := socketio.Decode([]byte(text), nil, &p)
			if n <= c.at && err != nil || n > c.at && !errors.Is(err, c.err) {
				t.Errorf("%s at %d: %v", c.name, n, err)
			}
			if c.err.Limit != c.name {
				t.Errorf("%v names %q", c.err, c.err.Limit)
			}
			compareWithOracle(t, []byte(text), lim)
		}
	}
	lim.Attachments = 1000
	for n := socketio.MaxAttachments - 1; n <= socketio.MaxAttachments+1; n++ {
		text := []byte(fmt.Sprintf(`5%d-["a"%s]`, n, marks(n)))
		var p socketio.Packet
		if err := socketio.Decode(text, &lim, &p); (err == nil) != (n <= socketio.MaxAttachments) {
			t.Errorf("%d attachments: %v", n, err)
		}
	}
	var none socketio.Limits
	for _, text := range []string{`2["a"]`, `30[]`, `0{}`, `0/a,`, `51-["a"]`} {
		var p socketio.Packet
		if err := socketio.Decode([]byte(text), &none, &p); err == nil {
			t.Errorf("%s passes limits of 0", text)
		}
	}
}

func TestTypeNames(t *testing.T) {
	if s := fmt.Sprint(socketio.BinaryAck, socketio.ConnectError, socketio.PacketType(9)); s != "BINARY_ACK CONNECT_ERROR unknown" {
		t.Fatal(s)
	}
	if s := socketio.ErrPayload.Error(); s != "socketio: invalid payload" {
		t.Fatal(s)
	}
}
