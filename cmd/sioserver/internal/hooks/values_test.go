package hooks_test

import (
	"encoding/json"
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// TestValues: arguments on their way to a backend and back.
func TestValues(t *testing.T) {
	raw := make(chan []json.RawMessage, 1)
	s := looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		s.On("e", func(s *loop.Socket, e *loop.Event) {
			list := hooks.Raw(e.Args())
			raw <- list
			_ = s.Emit("back", hooks.Values(list)...)
		})
	})
	c := s.Connect("/", nil)
	for _, test := range []struct {
		args []any
		want string
	}{
		{nil, `[]`},
		{[]any{1, "a", nil, true}, `[1,"a",null,true]`},
		{[]any{map[string]any{"n": 12345678901234567}}, `[{"n":12345678901234567}]`},
		{[]any{[]byte("hi")}, `[{"$binary":"aGk="}]`},
		{[]any{map[string]any{"a": []any{[]byte("hi"), 1}}, "x"}, `[{"a":[{"$binary":"aGk="},1]},"x"]`},
		{[]any{map[string]any{"$binary": "no base64!"}}, `[{"$binary":"no base64!"}]`},
	} {
		c.Emit("e", test.args...)
		text, err := json.Marshal(<-raw)
		if err != nil || string(text) != test.want {
			t.Errorf("%v: %s, not %s: %v", test.args, text, test.want, err)
		}
		c.Expect("back", test.args...)
	}
}
