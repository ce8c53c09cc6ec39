// The types of single values: their text in a file, and back.

package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errNegative = errors.New("it must not be negative")

// UnmarshalText reads 150ms, 25s, 1h30m, 7d or 0.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "0" {
		*d = 0
		return nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	switch {
	case err != nil && isNumber(s):
		return fmt.Errorf("a time needs a unit: %ss or %sms", s, s)
	case err != nil:
		return errors.New("it is a time, as in 150ms, 25s, 2m or 12h")
	case v < 0:
		return errNegative
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it the short way.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the short way to write it: 2m, not 2m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeUnits are the units of sizes, the ones to write with first.
var sizeUnits = []struct {
	name   string
	factor float64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads 64KiB, 1.5GB, 100B or a number of bytes.
func (z *Size) UnmarshalText(text []byte) error {
	s, factor := strings.TrimSpace(string(text)), 1.0
	for _, u := range sizeUnits {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			s, factor = strings.TrimSpace(s[:len(s)-len(u.name)]), u.factor
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(v):
		return errors.New("it is a size, as in 512B, 64KiB (1,024 bytes each) or 1MB (1,000,000)")
	case v < 0:
		return errNegative
	case v*factor >= math.MaxInt64:
		return errors.New("it is more than can be counted")
	case v*factor != math.Trunc(v*factor):
		return errors.New("it is not a whole number of bytes")
	}
	*z = Size(v * factor)
	return nil
}

// MarshalText writes it in the largest unit that gives a whole number.
func (z Size) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// String is the size in the largest unit that gives a whole number.
func (z Size) String() string {
	for _, u := range sizeUnits {
		if f := int64(u.factor); z != 0 && int64(z)%f == 0 && f > 1 {
			return strconv.FormatInt(int64(z)/f, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(z), 10) + "B"
}

// UnmarshalText reads 500/s, 30/m, 10/h or 0.
func (r *Rate) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "0" {
		*r = 0
		return nil
	}
	number, unit, ok := strings.Cut(s, "/")
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case !ok && isNumber(s):
		return fmt.Errorf("a rate needs its time: %s/s or %s/m", s, s)
	case !ok || err != nil || seconds == 0 || math.IsNaN(v) || math.IsInf(v, 0):
		return errors.New("it is a rate, as in 500/s, 30/m or 10/h")
	case v < 0:
		return errNegative
	}
	*r = Rate(v / seconds)
	return nil
}

// MarshalText writes it for the shortest time that gives a whole number.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is the rate for the shortest time that gives a whole number.
func (r Rate) String() string {
	for _, u := range []struct {
		name    string
		seconds float64
	}{{"/s", 1}, {"/m", 60}, {"/h", 3600}} {
		if v := math.Round(float64(r) * u.seconds * 1e6); math.Mod(v, 1e6) == 0 {
			return strconv.FormatFloat(v/1e6, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatFloat(float64(r), 'g', 6, 64) + "/s"
}

// UnmarshalText reads 85% or 0.
func (p *Percent) UnmarshalText(text []byte) error {
	s := string(text)
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case s == "0":
		v = 0
	case err == nil && !ok:
		return errors.New("a share is written with a percent sign, as in 85%")
	case err != nil || math.IsNaN(v):
		return errors.New("it is a share, as in 85%")
	case v < 0 || v > 100:
		return errors.New("it must be from 0% to 100%")
	}
	*p = Percent(v / 100)
	return nil
}

// MarshalText writes it with its percent sign.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String is the share with its percent sign.
func (p Percent) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*1e6)/1e4, 'f', -1, 64) + "%"
}

// isNumber reports whether a text is a number without a unit.
func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
