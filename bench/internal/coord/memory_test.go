// Runs that are too large for the memory there is.

package coord

import (
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name      string
		n         int
		available int64
		word      string // of the refusal before the run
		during    bool   // the run is stopped
	}{
		{"small", 5000, 1 << 30, "", false},
		{"not known", 1_000_000, 0, "", false},
		{"fits", 1_000_000, 12 << 30, "", false},
		{"too large", 1_000_000, 10 << 30, "use fewer", false},
		{"others came", 1_000_000, memoryLeft - 1, "use fewer", true},
	} {
		p, err := MakePlan(Spec{Scenario: "idle", N: c.n, URLs: []string{"http://127.0.0.1:1"}, Transport: "websocket"}, 20000)
		if err != nil {
			t.Fatal(err)
		}
		err = p.memoryFits(c.available)
		if (err != nil) != (c.word != "") || err != nil && !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want %q", c.name, err, c.word)
		}
		if err := (&run{plan: p}).memoryShort(c.available); (err != nil) != c.during {
			t.Errorf("%s: during the run %v", c.name, err)
		}
	}
}
