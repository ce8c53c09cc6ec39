// Entries of a stream: messages between servers as Redis keeps them.

package redisstreams

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// The fields of an entry. The last one is not the reference's, which passes over
// it: it tells this server which of its messages an entry is.
const (
	fieldUID  = "uid"
	fieldNSP  = "nsp"
	fieldType = "type"
	fieldData = "data"
	fieldSeq  = "seq"
)

// dataOf is the object of a message as the text of an entry, "" if it has none:
// JSON, or MessagePack in base64 if there are binary values.
// With plain they are as JSON has them.
func dataOf(m *cluster.Message, plain bool) (string, error) {
	switch {
	case !m.Binary:
		return string(m.Data), nil
	case !plain:
		return base64.StdEncoding.EncodeToString(m.Data), nil
	}
	raw, bins, err := msgpack.ToJSON(nil, nil, m.Data)
	if err == nil {
		raw, err = wire.PlainJSON(raw, bins)
	}
	return string(raw), err
}

// fields are those of an entry, as they are added.
func fields(uid, nsp string, t cluster.Type, data string) []any {
	list := []any{fieldUID, uid, fieldNSP, nsp, fieldType, strconv.Itoa(int(t))}
	if data != "" {
		list = append(list, fieldData, data)
	}
	return list
}

var errEntry = errors.New("redisstreams: an entry without the fields uid, nsp and type")

// readEntry reads an entry of a namespace.
func readEntry(fields map[string]any) (*cluster.Message, error) {
	text := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	kind, err := strconv.Atoi(text(fieldType))
	if err != nil || text(fieldUID) == "" {
		return nil, errEntry
	}
	m := &cluster.Message{UID: text(fieldUID), Namespace: text(fieldNSP), Type: cluster.Type(kind)}
	switch data := text(fieldData); {
	case data == "":
	case strings.HasPrefix(data, "{"):
		m.Data = []byte(data)
	default:
		m.Binary = true
		m.Data, err = base64.StdEncoding.DecodeString(data)
	}
	return m, err
}
