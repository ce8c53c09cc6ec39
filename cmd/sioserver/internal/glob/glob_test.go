package glob

import "testing"

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"a", "", false},
		{"*", "", true},
		{"*", "anything:at.all", true},
		{"a*", "a", true},
		{"a*", "ab", true},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "a", false},
		{"aba*aba", "aba", false},
		{"aba*aba", "abaaba", true},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "a1c2b", false},
		{"*b*", "abc", true},
		{"*b*", "ac", false},
		{"**", "x", true},
		{"order.*", "order.create", true},
		{"order.*", "orders", false},
	} {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) = %v", test.pattern, test.name, got)
		}
	}
	if Any(nil, "a") || !Any([]string{"b", "a*"}, "ab") {
		t.Error("Any")
	}
}
