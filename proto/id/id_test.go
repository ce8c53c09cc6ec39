// Ids and the table, the table against a map.

package id_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
)

func TestText(t *testing.T) {
	var source id.Source
	for tag := range 256 {
		made := source.New(uint8(tag))
		text := made.String()
		if len(text) != id.Len || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("id %q", text)
		}
		got, ok := id.Parse([]byte(text))
		if !ok || got != made || got.Tag() != uint8(tag) || string(made.Append(nil)) != text {
			t.Fatalf("tag %d: parsed %v %v, tag %d", tag, got, ok, got.Tag())
		}
	}
	for _, bad := range []string{"", "__proto__", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA=", "AAAAAAAAA AAAAAAAAAA", "AAAAAAAAA\nAAAAAAAAAA"} {
		if _, ok := id.Parse(bad); ok {
			t.Errorf("%q parsed", bad)
		}
	}
}

// TestIDsAreRandom looks at a million ids: none twice, every bit set about
// half the time, the byte that hides the tag included.
func TestIDsAreRandom(t *testing.T) {
	const n = 1_000_000
	var source id.Source
	var ones [120]int
	seen := make(map[id.ID]struct{}, n)
	for range n {
		made := source.New(3)
		seen[made] = struct{}{}
		for bit := range ones {
			ones[bit] += int(made[bit/8] >> (bit % 8) & 1)
		}
	}
	if len(seen) != n {
		t.Fatalf("%d ids out of %d are distinct", len(seen), n)
	}
	for bit, k := range ones {
		// Six standard deviations of a fair coin.
		if k < n/2-3000 || k > n/2+3000 {
			t.Errorf("bit %d is set %d times in %d", bit, k, n)
		}
	}
}

func TestTableAgainstMap(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		ids := make([]id.ID, 1000)
		for i := range ids {
			for j := range ids[i] {
				ids[i][j] = byte(rng.Uint32())
			}
			if seed%2 == 0 {
				ids[i][1] &= 7 // long probe sequences
				ids[i][2], ids[i][3], ids[i][4] = 0, 0, 0
			}
		}
		table := id.NewTable(func(i uint32) *id.ID { return &ids[i] })
		live := map[uint32]bool{}
		for range 3000 {
			i := uint32(rng.IntN(len(ids)))
			if live[i] {
				table.Remove(i)
				delete(live, i)
			} else {
				table.Insert(i)
				live[i] = true
			}
			k := uint32(rng.IntN(len(ids)))
			if got, ok := table.Find(&ids[k]); ok != live[k] || ok && got != k {
				t.Fatalf("seed %d: find(%d) = %d, %v, want %v", seed, k, got, ok, live[k])
			}
		}
		for i := range ids {
			if _, ok := table.Find(&ids[i]); ok != live[uint32(i)] {
				t.Fatalf("seed %d: at the end find(%d) = %v", seed, i, ok)
			}
			if live[uint32(i)] {
				table.Remove(uint32(i))
			}
		}
		if table.Len() != 0 {
			t.Fatalf("seed %d: %d entries left", seed, table.Len())
		}
	}
}
