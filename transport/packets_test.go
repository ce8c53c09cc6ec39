// The shared vectors of Engine.IO: packets, polling, upgrades. A few lines of Socket.IO stand in for the layer above.

package transport

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// packetVector is a session that has sent "40", and what it sends then.
type packetVector struct {
	Name, Group, Proto, Ours, Outcome string
	Send                              []packetStep
	Seen                              struct {
		HTTP        []string
		EngineClose string `json:"engine_close"`
		Events      []string
	}
}

type packetStep struct {
	Text, Post, Repeat, Expect, Bin, Method, Get, CT *string
	PostHex                                          *string  `json:"post_hex"`
	PostParts                                        rawBytes `json:"post_parts"`
	N, Get2, Post2, Drop                             int
	AbortGet                                         int   `json:"abort_get"`
	AbortPost                                        int   `json:"abort_post"`
	SecondWS                                         int   `json:"second_ws"`
	WaitMS                                           int64 `json:"wait_ms"`
}

// strict says what happens in the vectors where this server refuses more than the reference: the responses, and how the
// session closes, "" if it does not.
var strict = map[string]struct{ http, closed string }{
	"poll-1000-packets":         {"200 ok", "parse error: too many packets"},
	"poll-200k-noops":           {"200 ok", "parse error: packet type"},
	"poll-b64-url":              {"200 ok", "parse error: engineio: invalid base64"},
	"poll-b64-garbage":          {"200 ok", "parse error: engineio: invalid base64"},
	"poll-b64-space":            {"200 ok", "parse error: engineio: invalid base64"},
	"poll-b64-after-pad":        {"200 ok", "parse error: engineio: invalid base64"},
	"poll-b64-one-char":         {"200 ok", "parse error: engineio: invalid base64"},
	"poll-b64-trailing-bits":    {"200 ok", "parse error: engineio: invalid base64"},
	"poll-octet-stream-charset": {"400", "transport error: invalid content"},
	"poll-octet-upper":          {"400", "transport error: invalid content"},
	"poll-method-delete":        {"405", ""},
	"poll-method-head":          {"405", ""},
	"poll-method-options":       {"405", ""},
	"up-no-probe":               {"", ""},
	"up-upgrade-with-data":      {"", ""},
	"up-silent":                 {"", ""},
	"type-0":                    {"", "parse error: packet type"},
	"type-5":                    {"", "parse error: packet type"},
	"type-6":                    {"", "parse error: packet type"},
	"pong-flood":                {"", "parse error: too many unsolicited pongs"},
	"v3-binary-no-type":         {"", "parse error: engineio: empty packet"},
	"v3-binary-type-0":          {"", "parse error: engineio: unknown packet type"},
	"v3-binary-type-9":          {"", "parse error: engineio: unknown packet type"},
	"v3-b64-type-9":             {"", "parse error: engineio: unknown packet type"},
	"v3-poll-plus":              {"200 ok", "parse error: engineio: invalid length"},
	"v3-poll-float":             {"200 ok", "parse error: engineio: invalid length"},
	"v3-poll-many-zero":         {"200 ok", ""}, // as many as the limit allows
	"v3-binpoll-kind-2":         {"200 ok", "parse error: engineio: invalid length"},
	"v3-binpoll-digit-10":       {"200 ok", "parse error: engineio: invalid length"},
}

func TestPacketVectors(t *testing.T) {
	var all []packetVector
	loadJSON(t, "testdata/sio.json", &all)
	if len(all) != 94 {
		t.Errorf("%d vectors, want 94", len(all))
	}
	met := 0
	for _, v := range all {
		if _, known := strict[v.Name]; known != (v.Ours == "stricter") {
			t.Errorf("%s: %s?", v.Name, v.Ours)
		} else if known {
			met++
		}
		t.Run(v.Name, func(t *testing.T) {
			for _, cut := range []func([]byte) [][]byte{nil, cutAtRandom(newRandom(1)), cutAtRandom(newRandom(2))} {
				v.run(t, cut)
			}
		})
	}
	if met != len(strict) {
		t.Errorf("%d of %d strict vectors met", met, len(strict))
	}
}

// refusedAbove are the vectors whose packet Socket.IO refuses, of which the reference says nothing.
var refusedAbove = []string{"poll-raw-separator-inside-json", "v3-poll-astral-codepoints"}

var errPacket = errors.New("bad packet")

// socketIO is the layer above: it counts events and refuses what is none.
type socketIO struct{ events, attachments int }

func (l *socketIO) message(s *Session, data []byte, binary bool) {
	body, event := strings.CutPrefix(string(data), "2")
	packet, attached := strings.CutPrefix(string(data), "51-")
	switch {
	case binary && l.attachments > 0:
		l.attachments--
		l.events++
	case binary:
		s.Fail(errPacket)
	case string(data) == "0":
		s.Joined()
	case attached && json.Valid([]byte(packet)):
		l.attachments = 1
	case event && json.Valid([]byte(body)):
		l.events++
	default:
		s.Fail(errPacket)
	}
}

