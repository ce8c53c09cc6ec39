// The shared test vectors: what the reference did with each packet, and where
// we are stricter.

package socketio_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

type vector struct {
	Name, Proto, Outcome, Ours string
	Pre                        []string
	Send                       []map[string]any
	Events                     []string
}

// contradictions are marked as agreeing with the reference but differ from a
// stricter vector only in spelling, so the stricter rule wins.
var contradictions = map[string]error{
	"connect-number":       socketio.ErrPayload,     // connect-with-ack-id without a payload
	"event-number-payload": socketio.ErrPayload,     // event-no-payload behind id-space-digit
	"id-2-53":              socketio.ErrAckID,       // one above the largest id
	"bin-count-10":         socketio.ErrPlaceholder, // bin-unused-attachment, nine times
}

// faults are the other vectors that this package has to refuse, by the error.
// The reference lets some through; those are marked stricter in the file.
var faults = map[string]error{
	"connect-null":                  socketio.ErrPayload,
	"connect-array":                 socketio.ErrPayload,
	"connect-string":                socketio.ErrPayload,
	"connect-true":                  socketio.ErrPayload,
	"connect-bad-json":              socketio.ErrPayload,
	"connect-no-slash":              socketio.ErrPayload,
	"connect-with-ack-id":           socketio.ErrPayload,
	"connect-ack-id-nsp":            socketio.ErrPayload,
	"connect-nsp-100k":              socketio.ErrNamespaceTooLong,
	"connect-deep-auth":             socketio.ErrTooDeep,
	"disconnect-payload":            socketio.ErrPayload,
	"sio-type-8":                    socketio.ErrPacketType,
	"sio-type-minus":                socketio.ErrPacketType,
	"sio-type-letter":               socketio.ErrPacketType,
	"sio-type-space":                socketio.ErrPacketType,
	"sio-type-only-4":               socketio.ErrPacketType,
	"sio-type-arabic":               socketio.ErrPacketType,
	"sio-type-lf":                   socketio.ErrPacketType,
	"event-no-payload":              socketio.ErrPayload,
	"event-empty-array":             socketio.ErrPayload,
	"event-object":                  socketio.ErrPayload,
	"event-null":                    socketio.ErrPayload,
	"event-name-float":              socketio.ErrPayload,
	"event-name-neg":                socketio.ErrPayload,
	"event-name-null":               socketio.ErrPayload,
	"event-name-bool":               socketio.ErrPayload,
	"event-name-object":             socketio.ErrPayload,
	"event-name-empty":              socketio.ErrPayload,
	"event-two-values":              socketio.ErrPayload,
	"event-truncated":               socketio.ErrPayload,
	"event-trailing-comma":          socketio.ErrPayload,
	"event-single-quote":            socketio.ErrPayload,
	"event-nan":                     socketio.ErrPayload,
	"event-infinity":                socketio.ErrPayload,
	"event-hex-number":              socketio.ErrPayload,
	"event-leading-zero":            socketio.ErrPayload,
	"event-plus-number":             socketio.ErrPayload,
	"event-comment":                 socketio.ErrPayload,
	"event-ctl-in-string":           socketio.ErrPayload,
	"event-bad-escape":              socketio.ErrPayload,
	"event-nsp-no-comma":            socketio.ErrPayload,
	"event-name-100k":               socketio.ErrEventNameTooLong,
	"ack-no-payload":                socketio.ErrPayload,
	"ack-string":                    socketio.ErrPayload,
	"ack-huge":                      socketio.ErrAckID,
	"id-u64-max":                    socketio.ErrAckID,
	"id-u64-overflow":               socketio.ErrAckID,
	"id-400-digits":                 socketio.ErrAckID,
	"id-minus":                      socketio.ErrPayload,
	"id-float":                      socketio.ErrPayload,
	"id-exp":                        socketio.ErrPayload,
	"id-hex":                        socketio.ErrPayload,
	"id-space-digit":                socketio.ErrPayload,
	"id-digit-space":                socketio.ErrPayload,
	"id-tab":                        socketio.ErrPayload,
	"id-fullwidth":                  socketio.ErrPayload,
	"id-nul":                        socketio.ErrPayload,
	"bin-count-0":                   socketio.ErrAttachmentCount,
	"bin-count-0-then-bin":          socketio.ErrAttachmentCount,
	"bin-no-dash":                   socketio.ErrAttachmentCount,
	"bin-count-minus":               socketio.ErrAttachmentCount,
	"bin-count-float":               socketio.ErrAttachmentCount,
	"bin-count-plus":                socketio.ErrAttachmentCount,
	"bin-count-empty":               socketio.ErrAttachmentCount,
	"bin-count-infinity":            socketio.ErrAttachmentCount,
	"bin-count-arabic":              socketio.ErrAttachmentCount,
	"bin-count-exp-1e0":             socketio.ErrAttachmentCount,
	"bin-count-exp-1e1":             socketio.ErrAttachmentCount,
	"bin-count-hex-0x1":             socketio.ErrAttachmentCount,
	"bin-count-bin-0b1":             socketio.ErrAttachmentCount,
	"bin-count-11":                  socketio.ErrTooManyAttachments,
	"bin-count-1e9":                 socketio.ErrTooManyAttachments,
	"bin-count-u64":                 socketio.ErrTooManyAttachments,
	"bin-num-float":                 socketio.ErrPlaceholder,
	"bin-num-exp":                   socketio.ErrPlaceholder,
	"bin-num-range":                 socketio.ErrPlaceholder,
	"bin-num-huge":                  socketio.ErrPlaceholder,
	"bin-num-null":                  socketio.ErrPlaceholder,
	"bin-num-bool":                  socketio.ErrPlaceholder,
	"bin-num-object":                socketio.ErrPlaceholder,
	"bin-num-method":                socketio.ErrPlaceholder,
	"bin-num-missing":               socketio.ErrPlaceholder,
	"bin-num-reused":                socketio.ErrPlaceholder,
	"bin-num-reused-1000":           socketio.ErrPlaceholder,
	"bin-unused-attachment":         socketio.ErrPlaceholder,
	"bin-none-used":                 socketio.ErrPlaceholder,
	"bin-placeholder-as-name":       socketio.ErrPayload,
	"bin-placeholder-dup-key":       socketio.ErrPlaceholder,
	"bin-reserved-name":             socketio.ErrPayload,
	"bin-text-while-waiting":        socketio.ErrTextWhileDue,
	"bin-header-while-waiting":      socketio.ErrTextWhileDue,
	"bin-count-leading-zero":        socketio.ErrAttachmentCount,
	"event-raw-newline-in-string":   socketio.ErrPayload,
	"event-name-lone-surrogate":     socketio.ErrPayload,
	"event-reserved-connect":        socketio.ErrPayload,
	"event-reserved-connect_error":  socketio.ErrPayload,
	"event-reserved-disconnect":     socketio.ErrPayload,
	"event-reserved-newListener":    socketio.ErrPayload,
	"event-reserved-removeListener": socketio.ErrPayload,
	"binary-frame-no-header":        socketio.ErrBinaryWhileNoneDue,
	"binary-frame-empty":            socketio.ErrBinaryWhileNoneDue,
	"b64-on-websocket":              socketio.ErrBinaryWhileNoneDue,
	// Ten attachments announced and one cited: refused before the bytes come.
	// TestAssemblerLimits covers the bytes.
	"bin-10x900k":     socketio.ErrPlaceholder,
	"bin-unknown-nsp": errOutOfPlace,

	"poll-raw-separator-inside-json": socketio.ErrPayload,
}

