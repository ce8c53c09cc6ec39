// Keys: requests signed by the scheme of Standard Webhooks, and verified.

// Package signing signs what goes to backends, hooks and webhooks, by the scheme
// of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of
// id.timestamp.body, in the fields webhook-id, webhook-timestamp and
// webhook-signature.
package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// The header fields.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// prefix is how secrets begin.
const prefix = "whsec_"

// tolerance is how far the time of a request may be from ours.
const tolerance = 5 * time.Minute

// Keys are the secrets that sign and verify: several while one is replaced. They
// may be used by several goroutines.
type Keys struct{ list [][]byte }

// Parse reads secrets of the form whsec_BASE64. where names them in errors.
func Parse(where string, secrets config.Secrets) (Keys, error) {
	var k Keys
	for i, s := range secrets {
		text, ok := strings.CutPrefix(string(s), prefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) == 0 {
			return Keys{}, fmt.Errorf("%s[%d] is not of the form whsec_ and base64: make one with: sioserver secret new --kind webhook", where, i)
		}
		k.list = append(k.list, key)
	}
	return k, nil
}

// NewSecret makes a secret.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // does not fail
	return prefix + base64.StdEncoding.EncodeToString(key)
}

// Sign sets the header fields of a request with a body. Without keys the id and
// the time are set and no signature.
func (k Keys) Sign(h http.Header, id string, at time.Time, body []byte) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	if len(k.list) == 0 {
		return
	}
	all := make([]string, len(k.list))
	for i, key := range k.list {
		all[i] = signature(key, id, at.Unix(), body)
	}
	h.Set(HeaderSignature, strings.Join(all, " "))
}

func signature(key []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify checks the header fields of a request with a body. The error tells what
// is wrong.
func (k Keys) Verify(h http.Header, now time.Time, body []byte) error {
	id, stamp, signed := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if id == "" || stamp == "" || signed == "" {
		return errors.New("one of webhook-id, webhook-timestamp and webhook-signature is missing")
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("webhook-timestamp %q is no number of seconds", stamp)
	}
	if d := now.Sub(time.Unix(at, 0)).Abs(); d > tolerance {
		return fmt.Errorf("webhook-timestamp is %s away from now, %s are allowed: the request is old, or a clock is wrong", d.Truncate(time.Second), tolerance)
	}
	for _, given := range strings.Fields(signed) {
		for _, key := range k.list {
			if hmac.Equal([]byte(given), []byte(signature(key, id, at, body))) {
				return nil
			}
		}
	}
	return errors.New("no signature is by this secret: another secret, or the body was changed on its way")
}
