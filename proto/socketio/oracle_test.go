// A second decoder, slow and plain, built on encoding/json: what Decode accepts
// it must accept, and the other way round.

package socketio_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/socketio"
)

// plainPacket is what the oracle reads out of a packet.
type plainPacket struct {
	kind        socketio.PacketType
	attachments int
	namespace   string
	hasID       bool
	id          uint64
	payload     string
	name        string
	args        []json.RawMessage
}

var (
	countForm   = regexp.MustCompile(`^([1-9][0-9]*)-`)
	idForm      = regexp.MustCompile(`^[0-9]+`)
	integerForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
	largestID   = big.NewInt(socketio.MaxID)
)

func plainDecode(text string, lim socketio.Limits) (p plainPacket, ok bool) {
	if text == "" || !strings.Contains("0123456", text[:1]) {
		return p, false
	}
	p.kind, p.namespace = socketio.PacketType(text[0]-'0'), "/"
	text = text[1:]
	if p.kind >= socketio.BinaryEvent {
		m := countForm.FindStringSubmatch(text)
		if m == nil {
			return p, false
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n > lim.Attachments || n > socketio.MaxAttachments {
			return p, false
		}
		p.attachments, text = n, text[len(m[0]):]
	}
	if strings.HasPrefix(text, "/") {
		p.namespace, text, _ = strings.Cut(text, ",")
		if len(p.namespace) > lim.Namespace || !utf8.ValidString(p.namespace) {
			return p, false
		}
	}
	if digits := idForm.FindString(text); digits != "" {
		id, _ := new(big.Int).SetString(digits, 10)
		if id.Cmp(largestID) > 0 {
			return p, false
		}
		p.id, p.hasID, text = id.Uint64(), true, text[len(digits):]
	} else if rest, found := strings.CutPrefix(text, "\ufeff"); found {
		p.hasID, text = true, rest
	}
	p.payload = strings.TrimRight(text, " \t\r\n")
	return p, plainPayload(&p, text, lim)
}

func plainPayload(p *plainPacket, text string, lim socketio.Limits) bool {
	isEvent := p.kind == socketio.Event || p.kind == socketio.BinaryEvent
	isAck := p.kind == socketio.Ack || p.kind == socketio.BinaryAck
	if isAck && !p.hasID || !isAck && !isEvent && p.hasID {
		return false
	}
	if text == "" {
		return !isAck && !isEvent
	}
	if strings.ContainsAny(text[:1], " \t\r\n") || !json.Valid([]byte(text)) || !utf8.ValidString(text) {
		return false
	}
	if plainDepth(text) > lim.Depth {
		return false
	}
	switch p.kind {
	case socketio.Connect:
		return text[0] == '{' && len(text) <= lim.AuthBytes
	case socketio.Disconnect:
		return false
	case socketio.ConnectError:
		return text[0] == '{' || text[0] == '"'
	}
	if text[0] != '[' || json.Unmarshal([]byte(text), &p.args) != nil {
		return false
	}
	if isEvent && !plainName(p, lim) {
		return false
	}
	if len(p.args) > lim.Arguments {
		return false
	}
	return p.attachments == 0 || plainPlaceholders(p)
}

func plainDepth(text string) (deepest int) {
	depth := 0
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		token, err := dec.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			deepest = max(deepest, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// plainName takes the event name off the front of the arguments.
func plainName(p *plainPacket, lim socketio.Limits) bool {
	if len(p.args) == 0 {
		return false
	}
	raw := string(p.args[0])
	p.args = p.args[1:]
	if integerForm.MatchString(raw) {
		n, _ := strconv.ParseUint(raw, 10, 64)
		p.name = raw
		return n <= socketio.MaxID
	}
	if raw[0] != '"' || len(raw)-2 > lim.EventName || loneSurrogate(raw) {
		return false
	}
	if err := json.Unmarshal([]byte(raw), &p.name); err != nil {
		return false
	}
	return p.name != "" && !slices.Contains([]string{
		"connect", "connect_error", "disconnect",
		"disconnecting", "newListener", "removeListener",
	}, p.name)
}

var unicodeEscapes = regexp.MustCompile(`(?i)\\(u[0-9a-f]{4}|.)`)

// loneSurrogate blots out the pairs and looks for halves in what is left.
func loneSurrogate(raw string) bool {
	var units []int64
	last := -1
	lone := false
	for _, at := range unicodeEscapes.FindAllStringIndex(raw, -1) {
		if at[1]-at[0] != 6 {
			continue
		}
		unit, _ := strconv.ParseInt(raw[at[0]+2:at[1]], 16, 32)
		if unit>>10 == 0xdc00>>10 && at[0] == last && len(units) > 0 {
			units, last = units[:0], -1
			continue
		}
		lone = lone || len(units) > 0 || unit>>10 == 0xdc00>>10
		units = units[:0]
		if unit>>10 == 0xd800>>10 {
			units, last = append(units, unit), at[1]
		}
	}
	return lone || len(units) > 0
}

// plainPlaceholders checks that each attachment is cited exactly once.
func plainPlaceholders(p *plainPacket) bool {
	cited := map[int]int{}
	for _, arg := range p.args {
		if !countCitations(arg, p.attachments, cited) {
			return false
		}
	}
	for n := range p.attachments {
		if cited[n] != 1 {
			return false
		}
	}
	return true
}

func countCitations(raw json.RawMessage, due int, cited map[int]int) bool {
	raw = bytes.TrimSpace(raw)
	if raw[0] != '{' && raw[0] != '[' {
		return true
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return false
	}
	var mark, num string
	before := len(cited)
	for dec.More() {
		var key json.Token
		if raw[0] == '{' {
			key, _ = dec.Token()
		}
		var member json.RawMessage
		if dec.Decode(&member) != nil || !countCitations(member, due, cited) {
			return false
		}
		switch key {
		case "_placeholder":
			mark = string(member)
		case "num":
			num = string(member)
		}
	}
	if mark != "true" {
		return true
	}
	n, err := strconv.Atoi(num)
	if err != nil || !integerForm.MatchString(num) || n >= due || len(cited) != before {
		return false
	}
	cited[n]++
	return cited[n] == 1
}