// otherEvents are the vectors whose arguments we hand on in another spelling
// than the reference, each for a reason.
var otherEvents = map[string][]string{
	"event-lone-surrogate-arg": {"\"echo\", \"\ufffd\""},         // a Go string holds no half pair
	"event-big-number":         {`"echo", 12345678901234567890`}, // digits are kept
	"event-huge-exp":           {`"echo", 1e400`},                // never infinity
	"event-neg-zero":           {`"echo", -0`},                   // digits are kept
}

// waiting are the vectors that another layer has to check, by the reason.
var waiting = map[string][]string{
	"Engine.IO packets and heartbeat, transport": {
		"type-0", "type-2probe", "type-3", "type-3probe", "type-5", "type-6", "type-bad-0038", "type-bad-0039",
		"type-bad-0061", "type-bad-0020", "type-bad-0000", "type-bad-0664", "type-bad-feffb", "type-bad-0065",
		"ping-with-junk", "pong-flood", "ping-flood",
	},
	"message size, transport/ws": {"event-over-max"},
	"counted per connection, loop": {
		"connect-unknown-1000", "connect-dynamic-200", "ack-unknown-flood",
	},
	"time to complete a packet, loop": {"bin-never-arrives"},
	"polling bodies and requests, transport": {
		"poll-empty-body", "poll-double-separator", "poll-bad-in-middle", "poll-1000-packets", "poll-200k-noops",
		"poll-close-then-event", "poll-b64-url", "poll-b64-garbage", "poll-b64-space", "poll-b64-after-pad",
		"poll-b64-one-char", "poll-b64-trailing-bits", "poll-octet-stream-charset", "poll-octet-upper", "poll-no-ct",
		"poll-json-ct", "poll-form-ct", "poll-two-gets", "poll-two-posts", "poll-method-delete", "poll-method-head",
		"poll-method-options", "poll-wrong-transport", "poll-wrong-eio", "poll-abort-get", "poll-abort-post",
	},
	"upgrade, transport": {
		"up-normal", "up-no-probe", "up-probe-twice", "up-message-first", "up-pong-probe", "up-close-packet",
		"up-binary", "up-garbage", "up-upgrade-with-data", "up-after-upgraded", "up-silent", "up-drop-mid",
	},
	"revision 4 of the packet grammar": {
		"v3-event", "v3-ping-probe-settled", "v3-pong", "v3-connect-chat", "v3-connect-chat-query",
		"v3-connect-bad-url", "v3-connect-dots", "v3-connect-fragment", "v3-connect-proto-query", "v3-admin",
		"v3-binary-event", "v3-binary-no-type", "v3-binary-type-0", "v3-binary-type-9", "v3-b64-type-9",
		"v3-type-bad", "v3-empty", "v3-poll-two", "v3-poll-too-long", "v3-poll-empty-prefix", "v3-poll-plus",
		"v3-poll-float", "v3-poll-zero", "v3-poll-zero-then-ok", "v3-poll-huge", "v3-poll-nan", "v3-poll-trailing",
		"v3-poll-astral-codepoints", "v3-poll-astral-bytes", "v3-poll-astral-utf16", "v3-poll-bmp", "v3-poll-b64",
		"v3-poll-bad-packet", "v3-poll-close", "v3-poll-many-zero", "v3-binpoll-kind-2", "v3-binpoll-digit-10",
		"v3-binpoll-400-digits",
	},
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	waits := map[string]bool{}
	for _, names := range waiting {
		for _, name := range names {
			waits[name] = true
		}
	}
	known := map[string]bool{}
	for _, v := range readVectors(t) {
		known[v.Name] = true
		if !waits[v.Name] {
			t.Run(v.Name, func(t *testing.T) { checkVector(t, v) })
		}
	}
	for name := range waits {
		if !known[name] {
			t.Errorf("vector %s waits but does not exist", name)
		}
	}
	for _, refused := range []map[string]error{faults, contradictions} {
		for name := range refused {
			if !known[name] || waits[name] {
				t.Errorf("vector %s has an error but is not run", name)
			}
		}
	}
}

