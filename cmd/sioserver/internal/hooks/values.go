// Arguments of events in JSON: binary values among them are written out.

package hooks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/sioserver/sioserver/loop"
)

// binaryKey is the only member of an object that stands for a binary value, which
// it holds in base64.
const binaryKey = "$binary"

// Raw is the arguments of an event as JSON, each a copy. A binary value becomes
// {"$binary":"BASE64"}.
func Raw(a loop.Args) []json.RawMessage {
	list := make([]json.RawMessage, a.Len())
	for i := range list {
		if a.Attachments() == 0 {
			list[i] = bytes.Clone(a.Raw(i))
			continue
		}
		var v any
		err := a.Decode(i, &v)
		if err == nil {
			list[i], err = json.Marshal(written(v))
		}
		if err != nil {
			list[i] = json.RawMessage("null") // what came over the wire can be decoded
		}
	}
	return list
}

// written replaces binary values within a value.
func written(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]string{binaryKey: base64.StdEncoding.EncodeToString(v)}
	case []any:
		for i, x := range v {
			v[i] = written(x)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = written(x)
		}
	}
	return v
}

// Values are values of JSON as arguments to emit: {"$binary":"BASE64"} becomes a
// binary value.
func Values(list []json.RawMessage) []any {
	args := make([]any, len(list))
	for i, raw := range list {
		args[i] = raw
		if raw == nil {
			args[i] = nil
		}
		if !bytes.Contains(raw, []byte(binaryKey)) {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			args[i] = read(v)
		}
	}
	return args
}

// read replaces what stands for binary values within a value.
func read(v any) any {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			v[i] = read(x)
		}
	case map[string]any:
		if text, ok := v[binaryKey].(string); ok && len(v) == 1 {
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				return b
			}
		}
		for k, x := range v {
			v[k] = read(x)
		}
	}
	return v
}
