// The run as a whole: no goroutine outlives it, and how output leaves in it.

package transport

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wantedGather is how output leaves in tests that do not care, by the environment variable SIOSERVER_TEST_FLUSH.
func wantedGather() Gather {
	switch mode := os.Getenv("SIOSERVER_TEST_FLUSH"); mode {
	case "":
		return GatherAdaptive
	case "gather", "io_uring":
		return GatherAlways
	case "send":
		return GatherNever
	default:
		panic(fmt.Sprintf("SIOSERVER_TEST_FLUSH is %q: it can be io_uring, gather, send or empty", mode))
	}
}
