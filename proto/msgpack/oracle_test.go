// A second decoder, slow and plain: it builds a tree of everything first. What
// Decode accepts it must accept, and the other way round.

package msgpack_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/socketio"
)

// The values of the tree: nil, undefined, bool, *big.Int, float64, string,
// []byte, time.Time, extension, []any and object.
type (
	undefined struct{}
	extension struct {
		kind int8
		data string
	}
	object []pair
	pair   struct{ key, value any }
)

// plainReader reads one value after the other; ok turns false at the first fault
// and stays so.
type plainReader struct {
	r  *bytes.Reader
	ok bool
}

func plainValue(b []byte) (v any, rest []byte, ok bool) {
	r := plainReader{r: bytes.NewReader(b), ok: true}
	v = r.value()
	return v, b[len(b)-r.r.Len():], r.ok
}

// number reads a big-endian number of size bytes.
func (p *plainReader) number(size int) *big.Int {
	return new(big.Int).SetBytes(p.bytes(big.NewInt(int64(size))))
}

func (p *plainReader) bytes(size *big.Int) []byte {
	if size.Cmp(big.NewInt(int64(p.r.Len()))) > 0 {
		p.ok = false
	}
	if !p.ok {
		return nil
	}
	b := make([]byte, size.Int64())
	p.r.Read(b)
	return b
}

func (p *plainReader) value() any {
	first := p.bytes(big.NewInt(1))
	if !p.ok {
		return nil
	}
	code := int(first[0])
	small := func(mask int) *big.Int { return big.NewInt(int64(code & mask)) }
	switch {
	case code <= 0x7f:
		return small(0x7f)
	case code <= 0x8f:
		return p.object(small(0x0f))
	case code <= 0x9f:
		return p.array(small(0x0f))
	case code <= 0xbf:
		return p.text(small(0x1f))
	case code >= 0xe0:
		return big.NewInt(int64(code) - 256)
	}
	switch code {
	case 0xc0:
		return nil
	case 0xc2, 0xc3:
		return code == 0xc3
	case 0xc4, 0xc5, 0xc6:
		return p.bytes(p.number(1 << (code - 0xc4)))
	case 0xc7, 0xc8, 0xc9:
		return p.extension(p.number(1<<(code-0xc7)), false)
	case 0xca:
		var f float32
		binary.Read(bytes.NewReader(p.bytes(big.NewInt(4))), binary.BigEndian, &f)
		return float64(f)
	case 0xcb:
		var f float64
		binary.Read(bytes.NewReader(p.bytes(big.NewInt(8))), binary.BigEndian, &f)
		return f
	case 0xcc, 0xcd, 0xce, 0xcf:
		return p.number(1 << (code - 0xcc))
	case 0xd0, 0xd1, 0xd2, 0xd3:
		size := 1 << (code - 0xd0)
		n := p.number(size)
		if n.Bit(8*size-1) == 1 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
		}
		return n
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return p.extension(big.NewInt(1<<(code-0xd4)), true)
	case 0xd9, 0xda, 0xdb:
		return p.text(p.number(1 << (code - 0xd9)))
	case 0xdc, 0xdd:
		return p.array(p.number(2 << (code - 0xdc)))
	case 0xde, 0xdf:
		return p.object(p.number(2 << (code - 0xde)))
	}
	p.ok = false
	return nil
}

func (p *plainReader) text(size *big.Int) any {
	b := p.bytes(size)
	p.ok = p.ok && utf8.Valid(b)
	return string(b)
}

func (p *plainReader) array(size *big.Int) any {
	items := []any{}
	for i := big.NewInt(0); p.ok && i.Cmp(size) < 0; i.Add(i, big.NewInt(1)) {
		items = append(items, p.value())
	}
	return items
}

func (p *plainReader) object(size *big.Int) any {
	members := object{}
	for i := big.NewInt(0); p.ok && i.Cmp(size) < 0; i.Add(i, big.NewInt(1)) {
		key := p.value()
		switch key.(type) {
		case string, *big.Int:
		default:
			p.ok = false
		}
		members = append(members, pair{key, p.value()})
	}
	return members
}

func (p *plainReader) extension(size *big.Int, short bool) any {
	kind := p.bytes(big.NewInt(1))
	data := p.bytes(size)
	if !p.ok {
		return nil
	}
	u32 := func(b []byte) int64 { return int64(binary.BigEndian.Uint32(b)) }
	switch int8(kind[0]) {
	case 0:
		if short && len(data) == 1 {
			return undefined{}
		}
		if short && len(data) == 8 {
			return time.UnixMilli(u32(data)<<32 | u32(data[4:])).UTC()
		}
		return data
	case -1:
		switch len(data) {
		case 4:
			return time.Unix(u32(data), 0).UTC()
		case 8:
			return time.Unix(u32(data)&3<<32|u32(data[4:]), u32(data)>>2).UTC()
		case 12:
			return time.Unix(u32(data[4:])<<32|u32(data[8:]), u32(data)).UTC()
		}
	}
	return extension{int8(kind[0]), string(data)}
}

