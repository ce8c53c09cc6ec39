// The programs in the pages against the compiler.

package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSnippetsCompile looks at all programs with one call of go vet, as packages
// below this one that exist for that call only: patterns pass by a directory
// whose name begins with an underscore.
func TestSnippetsCompile(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp(".", "_snippets-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	args := []string{"vet"}
	for _, page := range append(pages, "../README.md", "../bench/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(text), "```go\n")[1:] {
			code, _, ok := strings.Cut(block, "\n```")
			if !ok {
				t.Errorf("%s: a block of code does not end", page)
				continue
			}
			name := fmt.Sprintf("%s-%d", strings.NewReplacer("../", "", "/", "-", ".md", "").Replace(page), i+1)
			dir := filepath.Join(temp, name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(code+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "./"+dir)
		}
	}
	if total := len(args) - 1; total < 2 {
		t.Fatalf("%d programs found, there are more", total)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
