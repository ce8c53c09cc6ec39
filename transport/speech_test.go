// The dialects as a player speaks them: what it calls a packet is always in the form of revision 4.

package transport

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// speech is how a player's packets look.
type speech struct {
	query     string // in place of EIO=4
	revision3 bool
	base64    bool // the websocket, or the polls of revision 3, carry no bytes
	jsonp     bool
}

// speeches are those of the players; the first one is the most common.
var speeches = []speech{
	{query: "EIO=4"},
	{query: "EIO=3", revision3: true},
	{query: "EIO=3&b64=1", revision3: true, base64: true},
	{query: "EIO=3&j=3", revision3: true, jsonp: true},
	{query: "EIO=4&j=0&b64=1", base64: true, jsonp: true},
	{query: "EIO=4&b64=1", base64: true},
}

// onSocket is how the player goes on over a websocket.
func (h *speech) onSocket(pick chooser) speech {
	n := speech{query: h.query[:len("EIO=4")], revision3: h.revision3, base64: pick.pick(3) == 0}
	if n.base64 {
		n.query += "&b64=yes"
	}
	return n
}

// own makes a request one of the player's. fields are complete field lines.
func (h *speech) own(request, fields string) string {
	request = strings.Replace(request, "EIO=4", h.query, 1)
	return strings.Replace(request, "Host: a\r\n", "Host: a\r\n"+fields, 1)
}

// body makes a payload of packets, and the fields that belong to it.
func (h *speech) body(packets []string, pick chooser) (body, fields string) {
	switch {
	case !h.revision3:
		body = strings.Join(packets, "\x1e")
	case !h.jsonp && pick.pick(2) == 0:
		for _, p := range packets {
			kind, data := "\x00", p
			if p[0] == 'b' {
				b, _ := base64.StdEncoding.DecodeString(p[1:])
				kind, data = "\x01", "\x04"+string(b)
			}
			body += kind
			for _, d := range strconv.Itoa(len(data)) {
				body += string(d - '0')
			}
			body += "\xff" + data
		}
		return body, "Content-Type: application/octet-stream\r\n"
	default:
		for _, p := range packets {
			if p[0] == 'b' {
				p = "b4" + p[1:]
			}
			body += fmt.Sprintf("%d:%s", len(utf16.Encode([]rune(p))), p)
		}
	}
	if h.jsonp {
		return form(body), "Content-Type: application/x-www-form-urlencoded\r\n"
	}
	return body, ""
}

// packets takes the answer to a poll apart.
func (h *speech) packets(r response) (list []string, err error) {
	body := r.body
	if h.jsonp {
		_, index, _ := strings.Cut(h.query, "j=")
		if body, err = unscript(index[:1], body); err != nil {
			return nil, err
		}
	}
	switch {
	case !h.revision3:
		return strings.Split(body, "\x1e"), nil
	case r.fields["content-type"] == "application/octet-stream":
		if h.base64 || h.jsonp {
			return nil, fmt.Errorf("bytes for a client that cannot read them")
		}
		return splitOctets(body)
	}
	for rest := []rune(body); len(rest) > 0; {
		length, _, _ := strings.Cut(string(rest), ":")
		n, err := strconv.Atoi(length)
		if err != nil {
			return nil, fmt.Errorf("payload %q", clip([]byte(body)))
		}
		rest = rest[len(length)+1:]
		at := 0
		for ; n > 0 && at < len(rest); at++ {
			n -= utf16.RuneLen(rest[at])
		}
		p := string(rest[:at])
		if n != 0 || p == "" || p[0] == 'b' && !strings.HasPrefix(p, "b4") {
			return nil, fmt.Errorf("payload %q", clip([]byte(body)))
		}
		if p[0] == 'b' {
			p = "b" + p[2:]
		}
		list, rest = append(list, p), rest[at:]
	}
	return list, nil
}

// splitOctets takes a payload of bytes apart. There is a binary packet in it, or it would be text.
func splitOctets(body string) (list []string, err error) {
	binary := false
	for body != "" {
		digits, rest, found := strings.Cut(body[1:], "\xff")
		n := 0
		for _, d := range []byte(digits) {
			n = n*10 + int(d)
		}
		if !found || n > len(rest) || n == 0 {
			return nil, fmt.Errorf("octets %q", clip([]byte(body)))
		}
		switch p := rest[:n]; {
		case body[0] == 0:
			list = append(list, p)
		case body[0] == 1 && p[0] == 4:
			binary = true
			list = append(list, "b"+base64.StdEncoding.EncodeToString([]byte(p[1:])))
		default:
			return nil, fmt.Errorf("octets %q", clip([]byte(body)))
		}
		body = rest[n:]
	}
	if !binary {
		return nil, fmt.Errorf("octets for text")
	}
	return list, nil
}

// frame is a packet as a websocket frame.
func (h *speech) frame(packet string, pick chooser) []byte {
	if packet[0] != 'b' {
		return appendFrame(nil, opText, packet)
	}
	prefix, letter := "", ""
	if h.revision3 {
		prefix, letter = "\x04", "4"
	}
	if pick.pick(2) == 0 {
		return appendFrame(nil, opText, "b"+letter+packet[1:])
	}
	data, _ := base64.StdEncoding.DecodeString(packet[1:])
	return appendFrame(nil, opBinary, prefix+string(data))
}

// packet is what a frame holds.
func (h *speech) packet(frame string) (packet string, err error) {
	digits, binary := strings.CutPrefix(frame, "binary:")
	wrong := fmt.Errorf("frame %q", clip([]byte(frame)))
	switch {
	case binary && h.base64, frame == "", frame[0] == 'b' && !binary && !h.base64:
		return "", wrong
	case binary:
		data, err := hex.DecodeString(digits)
		if h.revision3 {
			if len(data) == 0 || data[0] != 4 {
				return "", wrong
			}
			data = data[1:]
		}
		return "b" + base64.StdEncoding.EncodeToString(data), err
	case h.revision3 && strings.HasPrefix(frame, "b4"):
		return "b" + frame[2:], nil
	}
	return frame, nil
}

// unscript reads the payload out of a script as a browser would, by its function's index.
func unscript(index, script string) (payload string, err error) {
	text, found := strings.CutPrefix(script, "___eio["+index+"](\"")
	text, ended := strings.CutSuffix(text, "\");")
	if !found || !ended {
		return "", fmt.Errorf("script %q", clip([]byte(script)))
	}
	payload, err = strconv.Unquote(`"` + text + `"`)
	return payload, err
}
