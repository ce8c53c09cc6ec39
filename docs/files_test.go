package docs_test

import (
	"os"
	"slices"
	"testing"
)

func readFile(path string) ([]byte, error) { return os.ReadFile(path) }

// TestTopLevel: the top of the tree is fixed.
func TestTopLevel(t *testing.T) {
	allowed := []string{
		"go.mod", "go.sum", "loop", "transport", "proto", "rooms", "bench", "cmd", "docs", "Makefile", "README.md",
		"LICENSE", "CHANGELOG.md", "SECURITY.md", "bin",
	}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name[0] != '.' && !slices.Contains(allowed, name) {
			t.Errorf("%s does not belong at the top of the tree", name)
		}
	}
}
