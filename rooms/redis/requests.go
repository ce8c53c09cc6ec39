// Requests and answers on the wire: JSON objects, but MessagePack maps where they
// carry what clients sent.

package redis

import (
	"encoding/json"
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// requestType says what a request is, or what it answers.
type requestType int

// The types of requests, with the names they have in the reference.
const (
	noRequest      requestType = iota - 1
	requestSockets             // only sent by versions up to 7
	requestAllRooms
	requestRemoteJoin
	requestRemoteLeave
	requestRemoteDisconnect
	requestRemoteFetch
	requestServerSideEmit
	requestBroadcast
	responseClientCount
	responseBroadcastAck
)

// request is a request as it goes out. Members of JavaScript's undefined are
// left out, as they are there.
type request struct {
	UID       string            `json:"uid,omitempty"`
	RequestID string            `json:"requestId,omitempty"`
	Type      requestType       `json:"type"`
	Opts      *requestOptions   `json:"opts,omitempty"`
	Rooms     []string          `json:"rooms,omitzero"`
	Data      []json.RawMessage `json:"data,omitempty"`
	Close     *bool             `json:"close,omitempty"`
}

// requestOptions are whom a request is for.
type requestOptions struct {
	Rooms  []string `json:"rooms"`
	Except []string `json:"except"`
}

func optionsOf(t rooms.Target) *requestOptions {
	return &requestOptions{Rooms: orEmpty(unique(t.Rooms)), Except: orEmpty(unique(t.Except))}
}

// orEmpty is an empty list in the place of none, which JSON tells apart.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// incomingRequest is a request of another server.
type incomingRequest struct {
	UID       string            `json:"uid"`
	RequestID *string           `json:"requestId"`
	Type      *requestType      `json:"type"`
	Opts      *wireOptions      `json:"opts"`
	Rooms     []roomName        `json:"rooms"`
	Data      []json.RawMessage `json:"data"`
	Close     bool              `json:"close"`
	// The forms of old versions, for one socket.
	SID  string   `json:"sid"`
	Room roomName `json:"room"`

	packet []byte // of a broadcast
}

// readRequest reads a request in either form.
func readRequest(b []byte) (r incomingRequest, err error) {
	if len(b) > 0 && b[0] == '{' {
		err = json.Unmarshal(b, &r)
		return r, err
	}
	err = eachMember(b, func(key string, value []byte) error {
		switch key {
		case "uid":
			return msgpack.Unmarshal(value, &r.UID)
		case "requestId":
			return msgpack.Unmarshal(value, &r.RequestID)
		case "type":
			return msgpack.Unmarshal(value, &r.Type)
		case "opts":
			return msgpack.Unmarshal(value, &r.Opts)
		case "rooms":
			return msgpack.Unmarshal(value, &r.Rooms)
		case "close":
			return msgpack.Unmarshal(value, &r.Close)
		case "packet":
			r.packet = value
		}
		return nil
	})
	return r, err
}

// eachMember calls f with the members of a MessagePack map up to the first
// error.
func eachMember(b []byte, f func(key string, value []byte) error) error {
	var failed error
	err := msgpack.EachMember(b, func(key, value []byte) {
		if failed == nil {
			failed = f(string(key), value)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// target is whom a request is for. One without options is for one socket.
func (r *incomingRequest) target() rooms.Target {
	if r.Opts != nil {
		return r.Opts.target()
	}
	return rooms.Target{Rooms: []string{r.SID}}
}

// kind is the type of a request, noRequest if it has none.
func (r *incomingRequest) kind() requestType {
	if r.Type == nil {
		return noRequest
	}
	return *r.Type
}

// id is the id to answer under, and whether an answer is wanted.
func (r *incomingRequest) id() (string, bool) {
	if r.RequestID == nil {
		return "", false
	}
	return *r.RequestID, true
}

// appendBroadcastRequest appends the request for a broadcast with answers. args
// are MessagePack.
func appendBroadcastRequest(dst []byte, uid, id, nsp, event string, args []byte, t rooms.Target) []byte {
	dst = msgpack.AppendMapHead(dst, 5)
	dst = msgpack.AppendString(msgpack.AppendString(dst, "uid"), uid)
	dst = msgpack.AppendString(msgpack.AppendString(dst, "requestId"), id)
	dst = append(msgpack.AppendString(dst, "type"), byte(requestBroadcast))
	dst = msgpack.AppendEvent(msgpack.AppendString(dst, "packet"), nsp, 0, false, event, args)
	return appendOptions(msgpack.AppendString(dst, "opts"), t, t.Flags.Timeout)
}

// response is an answer as it goes out. What does not belong to its type is
// left out.
type response struct {
	Type        requestType     `json:"type,omitempty"`
	RequestID   string          `json:"requestId"`
	Sockets     any             `json:"sockets,omitempty"`
	Rooms       []string        `json:"rooms,omitzero"`
	ClientCount *int            `json:"clientCount,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
}

// wireSocket is a socket as servers tell each other of it.
type wireSocket struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     []roomName      `json:"rooms"`
	Data      json.RawMessage `json:"data"`
}

// incomingResponse is an answer of another server.
type incomingResponse struct {
	Type        requestType     `json:"type"`
	RequestID   string          `json:"requestId"`
	Sockets     []wireSocket    `json:"sockets"`
	Rooms       []roomName      `json:"rooms"`
	ClientCount int             `json:"clientCount"`
	Data        json.RawMessage `json:"data"`

	packet []byte // of an acknowledgement
}

// readResponse reads an answer in either form.
func readResponse(b []byte) (r incomingResponse, err error) {
	if len(b) > 0 && b[0] == '{' {
		err = json.Unmarshal(b, &r)
		return r, err
	}
	err = eachMember(b, func(key string, value []byte) error {
		switch key {
		case "type":
			return msgpack.Unmarshal(value, &r.Type)
		case "requestId":
			return msgpack.Unmarshal(value, &r.RequestID)
		case "clientCount":
			return msgpack.Unmarshal(value, &r.ClientCount)
		case "packet":
			r.packet = value
		}
		return nil
	})
	return r, err
}

// appendAck appends what one socket has answered. A client that answered with
// nothing is told as undefined, which MessagePack of the reference has a form
// for.
func appendAck(dst []byte, id string, a rooms.Answer) ([]byte, error) {
	dst = append(msgpack.AppendString(msgpack.AppendMapHead(dst, 3), "type"), byte(responseBroadcastAck))
	dst = msgpack.AppendString(msgpack.AppendString(dst, "requestId"), id)
	dst = msgpack.AppendString(dst, "packet")
	if a.JSON == nil {
		return append(dst, undefined...), nil
	}
	return msgpack.FromJSON(dst, a.JSON, a.Binary)
}

// undefined is JavaScript's, as notepack.io writes it.
const undefined = "\xd4\x00\x00"

// readAnswer is an acknowledgement of a socket of another server.
func readAnswer(packet []byte) (rooms.Answer, error) {
	if packet == nil || string(packet) == undefined {
		return rooms.Answer{}, nil
	}
	raw, bins, err := msgpack.ToJSON(nil, nil, packet)
	return rooms.Answer{JSON: raw, Binary: bins}, err
}

// items splits the text of arguments into JSON values, each binary value as the
// object that JavaScript makes of a Buffer.
func items(a rooms.RawArgs) ([]json.RawMessage, error) {
	list := make([]json.RawMessage, 0, a.Count)
	for rest := a.Bytes; len(rest) > 0; {
		var arg []byte
		arg, rest = socketio.NextArg(rest)
		raw, err := plainJSON(arg, a.Binary)
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	return list, nil
}

// plainJSON is a JSON value without attachments.
func plainJSON(raw json.RawMessage, bins [][]byte) (json.RawMessage, error) {
	if len(bins) == 0 {
		return raw, nil
	}
	var v any
	if err := socketio.UnmarshalNumber(raw, bins, &v); err != nil {
		return nil, err
	}
	return json.Marshal(buffers(v))
}

// buffers is v with each []byte in it replaced by what JSON.stringify makes of a
// Buffer.
func buffers(v any) any {
	switch v := v.(type) {
	case []byte:
		data := make([]int, len(v))
		for i, b := range v {
			data[i] = int(b)
		}
		return map[string]any{"type": "Buffer", "data": data}
	case []any:
		for i := range v {
			v[i] = buffers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = buffers(v[k])
		}
	}
	return v
}

// event is the event and the arguments of a request between servers.
func event(data []json.RawMessage) (*rooms.Packet, error) {
	var name string
	if len(data) == 0 || json.Unmarshal(data[0], &name) != nil {
		return nil, fmt.Errorf("redis: an event between servers without a name")
	}
	args := rooms.RawArgs{Count: len(data) - 1}
	for i, arg := range data[1:] {
		if i > 0 {
			args.Bytes = append(args.Bytes, ',')
		}
		args.Bytes = append(args.Bytes, arg...)
	}
	return &rooms.Packet{Event: name, Args: []any{args}}, nil
}
