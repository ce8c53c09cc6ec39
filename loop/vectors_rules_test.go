// Where our answer to a vector is not the reference's, and which vectors are left out.

package loop_test

import "slices"

// elsewhere are the vectors whose answer depends on how fast namespaces are made;
// TestNamespaceLimits and TestTheNumberOfChildrenIsLimited are about the same.
var elsewhere = []string{"connect-dynamic-200"}

// otherwise is what we do where we are stricter, and where a vector contradicts
// a stricter one.
var otherwise = map[string]want{
	"type-0":     {closed: "parse error", wsCode: 1005},
	"type-5":     {closed: "parse error", wsCode: 1005},
	"type-6":     {closed: "parse error", wsCode: 1005},
	"pong-flood": {closed: "parse error", wsCode: 1005},

	// Sixteen refusals are answered.
	"connect-unknown-1000": {
		toClient: slices.Repeat([]string{`44/nope,{"message":"Invalid namespace"}`}, 16),
		closed:   "forced close", wsCode: 1005,
	},
	"ack-unknown-flood": {closed: "forced close", wsCode: 1005},

	// The digits stay as they came.
	"event-big-number": {
		events: []string{`"echo", 12345678901234567000`}, toClient: []string{`42["echo",12345678901234567890]`},
	},
	"event-huge-exp": {events: []string{`"echo", 1e400`}, toClient: []string{`42["echo",1e400]`}},
	// Half a surrogate pair goes through the server unchanged; a Go string has
	// no room for it.
	"event-lone-surrogate-arg": {
		events: []string{"\"echo\", \"\ufffd\""}, toClient: []string{`42["echo","\udc00"]`},
	},

	"poll-1000-packets": {
		events: slices.Repeat([]string{`"x"`}, 1000), http: []string{"200 ok"}, closed: "parse error",
	},
	"poll-200k-noops":           {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-url":              {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-garbage":          {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-space":            {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-after-pad":        {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-one-char":         {http: []string{"200 ok"}, closed: "parse error"},
	"poll-b64-trailing-bits":    {http: []string{"200 ok"}, closed: "parse error"},
	"poll-octet-stream-charset": {http: []string{"400 "}, closed: "transport error: invalid content"},
	"poll-octet-upper":          {http: []string{"400 "}, closed: "transport error: invalid content"},
	"poll-method-delete":        {http: []string{"405 "}},
	"poll-method-head":          {http: []string{"405 "}},
	"poll-method-options":       {http: []string{"405 "}},
	// The reference says nothing of the reason; no GET is open.
	"poll-raw-separator-inside-json": {http: []string{"200 ok"}, closed: "forced server close"},

	"v3-connect-dots":           {joined: []string{"/"}, toClient: []string{`44/a/../chat,{"message":"Invalid namespace"}`}},
	"v3-connect-fragment":       {closed: "forced close", wsCode: 1005},
	"v3-binary-no-type":         {closed: "parse error", wsCode: 1005},
	"v3-binary-type-0":          {closed: "parse error", wsCode: 1005},
	"v3-binary-type-9":          {closed: "parse error", wsCode: 1005},
	"v3-b64-type-9":             {closed: "parse error", wsCode: 1005},
	"v3-poll-plus":              {http: []string{"200 ok"}, closed: "parse error"},
	"v3-poll-float":             {http: []string{"200 ok"}, closed: "parse error"},
	"v3-poll-many-zero":         {http: []string{"200 ok"}}, // as many as the limit allows
	"v3-binpoll-kind-2":         {http: []string{"200 ok"}, closed: "parse error"},
	"v3-binpoll-digit-10":       {http: []string{"200 ok"}, closed: "parse error"},
	"v3-poll-astral-codepoints": {http: []string{"200 ok"}, closed: "forced server close"},

	"up-no-probe":          {wsCode: 1005},
	"up-upgrade-with-data": {toClient: []string{"3probe"}, wsCode: 1005},
	"up-silent":            {wsCode: 1005},
}

// refusedPackets are the vectors whose packet Socket.IO refuses although the
// reference does not. The session is closed like for every such packet.
var refusedPackets = []string{
	"connect-with-ack-id", "connect-ack-id-nsp", "connect-nsp-100k", "connect-deep-auth",
	"event-no-payload", "event-name-float", "event-name-neg", "event-name-empty", "event-name-lone-surrogate", "event-name-100k",
	"id-u64-max", "id-u64-overflow", "id-400-digits", "id-space-digit", "id-digit-space", "id-tab",
	"ack-no-payload", "ack-huge",
	"bin-count-exp-1e0", "bin-count-exp-1e1", "bin-count-hex-0x1", "bin-count-bin-0b1", "bin-count-plus", "bin-count-leading-zero",
	"bin-num-float", "bin-num-exp", "bin-num-reused", "bin-num-reused-1000", "bin-unused-attachment", "bin-none-used",
	"bin-unknown-nsp", "bin-10x900k", "bin-never-arrives",

	// Marked as agreeing with the reference, but they differ from a stricter
	// vector only in spelling.
	"connect-number",       // connect-with-ack-id without a payload
	"event-number-payload", // event-no-payload behind id-space-digit
	"id-2-53",              // one above the largest id
	"bin-count-10",         // bin-unused-attachment, nine times
}

func init() {
	for _, name := range refusedPackets {
		otherwise[name] = want{closed: "forced close", wsCode: 1005}
	}
}
