// The soak: clients that come and go for as long as one likes, and nothing grows.

package loop_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// soakTime is how long the soak goes on: "make soak" sets it, otherwise it is a
// moment, in which what is left at the end can be seen and growth cannot.
const soakTime = "LOOP_TEST_SOAK"

// soakSample is the server at one moment, its garbage collected.
type soakSample struct{ heap, rss, descriptors, goroutines int64 }

// soakSlack is what a figure may grow by, and soakShare the part of it that may
// come on top. Clients are there at each look, and their number varies.
var soakSlack = soakSample{heap: 512 << 10, rss: 2 << 20, descriptors: 24, goroutines: 24}

const soakShare = 20 // a twentieth

// grown compares the last third of the samples with the one before it, by their
// medians; in the first third caches fill. The error names what grew.
func grown(samples []soakSample) error {
	third := len(samples) / 3
	if third < 3 {
		return errors.New("too few samples")
	}
	middle, last := samples[len(samples)-2*third:len(samples)-third], samples[len(samples)-third:]
	var faults []error
	for _, f := range []struct {
		name  string
		of    func(soakSample) int64
		slack int64
	}{
		{"heap", func(s soakSample) int64 { return s.heap }, soakSlack.heap},
		{"resident memory", func(s soakSample) int64 { return s.rss }, soakSlack.rss},
		{"descriptors", func(s soakSample) int64 { return s.descriptors }, soakSlack.descriptors},
		{"goroutines", func(s soakSample) int64 { return s.goroutines }, soakSlack.goroutines},
	} {
		was, is := medianOf(middle, f.of), medianOf(last, f.of)
		if is > was+was/soakShare+f.slack {
			faults = append(faults, fmt.Errorf("%s grew from %d to %d", f.name, was, is))
		}
	}
	return errors.Join(faults...)
}

func medianOf(samples []soakSample, of func(soakSample) int64) int64 {
	var v []int64
	for _, s := range samples {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// TestSoakVerdict: what grows is seen, what only varies is not.
func TestSoakVerdict(t *testing.T) {
	base := soakSample{heap: 8 << 20, rss: 30 << 20, descriptors: 60, goroutines: 40}
	for name, test := range map[string]struct {
		next func(i int64) soakSample
		want string
	}{
		"flat": {func(int64) soakSample { return base }, ""},
		"varies": {func(i int64) soakSample {
			s := base
			s.heap += i % 5 * (1 << 20)
			s.descriptors += i % 7 * 10
			return s
		}, ""},
		"fills, then flat": {func(i int64) soakSample { s := base; s.rss += min(i, 10) << 20; return s }, ""},
		"heap":             {func(i int64) soakSample { s := base; s.heap += i << 18; return s }, "heap grew"},
		"memory":           {func(i int64) soakSample { s := base; s.rss += i << 19; return s }, "resident memory grew"},
		"descriptors":      {func(i int64) soakSample { s := base; s.descriptors += 4 * i; return s }, "descriptors grew"},
		"goroutines":       {func(i int64) soakSample { s := base; s.goroutines += 4 * i; return s }, "goroutines grew"},
	} {
		var samples []soakSample
		for i := range int64(40) {
			samples = append(samples, test.next(i))
		}
		err := grown(samples)
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if grown(make([]soakSample, 8)) == nil {
		t.Error("a verdict without samples")
	}
}

// TestSoak: 16 clients at a time, each there for a moment: over all transports,
// with rooms, events, broadcasts, and every way to leave.
func TestSoak(t *testing.T) {
	length, most := time.Second, 12
	if text := os.Getenv(soakTime); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		most = 60
	}
	c := startChild(t, 0)
	before := c.do("state")
	first := c.sample(t, before)
	end := time.Now().Add(length)
	ended := make(chan error, 1)
	var clients [16]int
	go func() {
		ended <- parallel(len(clients), func(w int) (err error) {
			pace := time.NewTicker(40 * time.Millisecond)
			defer pace.Stop()
			for i := 0; err == nil && time.Now().Before(end); i++ {
				err = soakClient(before.Addr, w, i)
				clients[w]++
				<-pace.C
			}
			return err
		})
	}()
	var samples []soakSample
	look := time.NewTicker(length / time.Duration(most))
	defer look.Stop()
	for done := false; !done; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		case <-look.C:
			s := c.sample(t, c.do("state"))
			samples = append(samples, s)
			if length > time.Minute {
				t.Logf("heap %d KiB, resident %d KiB, %d descriptors, %d goroutines", s.heap>>10, s.rss>>10, s.descriptors, s.goroutines)
			}
		}
	}
	total := 0
	for _, n := range clients {
		total += n
	}
	if length > time.Minute {
		if err := grown(samples); err != nil {
			t.Errorf("after %d clients: %v", total, err)
		}
	}
	eventually(t, "nothing is left", func() bool {
		after := c.do("state")
		s := c.sample(t, after)
		// gnet keeps goroutines that moved connections between loops for some time.
		return after.Leftovers == loop.Leftovers{} && after.Goroutines <= before.Goroutines+len(clients) && s.descriptors <= first.descriptors+1
	})
	last := c.sample(t, c.do("state"))
	t.Logf("%d clients in %s; before and after: heap %d and %d KiB, resident %d and %d KiB, descriptors %d and %d, goroutines %d and %d", total, length,
		first.heap>>10, last.heap>>10, first.rss>>10, last.rss>>10, first.descriptors, last.descriptors, first.goroutines, last.goroutines)
}

// soakClient comes, does what clients do, and leaves.
func soakClient(addr string, w, i int) error {
	transport := []string{"websocket", "polling", "upgrade"}[(w+i)%3]
	c, err := dialSession(addr, transport, "")
	if err != nil {
		return fmt.Errorf("%s: %w", transport, err)
	}
	left := false
	defer func() {
		if !left {
			c.drop()
		}
	}()
	if _, err := c.join("/", `{"token":"secret"}`); err != nil {
		return fmt.Errorf("%s: %w", transport, err)
	}
	if err := c.write(fmt.Sprintf(`21["join","room %d"]`, i%50), `22["join","lobby"]`, `2["sync"]`, `2["nobody listens",{"a":[1,2,3]}]`, `2["sync"]`); err != nil {
		return fmt.Errorf("%s: %w", transport, err)
	}
	for synced := 0; synced < 2; {
		p, err := c.next()
		if err != nil {
			return fmt.Errorf("%s: %w", transport, err)
		}
		if p.text == `2["synced"]` {
			synced++
		}
	}
	// A polling client that goes without a word is missed at the next ping only.
	if left = i%3 == 0 || transport == "polling"; left {
		if i%2 == 0 {
			err = c.write("1")
		}
		c.close()
	}
	return err
}

// sample adds what the kernel knows to a child's state.
func (c *child) sample(t *testing.T, s childState) soakSample {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", c.cmd.Process.Pid)
	b, err := os.ReadFile(dir + "statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, rss int64
	if _, err := fmt.Sscan(string(b), &size, &rss); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir + "fd")
	if err != nil {
		t.Fatal(err)
	}
	return soakSample{heap: int64(s.Heap), rss: rss * int64(os.Getpagesize()), descriptors: int64(len(list)), goroutines: int64(s.Goroutines)}
}
