// JSON as JavaScript writes it.

package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// OrEmpty is an empty list in the place of none, which JSON tells apart.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Values splits the text of arguments into JSON values, each binary value as the
// object that JavaScript makes of a Buffer.
func Values(a rooms.RawArgs) ([]json.RawMessage, error) {
	list := make([]json.RawMessage, 0, a.Count)
	for rest := a.Bytes; len(rest) > 0; {
		var arg []byte
		arg, rest = socketio.NextArg(rest)
		raw, err := PlainJSON(arg, a.Binary)
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	return list, nil
}

// PlainJSON is a JSON value without attachments.
func PlainJSON(raw json.RawMessage, bins [][]byte) (json.RawMessage, error) {
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

// Event is the event and the arguments of a request between servers.
func Event(data []json.RawMessage) (*rooms.Packet, error) {
	var name string
	if len(data) == 0 || json.Unmarshal(data[0], &name) != nil {
		return nil, fmt.Errorf("redis: an Event between servers without a name")
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

// Marshal is v as JSON.stringify writes it: without the escapes for HTML.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
