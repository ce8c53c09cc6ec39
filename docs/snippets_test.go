// The programs in the pages against the compiler.

package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSnippetsCompile(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, page := range append(pages, "../README.md", "../bench/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```go\n")[1:] {
			code, _, ok := strings.Cut(block, "\n```")
			if !ok {
				t.Errorf("%s: a block of code does not end", page)
				continue
			}
			total++
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(code+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", page, err, out, code)
			}
		}
	}
	if total < 2 {
		t.Errorf("%d programs found, there are more", total)
	}
}
