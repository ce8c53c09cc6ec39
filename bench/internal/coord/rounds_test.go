// Rounds against servers that keep something, and that do not.

package coord_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
)

func TestRounds(t *testing.T) {
	t.Parallel()
	spec := coord.Spec{
		Scenario: "connect", N: 60, ConnectRate: 2000, Hold: coord.Duration(20 * time.Millisecond), Settle: coord.Duration(time.Millisecond),
		ServerCmd: serveCommand(t),
	}
	rounds, err := coord.RunRounds(context.Background(), spec, options(t), 3, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	rounds.Text(&text)
	if len(rounds.Rounds) != 3 || rounds.RSSBytes == 0 || strings.Count(text.String(), "60 sessions") != 3 {
		t.Errorf("rounds: %s", text.String())
	}
	for i, r := range rounds.Rounds {
		if r.Descriptors != rounds.Rounds[0].Descriptors || r.CPUUsPerOpen <= 0 || r.CPUUsPerEnd <= 0 || r.RSSBytes == 0 {
			t.Errorf("round %d: %+v", i, r)
		}
	}
}

func TestRoundsVerdict(t *testing.T) {
	for _, c := range []struct {
		name             string
		rss, descriptors int64
		word             string
	}{
		{"as before", 1000, 10, ""},
		{"a little more", 1200, 10, ""},
		{"less", 900, 9, ""},
		{"more memory", 1210, 10, "21.0 % more memory"},
		{"more descriptors", 1000, 11, "1 descriptors more"},
	} {
		r := coord.Rounds{RSSBytes: 1000, Descriptors: 10, Rounds: []coord.Round{{RSSBytes: 5000, Descriptors: 10}, {RSSBytes: 5000, Descriptors: 50}, {RSSBytes: c.rss, Descriptors: c.descriptors}}}
		err := r.Judge(20)
		if (err != nil) != (c.word != "") || err != nil && !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want %q", c.name, err, c.word)
		}
	}
}
