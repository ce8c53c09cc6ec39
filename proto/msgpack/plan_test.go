// Plans of types: made once, by whichever goroutine asks first.

package msgpack_test

import (
	"sync"
	"testing"

	"github.com/sioserver/sioserver/proto/msgpack"
)

type (
	ring struct {
		Next  *ring   `json:"next,omitempty"`
		Spoke []spoke `json:"spoke,omitempty"`
	}
	spoke struct {
		Hub map[string]*ring `json:"hub,omitempty"`
		N   int              `json:"n"`
	}
)

// TestPlansAreShared: types that lead to each other, asked for at once.
func TestPlansAreShared(t *testing.T) {
	want := mustFromJSON(t, `{"next":{"spoke":[{"hub":{"a":{}},"n":1}]}}`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var r ring
			if err := msgpack.Unmarshal(want, &r); err != nil {
				t.Error(err)
			}
			got, err := msgpack.AppendArgs(nil, []any{r})
			if err != nil || string(got) != string(want) {
				t.Errorf("%x %v", got, err)
			}
			var spokes []spoke
			if err := msgpack.Unmarshal([]byte("\x91\x81\xa1n\x05"), &spokes); err != nil || spokes[0].N != 5 {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
