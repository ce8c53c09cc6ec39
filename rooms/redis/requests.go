// Requests and answers on the wire: JSON objects, but MessagePack maps where they
// carry what clients sent.

package redis

import (
	"encoding/json"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/wire"
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
	return &requestOptions{Rooms: wire.OrEmpty(wire.Unique(t.Rooms)), Except: wire.OrEmpty(wire.Unique(t.Except))}
}

// incomingRequest is a request of another server.
type incomingRequest struct {
	UID       string            `json:"uid"`
	RequestID *string           `json:"requestId"`
	Type      *requestType      `json:"type"`
	Opts      *wire.Options     `json:"opts"`
	Rooms     []wire.Name       `json:"rooms"`
	Data      []json.RawMessage `json:"data"`
	Close     bool              `json:"close"`
	// The forms of old versions, for one socket.
	SID  string    `json:"sid"`
	Room wire.Name `json:"room"`

	packet []byte // of a broadcast
}

// readRequest reads a request in either form.
func readRequest(b []byte) (r incomingRequest, err error) {
	if len(b) > 0 && b[0] == '{' {
		err = json.Unmarshal(b, &r)
		return r, err
	}
	err = wire.EachMember(b, func(key string, value []byte) error {
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

// target is whom a request is for. One without options is for one socket.
func (r *incomingRequest) target() rooms.Target {
	if r.Opts != nil {
		return r.Opts.Target()
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
	return wire.AppendOptions(msgpack.AppendString(dst, "opts"), t, t.Flags.Timeout)
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

// incomingResponse is an answer of another server. Many are for servers that ask
// what this one never does, so the lists are read only when one was awaited.
type incomingResponse struct {
	Type        requestType     `json:"type"`
	RequestID   string          `json:"requestId"`
	Sockets     json.RawMessage `json:"sockets"`
	Rooms       json.RawMessage `json:"rooms"`
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
	err = wire.EachMember(b, func(key string, value []byte) error {
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

// appendAck appends what one socket has answered. For one that answered with
// nothing the packet is left out, as version 8 does; version 7 writes undefined.
func appendAck(dst []byte, id string, a rooms.Answer) ([]byte, error) {
	members := 3
	if a.JSON == nil {
		members = 2
	}
	dst = append(msgpack.AppendString(msgpack.AppendMapHead(dst, members), "type"), byte(responseBroadcastAck))
	dst = msgpack.AppendString(msgpack.AppendString(dst, "requestId"), id)
	if a.JSON == nil {
		return dst, nil
	}
	return msgpack.FromJSON(msgpack.AppendString(dst, "packet"), a.JSON, a.Binary)
}
