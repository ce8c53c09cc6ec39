// Counters against HDR histograms that recorded the same values.

package hist_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/hist"
)

func TestAgainstHDR(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	direct, merged := hist.NewHDR(), hist.NewHDR()
	for range 5 {
		r := hist.New()
		for range 20000 {
			v := int64(1) << rng.IntN(36)
			v += rng.Int64N(v)
			r.Record(v)
			if err := direct.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		if r.Count() != 20000 {
			t.Fatalf("%d recorded", r.Count())
		}
		if err := hist.Merge(merged, string(r.Drain(nil))); err != nil {
			t.Fatal(err)
		}
		if r.Count() != 0 || len(r.Drain(nil)) != 0 {
			t.Fatal("something is left after draining")
		}
	}
	if direct.TotalCount() != merged.TotalCount() {
		t.Fatalf("%d values, want %d", merged.TotalCount(), direct.TotalCount())
	}
	for _, p := range []float64{0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100} {
		a, b := direct.ValueAtQuantile(p), merged.ValueAtQuantile(p)
		if diff := a - b; diff > a/1000+512 || diff < -a/1000-512 {
			t.Errorf("p%g is %d, want %d", p, b, a)
		}
	}
}

func TestEdges(t *testing.T) {
	for _, c := range []struct{ in, want int64 }{
		{-5, 0}, {0, 0}, {511, 0}, {512, 512}, {1 << 20, 1 << 20}, {hist.MaxNs, hist.MaxNs}, {hist.MaxNs + 1, hist.MaxNs}, {1 << 62, hist.MaxNs},
	} {
		r := hist.New()
		r.Record(c.in)
		h := hist.NewHDR()
		if err := hist.Merge(h, string(r.Drain(nil))); err != nil {
			t.Fatal(err)
		}
		if got := h.Max(); got < c.want || got > c.want+c.want/1000+512 {
			t.Errorf("%d is counted as %d, want about %d", c.in, got, c.want)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, bad := range []string{"!", "AA", "gICAgICAgICAgA", "/////////////w", "AQ"} {
		if err := hist.Merge(hist.NewHDR(), bad); !errors.Is(err, hist.ErrEncoding) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func FuzzMerge(f *testing.F) {
	r := hist.New()
	r.Record(1)
	r.Record(1 << 30)
	f.Add(string(r.Drain(nil)))
	f.Add("AA")
	f.Fuzz(func(t *testing.T, s string) {
		h := hist.NewHDR()
		if hist.Merge(h, s) == nil && h.TotalCount() < 0 {
			t.Fatal("a negative count")
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	r := hist.New()
	for i := range b.N {
		r.Record(int64(i) & (1<<24 - 1))
	}
}