func checkVector(t *testing.T, v vector) {
	s := &peer{t: t, joined: map[string]bool{}}
	for _, text := range v.Pre {
		s.engineText(text)
	}
	for _, step := range v.Send {
		s.step(step)
	}
	closes := strings.Contains(v.Outcome, "clos")
	want, contradicts := contradictions[v.Name]
	if !contradicts {
		want = faults[v.Name]
	}
	if want == nil && closes {
		want = errOutOfPlace
	}
	if !errors.Is(s.closed, want) {
		t.Fatalf("closed with %v, want %v (%s, %s)", s.closed, want, v.Outcome, v.Ours)
	}
	same := v.Ours == "same" && !contradicts
	if same && s.closed != nil && !closes {
		t.Fatalf("stricter than the reference: %v", s.closed)
	}
	events := v.Events
	if other := otherEvents[v.Name]; other != nil {
		events = other
	}
	if same || s.closed == nil {
		compareEvents(t, events, s.events)
	}
}

// compareEvents allows for the dots with which the file shortens long text.
func compareEvents(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("events %q, want %q", got, want)
	}
	for i, w := range want {
		prefix, _, cut := strings.Cut(w, "...")
		if w != got[i] && !(cut && strings.HasPrefix(got[i], prefix)) {
			t.Fatalf("event %q, want %q", got[i], w)
		}
	}
}
