// HTTPCompression: the option of compressed answers to polls.

package loop

import (
	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/coding"
)

// HTTPCompression says which answers to polls are compressed, with gzip or
// deflate, for clients that accept it: browsers do, the official client under
// Node.js does only with the transport Fetch. A payload is compressed if it is
// long enough and some message in it was not sent with Compress(false). The
// zero value is the default.
type HTTPCompression struct {
	// Enabled turns it on. Default: enabled.
	Enabled Switch
	// Threshold is the length of a payload, in bytes, from which it is compressed.
	// Default: 1024.
	Threshold int
	// Level is how hard is tried, from 1 (fastest) to 9 (smallest). Default: 1,
	// which costs two thirds of what level 6 does, for results about a tenth
	// longer.
	Level int
}

// withDefaults fills in what is 0.
func (c HTTPCompression) withDefaults() HTTPCompression {
	d := transport.Defaults()
	setDefault(&c.Threshold, d.CompressFrom)
	setDefault(&c.Level, d.CompressLevel)
	return c
}

// check says what is wrong, defaults being filled in.
func (c HTTPCompression) check(check func(ok bool, format string, args ...any)) {
	check(c.Enabled >= Default && c.Enabled <= Disabled, "HTTPCompression.Enabled is %d, it must be Default, Enabled or Disabled", c.Enabled)
	check(c.Threshold > 0, "HTTPCompression.Threshold is %d, it must be positive", c.Threshold)
	check(c.Level >= coding.MinLevel && c.Level <= coding.MaxLevel, "HTTPCompression.Level is %d, it must be from %d to %d",
		c.Level, coding.MinLevel, coding.MaxLevel)
}

// options sets those of the engines.
func (c HTTPCompression) options(o *transport.Options) {
	o.CompressFrom, o.CompressLevel = c.Threshold, c.Level
	if !c.Enabled.or(true) {
		o.CompressFrom = 0
	}
}
