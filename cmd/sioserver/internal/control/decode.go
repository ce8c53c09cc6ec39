// Requests in JSON: strict, with errors that name the field.

package control

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

// decode reads one JSON value with no more fields than v has.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			return fail(codeInvalidJSON, "there is more behind the JSON value")
		}
		return nil
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return invalid(kind.Field, "it is a %s, it must be a %s", kind.Value, kind.Type)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalid(strings.Trim(name, `"`), "there is no such field: see /api/v1/docs")
	}
	return fail(codeInvalidJSON, "%s", err)
}

// binaryKey marks bytes in JSON: {"$binary": "<base64>"}.
const binaryKey = "$binary"

// argument is an argument of an event as it is emitted: the text that came, or a
// value if there are bytes in it.
func argument(raw json.RawMessage) (any, error) {
	if !bytes.Contains(raw, []byte(binaryKey)) {
		return raw, nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return withBytes(v)
}

// withBytes is v with its marked texts as bytes.
func withBytes(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			x, err := withBytes(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = x
		}
	case map[string]any:
		if text, ok := v[binaryKey].(string); ok && len(v) == 1 {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, invalid("args", "%s is not base64: %s", binaryKey, err)
			}
			return b, nil
		}
		for k := range v {
			x, err := withBytes(v[k])
			if err != nil {
				return nil, err
			}
			v[k] = x
		}
	}
	return v, nil
}

// crockford is the alphabet of ids: they sort by the time they were made.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newID makes an id: 48 bits of time in milliseconds, 80 random ones.
func newID(prefix string) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // it never fails
	return prefix + crockford.EncodeToString(b[:])
}
