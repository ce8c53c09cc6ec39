// Revocations: whom they concern, how long, and how many there may be.

package auth

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestRevoked(t *testing.T) {
	now := time.Unix(1_000_000, 500_000_000)
	x := newRevoked(func() time.Time { return now })
	claims := func(jti string, iat int64) map[string]any {
		return map[string]any{"jti": jti, "iat": json.Number(strconv.FormatInt(iat, 10))}
	}
	revoked := func(user string, c map[string]any) bool {
		err := x.Check(user, c)
		if err != nil && (!errors.Is(err, ErrRevoked) || !errors.Is(err, ErrInvalid)) {
			t.Errorf("%v", err)
		}
		return err != nil
	}
	hour := now.Add(time.Hour)
	x.Add(Revocation{JTI: "a", Until: hour})
	x.Add(Revocation{User: "42", Issued: now, Until: hour})
	x.Add(Revocation{User: "42", Issued: now.Add(-time.Minute), Until: now.Add(time.Minute)}) // shortens nothing
	for _, c := range []struct {
		user   string
		claims map[string]any
		want   bool
	}{
		{"1", claims("a", now.Unix()), true},
		{"1", claims("b", now.Unix()), false},
		{"1", map[string]any{}, false},
		{"42", claims("b", now.Unix()-100), true},
		{"42", claims("b", now.Unix()), true},
		{"42", claims("b", now.Unix()+1), false},
		{"42", map[string]any{}, true},
	} {
		if got := revoked(c.user, c.claims); got != c.want {
			t.Errorf("%s %v: %v", c.user, c.claims, got)
		}
	}
	if n, hits := x.Stats(); n != 2 || hits != 4 {
		t.Errorf("%d revocations, %d hits", n, hits)
	}
	now = hour.Add(-time.Second)
	if !revoked("1", claims("a", 0)) || !revoked("42", claims("", 0)) {
		t.Error("over too early")
	}
	now = hour
	if revoked("1", claims("a", 0)) || revoked("42", claims("", 0)) {
		t.Error("not over")
	}
}

// TestRevokedMost: as many as may be, and those that are over make place.
func TestRevokedMost(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	x := newRevoked(func() time.Time { return now })
	for i := range RevocationsMost {
		until := now.Add(time.Hour)
		if i%2 == 0 {
			until = now.Add(2 * time.Hour)
		}
		r := Revocation{JTI: strconv.Itoa(i), Until: until}
		if i%3 == 0 {
			r = Revocation{User: strconv.Itoa(i), Issued: now, Until: until}
		}
		if !x.Add(r) {
			t.Fatalf("number %d is refused", i+1)
		}
	}
	if x.Add(Revocation{JTI: "more", Until: now.Add(time.Hour)}) {
		t.Error("one more is taken")
	}
	if !x.Add(Revocation{JTI: "1", Until: now.Add(3 * time.Hour)}) {
		t.Error("one that is known is refused")
	}
	now = now.Add(time.Hour)
	if !x.Add(Revocation{User: "more", Issued: now, Until: now.Add(time.Hour)}) {
		t.Error("those that are over keep their place")
	}
	if n, _ := x.Stats(); n != RevocationsMost/2+2 {
		t.Errorf("%d are left", n)
	}
}

// TestConcerns: which sockets are ended.
func TestConcerns(t *testing.T) {
	byID, byUser := Revocation{JTI: "a"}, Revocation{User: "42", Issued: time.Unix(100, 0)}
	for _, c := range []struct {
		r      Revocation
		user   string
		claims map[string]any
		want   bool
	}{
		{byID, "1", map[string]any{"jti": "a"}, true},
		{byID, "1", map[string]any{"jti": "b"}, false},
		{byUser, "42", map[string]any{"iat": float64(100)}, true},
		{byUser, "42", map[string]any{"iat": float64(101)}, false},
		{byUser, "1", map[string]any{"iat": float64(1)}, false},
		{byUser, "42", nil, false},
	} {
		if got := c.r.Concerns(c.user, c.claims); got != c.want {
			t.Errorf("%+v, %s, %v: %v", c.r, c.user, c.claims, got)
		}
	}
}
