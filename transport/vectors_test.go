// The shared vectors of HTTP and websockets, against whole engines.

package transport

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

func loadJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// httpVector is bytes on a fresh connection, and what it must do with them.
type httpVector struct {
	Name, Group string
	Raw         rawBytes
	Expect      struct {
		Class     string // accept, reject or close
		Status    []int
		Close     bool
		Responses int
	}
}

// rawBytes is written as a string with one byte for each code point, or as a list of such strings and repeated ones.
type rawBytes []byte

func (b *rawBytes) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		text = slices.Concat([]byte("["), text, []byte("]"))
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	for _, part := range parts {
		piece := struct {
			Rep string
			N   int
		}{N: 1}
		into := any(&piece)
		if part[0] == '"' {
			into = &piece.Rep
		}
		if err := json.Unmarshal(part, into); err != nil {
			return err
		}
		for range piece.N {
			for _, r := range piece.Rep {
				*b = append(*b, byte(r))
			}
		}
	}
	return nil
}

// outcome is what a connection did.
type outcome struct {
	statuses []int
	closed   bool
	told     []string
}

// serveRaw feeds bytes to a fresh connection.
func serveRaw(t *testing.T, raw []byte, cut func([]byte) [][]byte) (o outcome) {
	t.Helper()
	k := newKernel(t, 1, func(o *Options) { deflating(true)(o); o.AllowEIO3 = false })
	c := &socket{peer: k.dial(0)}
	c.cut = cut
	if bytes.HasPrefix(raw, []byte("HEAD")) {
		c.methods = []string{"HEAD"}
	}
	c.push(raw)
	k.advance(k.opts.LingerTimeout + 20) // a refused body may be on its way
	for len(c.got) > 0 && !slices.Contains(o.statuses, 101) {
		r, rest, ok, err := parseResponse(c.got, strings.Join(c.methods, ""))
		if err != nil || !ok {
			t.Fatalf("%v %v in %q", ok, err, c.got)
		}
		c.got, c.methods = rest, nil
		if r.status != 100 { // asked for only if the body is late
			o.statuses = append(o.statuses, r.status)
		}
		if last := c.over || c.shut; len(rest) == 0 && last != (r.fields["connection"] == "close") && r.status != 101 {
			t.Errorf("the connection has ended: %v, the last response says %v", last, r.fields)
		}
	}
	if slices.Contains(o.statuses, 101) {
		if frames := c.frames(); len(frames) == 0 || !strings.HasPrefix(frames[0], "0{") {
			t.Errorf("frames %q", frames)
		}
	}
	o.closed, o.told = c.over || c.shut, k.log
	k.finish()
	return o
}

func TestHTTPVectors(t *testing.T) {
	var all, others []httpVector
	loadJSON(t, "testdata/http.json", &all)
	if len(all) != 89 {
		t.Errorf("%d vectors, want 89", len(all))
	}
	// Those that concern the parser alone are kept there, and hold for an engine too.
	loadJSON(t, "http1/testdata/vectors.json", &others)
	for _, v := range others {
		if !slices.ContainsFunc(all, func(w httpVector) bool { return w.Name == v.Name }) {
			all = append(all, v)
		}
	}
	if len(all) != 256 {
		t.Errorf("%d vectors in all, want 256", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			whole := serveRaw(t, v.Raw, nil)
			v.check(t, whole)
			cuts := []func([]byte) [][]byte{cutAtRandom(newRandom(1)), cutAtRandom(newRandom(2)), cutAtRandom(newRandom(3))}
			if len(v.Raw) < 2000 {
				cuts = append(cuts, eachByte)
			}
			for i, cut := range cuts {
				if got := serveRaw(t, v.Raw, cut); fmt.Sprint(got) != fmt.Sprint(whole) {
					t.Errorf("cut %d: %v, whole %v", i, got, whole)
				}
			}
			if v.Expect.Class == "close" || slices.Contains(whole.statuses, 101) {
				return
			}
			// A good request behind is answered if the connection goes on.
			glued := serveRaw(t, slices.Concat(v.Raw, []byte("GET /glued HTTP/1.1\r\nHost: a\r\n\r\n")), nil)
			want := len(whole.statuses)
			if !whole.closed {
				want++
			}
			if len(glued.statuses) != want || glued.closed != whole.closed {
				t.Errorf("with a request behind %v, alone %v", glued, whole)
			}
		})
	}
}

