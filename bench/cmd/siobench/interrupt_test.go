// The keyboard's interrupt: exit code 130, and a report of what was measured.

package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// interrupt runs the command in a process of its own and interrupts it once it
// has said a word on standard error.
func interrupt(t *testing.T, word string, args ...string) (code int, stdout string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if word != "" && strings.Contains(lines.Text(), word) {
			word = ""
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	if !strings.HasSuffix(said.String(), "interrupted\n") {
		t.Errorf("it said %s", said.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	code, stdout := interrupt(t, "running", "echo", serve(t), "-n", "20", "--rate", "500", "--duration", "1h", "--warmup", "10ms", "--settle", "10ms", "--progress", "plain", "--json", path, "--html", path+".html")
	r, err := report.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if code != coord.ExitInterrupt || r.Complete || r.Summary.Sent == 0 || r.Summary.Loss != 0 || !strings.Contains(stdout, "PARTIAL") {
		t.Errorf("exit %d, %d sent, %d lost: %s", code, r.Summary.Sent, r.Summary.Loss, stdout)
	}
	if page, err := os.ReadFile(path + ".html"); err != nil || !bytes.Contains(page, []byte("PARTIAL")) {
		t.Errorf("the page does not say that it is partial, error %v", err)
	}
}

// TestInterruptOfSuite: the run is kept, the ones behind it are not begun.
func TestInterruptOfSuite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	text := "name: long\ndefaults: {n: 10, rate: 200, duration: 1h, warmup: 10ms, settle: 10ms}\nruns:\n  - {scenario: echo}\n  - {scenario: broadcast}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _ := interrupt(t, "running", "run", file, "--url", serve(t), "--progress", "plain", "--dir", dir)
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if code != coord.ExitInterrupt || len(files) != 1 {
		t.Errorf("exit %d, files %v", code, files)
	}
}
