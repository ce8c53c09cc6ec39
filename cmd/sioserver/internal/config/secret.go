// Secrets: what is shown in their place.

package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// Redacted stands where a secret would.
const Redacted = "[redacted]"

// String is what may be shown: nothing of a secret, and of the address of a
// Redis all but who logs in.
func (s Secret) String() string {
	switch {
	case s == "":
		return ""
	case !strings.HasPrefix(string(s), "redis://") && !strings.HasPrefix(string(s), "rediss://"):
		return Redacted
	}
	u, err := url.Parse(string(s))
	if err != nil {
		return Redacted
	}
	if u.User != nil {
		u.User = url.User("redacted")
	}
	q := u.Query()
	for name := range q {
		if strings.Contains(name, "password") || strings.Contains(name, "username") {
			q.Set(name, "redacted")
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText is String, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for package slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format is String whatever the verb, %x included.
func (s Secret) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