func (v *httpVector) check(t *testing.T, o outcome) {
	t.Helper()
	if v.Expect.Class == "close" {
		if len(o.statuses) > 0 || len(o.told) > 0 {
			t.Errorf("%v, want no answer", o)
		}
		return
	}
	if want := max(v.Expect.Responses, 1); len(o.statuses) != want {
		t.Fatalf("%v, want %d responses", o, want)
	}
	if !slices.Contains(v.Expect.Status, o.statuses[0]) {
		t.Errorf("%v, want one of %v", o, v.Expect.Status)
	}
	switch {
	case v.Expect.Class == "reject":
		if !o.closed || len(o.told) > 0 {
			t.Errorf("%v, want a refusal", o)
		}
	case v.Group != "upgrade" && o.closed != v.Expect.Close:
		t.Errorf("%v, want closed %v", o, v.Expect.Close)
	}
}

// wsVector is frames on a fresh websocket.
type wsVector struct {
	Name, Group, Offer string
	Send               []struct {
		Hex, ZB64 string
		RepHex    string `json:"rep_hex"`
		N, Fin    int
		WaitMS    int64 `json:"wait_ms"`
	}
	Expect struct {
		Result   string
		Messages []string
		Code     []int
		Pong     int
		MinPong  int `json:"min_pong"`
	}
}

// heard lists the vectors in which a message arrives before the fault: it is no Engine.IO packet, which is the first fault
// here. The package of the frames checks them.
var heard = []string{"continuation-after-final"}

func TestWebSocketVectors(t *testing.T) {
	var all []wsVector
	loadJSON(t, "testdata/ws.json", &all)
	if len(all) != 83 {
		t.Errorf("%d vectors, want 83", len(all))
	}
	for _, v := range all {
		if slices.Contains(heard, v.Name) != (v.Expect.Messages != nil) {
			t.Errorf("%s: is anything heard?", v.Name)
		}
		if slices.Contains(heard, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			b, err := v.bytes()
			if err != nil {
				t.Fatal(err)
			}
			cuts := []func([]byte) [][]byte{nil, cutAtRandom(newRandom(1)), cutAtRandom(newRandom(2))}
			if len(b) < 2000 {
				cuts = append(cuts, eachByte)
			}
			for _, cut := range cuts {
				v.run(t, b, cut)
			}
		})
	}
}

// bytes is all that is sent.
func (v *wsVector) bytes() (all []byte, err error) {
	for _, s := range v.Send {
		b, err := hex.DecodeString(s.Hex + s.RepHex)
		if s.ZB64 != "" {
			var packed []byte
			packed, err = base64.StdEncoding.DecodeString(s.ZB64)
			if z, zerr := zlib.NewReader(bytes.NewReader(packed)); zerr == nil {
				b, err = io.ReadAll(z)
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.Repeat(b, max(s.N, 1))...)
	}
	return all, nil
}

func (v *wsVector) run(t *testing.T, b []byte, cut func([]byte) [][]byte) {
	t.Helper()
	k := newKernel(t, 1, deflating(true))
	w := &socket{peer: k.dial(0)}
	if v.Offer == "" {
		w = k.socket(0)
	} else {
		w = k.pmdSocket(0, "EIO=4", v.Offer)
	}
	k.log = nil
	w.cut = cut
	w.push(b)
	k.run()
	if last := v.Send[len(v.Send)-1]; last.Fin > 0 {
		w.hangUp()
	} else {
		k.advance(last.WaitMS)
	}
	frames := w.frames()
	pongs := 0
	for len(frames) > 0 && strings.HasPrefix(frames[0], "pong:") {
		pongs++
		frames = frames[1:]
	}
	if want := max(v.Expect.Pong, v.Expect.MinPong); pongs < want {
		t.Errorf("%d pongs, want %d", pongs, want)
	}
	switch v.Expect.Result {
	case "open", "pong":
		if len(frames)+len(k.log) > 0 || w.over || w.shut {
			t.Errorf("frames %q, told %q, over %v", frames, k.log, w.over)
		}
	case "drop":
		if len(frames) > 0 || fmt.Sprint(k.log) != "[1 close transport close]" {
			t.Errorf("frames %q, told %q", frames, k.log)
		}
	default:
		v.checkClosed(t, frames, k.log)
		if !w.over && !w.shut {
			t.Error("the connection stays")
		}
	}
	k.finish()
}

// checkClosed demands one close frame and one close upstairs: the peer's own close is no error, everything else is.
func (v *wsVector) checkClosed(t *testing.T, frames, told []string) {
	t.Helper()
	if len(frames) != 1 || len(told) != 1 {
		t.Fatalf("frames %q, told %q", frames, told)
	}
	var code int
	if _, err := fmt.Sscanf(frames[0], "close:%d", &code); err != nil || !slices.Contains(v.Expect.Code, code) {
		t.Errorf("frame %q, want a close with one of %v", frames[0], v.Expect.Code)
	}
	fault := code == 1002 || code == 1007 || code == 1008 || code == 1009
	if want := "1 close transport error: ws: "; fault != strings.HasPrefix(told[0], want) ||
		!fault && told[0] != "1 close transport close" {
		t.Errorf("told %q for a close with %d", told[0], code)
	}
}
