// The types of single values: what they hold.

package config

import "time"

// Duration is a time as in 150ms, 25s, 2m, 12h.
type Duration time.Duration

// Size is a number of bytes, as in 64KiB or 1MB.
type Size int64

// Rate is a number of events each second, as in 500/s or 30/m.
type Rate float64

// Percent is a share, as in 85%; it holds 0.85.
type Percent float64

// Secret is a text that is never shown: whatever prints, logs or encodes one
// shows that there is one, and of an address all but the password. Who needs the
// text itself converts it.
type Secret string

// Secrets are one or several of them: the first is used for what is made, all
// for what is checked.
type Secrets []Secret
