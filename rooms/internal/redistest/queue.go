// QueueLimits: what waits for a Redis that is not there.

package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
)

// Queue is what waits to be published, and what had no place.
type Queue struct {
	Messages, Bytes int
	Dropped         uint64
}

// QueueLimits checks that a queue takes what its limits say, of messages or of
// bytes, and drops and counts one message more. join makes a server of a cluster
// with these limits, 0 for the default.
func QueueLimits(t *testing.T, join func(c redis.UniversalClient, messages, bytes int) (rooms.Factory, func() Queue)) {
	t.Helper()
	nowhere := redis.NewClient(&redis.Options{Network: "unix", Addr: t.TempDir() + "/none", MaxRetries: -1})
	t.Cleanup(func() { _ = nowhere.Close() })
	size := 0 // of a message
	check := func(what string, messages, bytes, fits int) {
		t.Helper()
		factory, queue := join(nowhere, messages, bytes)
		e := Listen(t, factory, "/")
		for range fits {
			e.Say(t, "e")
		}
		if q := queue(); q.Dropped != 0 || q.Messages != fits {
			t.Errorf("%s: %+v with as many as fit", what, q)
		}
		size = queue().Bytes / fits
		e.Say(t, "e")
		// If all of them are on their way out, which fails, it is beside them until then.
		Until(t, func() bool { q := queue(); return q.Dropped == 1 && q.Messages == fits })
	}
	check("messages", 20, 0, 20)
	check("bytes", 0, 30*size, 30)
}
