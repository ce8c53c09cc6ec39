// TestMain: no goroutine is left when the tests have ended.

package rooms_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