// plainDepth returns how many arrays and maps are open at once inside v, itself
// included.
func plainDepth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			deepest = max(deepest, plainDepth(item))
		}
	case object:
		for _, m := range v {
			deepest = max(deepest, plainDepth(m.value))
		}
	default:
		return 0
	}
	return deepest + 1
}

// plainGo returns what Unmarshal must make of v for an interface.
func plainGo(v any) any {
	switch v := v.(type) {
	case undefined:
		return nil
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v.Uint64()
	case extension:
		return []any{int64(v.kind), []byte(v.data)}
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = plainGo(v[i])
		}
		return items
	case object:
		members := map[string]any{}
		for _, m := range v {
			key, isText := m.key.(string)
			if !isText {
				key = m.key.(*big.Int).String()
			}
			members[key] = plainGo(m.value)
		}
		return members
	}
	return v
}

// plainPacket is what the oracle reads out of a packet.
type plainPacket struct {
	kind      socketio.PacketType
	namespace string
	hasID     bool
	id        uint64
	payload   any
	present   bool
	name      string
	args      []any
}

func plainDecode(msg []byte, lim socketio.Limits) (p plainPacket, ok bool) {
	v, rest, ok := plainValue(msg)
	members, isObject := v.(object)
	if !ok || len(rest) > 0 || !isObject || len(members) > 32 {
		return p, false
	}
	parts := map[string]any{"data": undefined{}, "id": undefined{}}
	seen := map[string]bool{}
	for _, m := range members {
		if plainDepth(m.value) > lim.Depth {
			return p, false
		}
		key, _ := m.key.(string)
		if !slices.Contains([]string{"type", "nsp", "data", "id"}, key) {
			continue
		}
		if seen[key] {
			return p, false
		}
		seen[key] = true
		parts[key] = m.value
	}
	kind, isInt := parts["type"].(*big.Int)
	nsp, isText := parts["nsp"].(string)
	if !isInt || !kind.IsUint64() || kind.Uint64() > 4 || !isText || len(nsp) > lim.Namespace ||
		!strings.HasPrefix(nsp, "/") || strings.Contains(nsp, ",") {
		return p, false
	}
	p.kind, p.namespace, p.payload = socketio.PacketType(kind.Uint64()), nsp, parts["data"]
	p.present = p.payload != undefined{}
	switch id := parts["id"].(type) {
	case undefined:
	case *big.Int:
		if id.Sign() < 0 || id.Cmp(big.NewInt(socketio.MaxID)) > 0 {
			return p, false
		}
		p.id, p.hasID = id.Uint64(), true
	default:
		return p, false
	}
	return p, plainPayload(&p, msg, lim)
}

func plainPayload(p *plainPacket, msg []byte, lim socketio.Limits) bool {
	list, isList := p.payload.([]any)
	_, isObject := p.payload.(object)
	_, isText := p.payload.(string)
	switch p.kind {
	case socketio.Connect:
		return !p.hasID && (!p.present || isObject) && plainPayloadLen(msg) <= lim.AuthBytes
	case socketio.Disconnect:
		return !p.hasID && !p.present
	case socketio.ConnectError:
		return !p.hasID && (isObject || isText)
	case socketio.Ack:
		p.args = list
		return p.hasID && isList && len(list) <= lim.Arguments
	}
	if len(list) == 0 || len(list)-1 > lim.Arguments {
		return false
	}
	p.args = list[1:]
	switch name := list[0].(type) {
	case string:
		p.name = name
		return name != "" && len(name) <= lim.EventName && !slices.Contains([]string{
			"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
		}, name)
	case *big.Int:
		p.name = name.String()
		return name.Sign() >= 0 && name.Cmp(big.NewInt(socketio.MaxID)) <= 0
	}
	return false
}

// plainPayloadLen returns the bytes of the member data, 0 if there is none.
func plainPayloadLen(msg []byte) int {
	r := plainReader{r: bytes.NewReader(msg), ok: true}
	// The head of the map: the members are read one by one behind it.
	n := int64(0)
	switch code := r.bytes(big.NewInt(1))[0]; code {
	case 0xde:
		n = r.number(2).Int64()
	case 0xdf:
		n = r.number(4).Int64()
	default:
		n = int64(code & 0x0f)
	}
	for range n {
		key := r.value()
		before := r.r.Len()
		if v := r.value(); key == "data" && v != any(undefined{}) {
			return before - r.r.Len()
		}
	}
	return 0
}

// sameValue is reflect.DeepEqual for values of interfaces, with NaN equal to
// itself.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			if other, found := b[key]; !found || !sameValue(a[key], other) {
				return false
			}
		}
		return true
	}
	return a == b
}
