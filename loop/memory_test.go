// When memory is given back.

package loop

import "testing"

func TestMemoryWatch(t *testing.T) {
	const mb = 1 << 20
	for _, test := range []struct {
		name  string
		looks []memoryState
		want  string // a letter for each look: x where memory is given back
	}{
		{"nothing happens", []memoryState{{0, 0}, {0, 0}, {0, mb / 10}}, "---"},
		{"a few come and go", []memoryState{{900, mb}, {900, mb}, {0, mb}, {0, mb}}, "----"},
		{"a crowd comes, stays, goes", []memoryState{{800, 3 * mb}, {5000, 9 * mb}, {5000, 9 * mb}, {5000, 9 * mb}, {0, 9 * mb}, {0, 9 * mb}}, "--x--x"},
		{"a crowd goes slowly", []memoryState{{9000, 0}, {9000, 0}, {8000, 0}, {7000, 0}, {7005, 0}}, "-x--x"},
		{"a burst of messages", []memoryState{{10, 200 * mb}, {10, 400 * mb}, {10, 400*mb + 99}, {10, 400*mb + 99}}, "--x-"},
		{"messages without end", []memoryState{{10, 20 * mb}, {10, 40 * mb}, {10, 60 * mb}}, "---"},
		{"little by little", []memoryState{{0, mb}, {0, 2 * mb}, {0, 15 * mb}, {0, 16 * mb}, {0, 17 * mb}}, "---x-"},
	} {
		var w memoryWatch
		got := ""
		for _, look := range test.looks {
			if w.due(look) {
				got += "x"
			} else {
				got += "-"
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
