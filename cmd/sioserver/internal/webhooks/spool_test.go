package webhooks

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

const killedEvents = 500

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("WEBHOOKS_SPOOL"); dir != "" {
		w := quiet("http://127.0.0.1:1/") // nobody is there
		w.Queue.SpoolDir = dir
		f := start(new(testing.B), "killed", w)
		for i := range killedEvents {
			f.publish(received1(i))
		}
		p := (*f.list.Load())[0]
		for {
			p.mu.Lock()
			stored, news := p.mu.stored, p.mu.news
			p.mu.Unlock()
			if stored == killedEvents {
				break
			}
			<-news
		}
		fmt.Println("written")
		select {}
	}
	os.Exit(m.Run())
}

// TestKilled: what a process that is killed has written another one delivers,
// under the name of the process it happened in.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WEBHOOKS_SPOOL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "written\n" {
		t.Fatal(line, err)
	}
	r := receive(t)
	w := quiet(r.url)
	w.Queue.SpoolDir = dir
	// As long as the process lives its directory is its own.
	other := start(t, "other", w)
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(dir, "main", "other")); return err == nil })
	if err := other.stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(r.batches) != 0 {
		t.Fatal("a living process was robbed")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	f := start(t, "next", w)
	f.publish(received1(1000))
	seen := map[string]bool{}
	for len(seen) < killedEvents+1 {
		b := r.next(t)
		for _, e := range b.Events {
			seen[e.Event] = true
			if want := map[bool]string{true: "next", false: "killed"}[e.Event == "1000"]; b.Node.Boot != want || !strings.HasPrefix(e.ID, "evt_"+want+".") {
				t.Fatalf("%s of %s came as of %s", e.Event, want, b.Node.Boot)
			}
		}
	}
	if err := f.stop(context.Background()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "main", "*")); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
}

// TestSpoolEndsWithoutDelivery: a process that ends in order leaves what it could
// not deliver, and no more.
func TestSpoolEndsWithoutDelivery(t *testing.T) {
	dir := t.TempDir()
	r := receive(t)
	r.answers(func(_ http.ResponseWriter, b received) int {
		if b.Events[0].Event == "0" {
			return 200
		}
		return 503
	})
	w := quiet(r.url)
	w.Queue.SpoolDir, w.Batch.MaxEvents, w.Concurrency = dir, 1, 1
	f := start(t, "first", w)
	for i := range 10 {
		f.publish(received1(i))
	}
	r.next(t)
	waitFor(t, func() bool { return f.Stats()[0].Deliveries["retry"] > 0 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.stop(ctx); err != nil {
		t.Fatal(err)
	}
	// One that was being written when the power went is left out.
	segments, err := filepath.Glob(filepath.Join(dir, "main", "first", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segments[0], text[:len(text)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	again := receive(t) // the other may still be about to refuse the last try
	w.URL = again.url
	next := start(t, "second", w)
	for i, e := range again.until(t, 8) {
		if e.Event != fmt.Sprint(i+1) {
			t.Errorf("%s is number %d", e.Event, i+1)
		}
	}
	if err := next.stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(again.batches) != 0 {
		t.Error("something came twice")
	}
}

// TestPreparedAndDropped: a configuration that another part refuses leaves nothing
// behind that the next one stumbles over.
func TestPreparedAndDropped(t *testing.T) {
	dir := t.TempDir()
	f := start(t, "boot1")
	w := quiet("http://127.0.0.1:1/")
	w.Queue.SpoolDir = dir
	bad := w
	bad.Name, bad.Queue.SpoolDir = "bad", "/dev/null"
	for range 2 {
		if _, err := f.Prepare(&config.Config{Webhooks: []config.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Prepare(&config.Config{Webhooks: []config.Webhook{w, bad}}); err == nil {
			t.Fatal("a directory that is none was accepted")
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "main", "*")); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
	f.reload(t, w)
}

func TestSegments(t *testing.T) {
	s, err := openSpool(t.TempDir(), "a/b", "boot", 3*segmentBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	big := func(n int) []item {
		return []item{{kind: lifecycle.EventReceived, boot: "b", text: []byte(`"` + strings.Repeat("x", n) + `"`)}}
	}
	files := func() int {
		list, _ := filepath.Glob(filepath.Join(s.dir, "*.seg"))
		return len(list)
	}
	lost := 0
	for range 10 {
		n, err := s.append(big(segmentBytes/2 - 100))
		if err != nil {
			t.Fatal(err)
		}
		lost += n
	}
	if lost != 4 || files() != 2 { // each holds three, and six fit
		t.Errorf("%d lost, %d files", lost, files())
	}
	s.mu.Lock()
	s.clean(5)
	s.mu.Unlock()
	if files() != 1 {
		t.Errorf("%d files are left", files())
	}
	if n, err := s.append(big(100)); n != 0 || err != nil {
		t.Error("there is room again:", n, err)
	}
	items, err := readSegment(s.mu.segments[0].path)
	if err != nil || len(items) == 0 || items[0].number != 4 || items[0].boot != "b" {
		t.Errorf("%d items, %v", len(items), err)
	}
}
