package socketio_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

func TestAppendCited(t *testing.T) {
	a, b, c := []byte("a"), []byte("b"), []byte("c")
	cases := []struct {
		name, args string
		cited      [][]byte
		have       [][]byte
		want       string
		bins       [][]byte
	}{
		{name: "no attachments", args: `1,{"_placeholder":true,"num":0}`, want: `1,{"_placeholder":true,"num":0}`},
		{name: "same numbers", args: mark(0) + `,"x",` + mark(1), cited: [][]byte{a, b}, want: mark(0) + `,"x",` + mark(1), bins: [][]byte{a, b}},
		{name: "order of citing", args: mark(1) + "," + mark(0), cited: [][]byte{a, b}, want: mark(0) + "," + mark(1), bins: [][]byte{b, a}},
		{name: "a part", args: mark(2), cited: [][]byte{a, b, c}, want: mark(0), bins: [][]byte{c}},
		{name: "behind others", args: mark(0), cited: [][]byte{b}, have: [][]byte{a}, want: mark(1), bins: [][]byte{a, b}},
		{name: "nested, order kept", args: `{"z":[{"q":` + mark(0) + `,"a":1}],"b":"{\"_placeholder\":true}"}`, cited: [][]byte{a}, have: [][]byte{c}, want: `{"z":[{"q":` + mark(1) + `,"a":1}],"b":"{\"_placeholder\":true}"}`, bins: [][]byte{c, a}},
		{name: "spaced", args: `[ { "num" : 0 , "_placeholder" : true } ]`, cited: [][]byte{a}, want: `[ ` + mark(0) + ` ]`, bins: [][]byte{a}},
		{name: "nothing cited", args: `{"num":0}`, cited: [][]byte{a}, want: `{"num":0}`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, bins := socketio.AppendCited([]byte("#"), tc.have, []byte(tc.args), tc.cited)
			if string(got) != "#"+tc.want {
				t.Fatalf("got %s, want #%s", got, tc.want)
			}
			if fmt.Sprint(bins) != fmt.Sprint(append([][]byte(nil), tc.bins...)) {
				t.Fatalf("attachments %q, want %q", bins, tc.bins)
			}
		})
	}
}

// FuzzAppendCited: what a decoded packet cites, cited again, is the same packet.
func FuzzAppendCited(f *testing.F) {
	f.Add([]byte(`52-["e",` + mark(1) + `,{"a":` + mark(0) + `}]`))
	f.Add([]byte(`51-["e",[{"_placeholder":true,"x":[{}],"num":0}]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p socketio.Packet
		if socketio.Decode(text, nil, &p) != nil || p.Attachments == 0 {
			return
		}
		cited := make([][]byte, p.Attachments)
		for i := range cited {
			cited[i] = []byte{byte(i)}
		}
		args, bins := socketio.AppendCited(nil, nil, p.Args, cited)
		again := socketio.AppendEvent(nil, "/", 0, false, len(bins), "e", args)
		if p.Type == socketio.BinaryAck {
			again = socketio.AppendAck(nil, "/", p.ID, len(bins), args)
		}
		var q socketio.Packet
		if err := socketio.Decode(again, nil, &q); err != nil || q.Attachments != p.Attachments || q.NumArgs != p.NumArgs {
			t.Fatalf("%s became %s: %v", text, again, err)
		}
		for i, bin := range bins {
			if !bytes.Contains(args, []byte(mark(i))) || len(bin) != 1 {
				t.Fatalf("attachment %d of %s", i, args)
			}
		}
	})
}
