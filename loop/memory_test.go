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
		{"nothing happens", []memoryState{{0, 0, 0}, {0, 0, 0}, {0, mb / 10, 0}}, "---"},
		{"a few come and go", []memoryState{{900, mb, 0}, {900, mb, 0}, {0, mb, 0}, {0, mb, 0}}, "----"},
		{"a crowd comes, stays, goes", []memoryState{{800, 3 * mb, 0}, {5000, 9 * mb, 0}, {5000, 9 * mb, 0}, {5000, 9 * mb, 0}, {0, 9 * mb, 0}, {0, 9 * mb, 0}}, "--x--x"},
		{"a crowd goes slowly", []memoryState{{9000, 0, 0}, {9000, 0, 0}, {8000, 0, 0}, {7000, 0, 0}, {7005, 0, 0}}, "-x--x"},
		{"a burst of messages", []memoryState{{10, 200 * mb, 0}, {10, 400 * mb, 0}, {10, 400*mb + 99, 0}, {10, 400*mb + 99, 0}}, "--x-"},
		{"messages without end", []memoryState{{10, 20 * mb, 0}, {10, 40 * mb, 0}, {10, 60 * mb, 0}}, "---"},
		{"little by little", []memoryState{{0, mb, 0}, {0, 2 * mb, 0}, {0, 15 * mb, 0}, {0, 16 * mb, 0}, {0, 17 * mb, 0}}, "---x-"},
		{"messages that allocate nothing", []memoryState{{10, 0, 2e9}, {10, 0, 4e9}, {10, 0, 4.1e9}, {10, 0, 4.2e9}}, "--x-"},
		{"always a little to do", []memoryState{{10, 0, .4e9}, {10, 0, .6e9}, {10, 0, .8e9}, {10, 0, 1e9}, {10, 0, 1.2e9}}, "---x-"},
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
