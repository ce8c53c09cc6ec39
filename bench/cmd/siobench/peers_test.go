// Several servers side by side, all of them the echo server in disguise.

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/peers"
)

// targetsDir lays targets out: each is a start script.
func targetsDir(t *testing.T, list string, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("targets.json", list, 0o644)
	for name, text := range scripts {
		put(name+"/run", "#!/bin/sh\n"+text+"\n", 0o755)
	}
	put("tiny.yaml", `
name: tiny
defaults: {n: 10, rate: 200, duration: 200ms, warmup: 50ms, settle: 50ms}
runs:
  - {scenario: idle, hold: 100ms}
  - {scenario: echo}
  - {scenario: broadcast, rate: 50, size: 100}
  - {scenario: rooms, rate: 50, room-size: 5}
`, 0o644)
	return dir
}

func TestPeers(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	serve := `[ "$1" = --build ] && exit; exec '` + exe + `' server --listen "$2"`
	dir := targetsDir(t, `[
		{"name": "events", "kind": "socket.io", "transports": ["websocket"]},
		{"name": "absent", "kind": "socket.io"},
		{"name": "bytes", "kind": "tcp-echo"},
		{"name": "fan", "kind": "tcp-fanout"},
		{"name": "frames", "folder": "bytes", "kind": "websocket"}
	]`, map[string]string{
		"events": serve, "bytes": serve, "fan": serve + " --fan-out",
		"absent": `echo "absent: skipped: no compiler" >&2; exit 77`,
	})
	out := filepath.Join(dir, "out", "peers")
	code, stdout, stderr := call(t, "peers", "--targets", dir, "--suite", filepath.Join(dir, "tiny.yaml"), "--own", "'"+exe+"' server --listen {listen}", "--own-name", "own", "--out", out)
	if code != 0 || !strings.Contains(stderr, "absent is skipped: no compiler") {
		t.Fatalf("exit %d: %s %s", code, stdout, stderr)
	}
	b, err := os.ReadFile(out + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var table peers.Table
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"own": 4, "events": 4, "absent": 0, "bytes": 2, "fan": 1, "frames": 3}
	for _, row := range table.Targets {
		if len(row.Cells) != want[row.Name] {
			t.Errorf("%s has %d runs, want %d", row.Name, len(row.Cells), want[row.Name])
		}
		for _, c := range row.Cells {
			if c.Failed != "" || c.Rounds < 1 || c.Figures["loss"].High != 0 {
				t.Errorf("%s, %s: %+v", row.Name, c.Title, c)
			}
		}
		delete(want, row.Name)
	}
	if len(want) > 0 || !table.Complete {
		t.Errorf("complete %t, missing %v", table.Complete, want)
	}
	// Nothing of this machine's places may be published.
	if host, err := os.Hostname(); strings.Contains(string(b), dir) || strings.Contains(string(b), exe) || err == nil && strings.Contains(string(b), `"`+host) {
		t.Errorf("the table names places: %s", b)
	}
	md, err := os.ReadFile(out + ".md")
	if err != nil || !strings.Contains(string(md), "| own |") || !strings.Contains(string(md), "Skipped: absent (no compiler)") {
		t.Errorf("error %v: %s", err, md)
	}
}

// TestPeersThatFail: the others are measured all the same.
func TestPeersThatFail(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := targetsDir(t, `[{"name": "dies", "kind": "socket.io"}, {"name": "broken", "kind": "socket.io"}]`, map[string]string{
		"dies": `[ "$1" = --build ] && exit; echo "no licence" >&2; exit 1`, "broken": "exit 1",
	})
	out := filepath.Join(dir, "peers")
	args := []string{"peers", "--targets", dir, "--suite", filepath.Join(dir, "tiny.yaml"), "--only", "echo", "--out", out}
	code, _, stderr := call(t, append(args, "--own", "'"+exe+"' server --listen {listen}")...)
	if code != coord.ExitTarget || !strings.Contains(stderr, "not measured: dies") || !strings.Contains(stderr, "broken is not built") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	md, err := os.ReadFile(out + ".md")
	if err != nil || !strings.Contains(string(md), "no licence") || strings.Contains(string(md), dir) {
		t.Errorf("error %v: %s", err, md)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	root := newRoot()
	root.SetArgs(append(args, "--target", "dies"))
	if err := root.ExecuteContext(ctx); exitCode(err) != coord.ExitInterrupt {
		t.Errorf("interrupted: %v", err)
	}
	for _, bad := range [][]string{{"--target", "nobody"}, {"--rounds", "0"}, {"--targets", "nowhere"}, {"--suite", "none.yaml"}} {
		if code, _, stderr := call(t, append(args, bad...)...); code != coord.ExitUsage {
			t.Errorf("%v: exit %d: %s", bad, code, stderr)
		}
	}
}