func (v *packetVector) run(t *testing.T, cut func([]byte) [][]byte) {
	t.Helper()
	k := newKernel(t, 1, allow3)
	k.quiet = true
	var above socketIO
	k.onMessage = above.message
	closed := ""
	k.onClose = func(_ *Session, reason CloseReason, err error) {
		closed = reason.String()
		if err != nil {
			closed += ": " + err.Error()
		}
	}
	r := &packetRun{k: k, cut: cut}
	switch v.Proto {
	case "eio4-ws":
		r.ws = k.socket(0)
		r.ws.text("40")
	case "eio3-ws":
		r.ws = k.socketOf(0, "EIO=3")
	case "eio3-polling":
		r.poll = k.pollerOf(0, "EIO=3")
		r.poll.post.cut = cut
	default:
		r.poll = k.poller(0)
		r.poll.deliver("40")
		r.poll.post.cut = cut
	}
	if v.Proto == "eio4-upgrade" {
		r.ws = r.poll.candidate(0)
	}
	for _, s := range v.Send {
		r.step(t, &s)
	}
	want, wantClosed, events := v.Seen.HTTP, v.Seen.EngineClose, len(v.Seen.Events)
	if own, ok := strict[v.Name]; ok {
		want, wantClosed, events = nil, own.closed, 0
		if own.http != "" {
			want = []string{own.http}
		}
		if strings.HasPrefix(v.Name, "poll-1000") {
			events = 1000
		}
	}
	for i := range want {
		want[i] = strings.TrimSpace(want[i])
	}
	slices.Sort(r.http)
	if !slices.Equal(r.http, want) {
		t.Errorf("responses %q, want %q", r.http, want)
	}
	if !strings.HasPrefix(closed, wantClosed) || wantClosed == "" && closed != "" && !slices.Contains(refusedAbove, v.Name) {
		t.Errorf("closed %q, want %q", closed, wantClosed)
	}
	if above.events != events {
		t.Errorf("%d events, want %d", above.events, events)
	}
	k.finish()
}

// packetRun is a vector under way.
type packetRun struct {
	k    *kernel
	cut  func([]byte) [][]byte
	poll *poller
	ws   *socket
	http []string
}

func (r *packetRun) step(t *testing.T, s *packetStep) {
	t.Helper()
	sid := ""
	if r.poll != nil {
		sid = r.poll.sid
	}
	ask := func(p *peer, text string) { r.http = append(r.http, p.ask(r.poll.own(text)).short()) }
	switch {
	case s.Text != nil:
		r.ws.cut = r.cut
		r.ws.text(*s.Text)
	case s.Bin != nil:
		b, err := hex.DecodeString(*s.Bin)
		if err != nil {
			t.Fatal(err)
		}
		r.ws.send(frame(opBinary, string(b)))
	case s.Repeat != nil:
		r.ws.send(strings.Repeat(frame(opText, *s.Repeat), s.N))
	case s.Expect != nil:
		r.ws.want(*s.Expect)
	case s.Post != nil && s.CT != nil && *s.CT != "":
		ask(r.poll.post, request("POST", sid, *s.Post, "Content-Type: "+*s.CT))
	case s.Post != nil:
		ask(r.poll.post, request("POST", sid, *s.Post))
	case s.PostHex != nil:
		ask(r.poll.post, request("POST", sid, octets(t, *s.PostHex), "Content-Type: "+*s.CT))
	case s.PostParts != nil:
		ask(r.poll.post, request("POST", sid, string(s.PostParts)))
	case s.Method != nil:
		ask(r.poll.post, request(*s.Method, sid, ""))
	case s.Get != nil && *s.Get == "eio3":
		ask(r.poll.get, strings.Replace(request("GET", sid, ""), "EIO=4", "EIO=3", 1))
	case s.Get != nil:
		ask(r.poll.get, strings.Replace(request("GET", sid, ""), "transport=polling", *s.Get, 1))
	case s.Get2 > 0:
		r.poll.poll()
		ask(r.k.dial(0), request("GET", sid, ""))
		r.http = append(r.http, r.poll.get.shorts()...)
	case s.Post2 > 0:
		r.poll.post.send(halfPost(sid))
		ask(r.k.dial(0), request("POST", sid, "4x"))
	case s.AbortGet > 0:
		r.poll.poll()
		r.poll.get.hangUp()
	case s.AbortPost > 0:
		r.poll.post.send(halfPost(sid))
		r.poll.post.hangUp()
	case s.SecondWS > 0:
		r.poll.candidate(0).want("close:1005")
	case s.Drop > 0:
		r.ws.hangUp()
	default:
		r.k.advance(s.WaitMS)
	}
}
