// Walking arguments.

package socketio_test

import (
	"reflect"
	"testing"

	"github.com/sioserver/sioserver/proto/socketio"
)

var argCases = []struct {
	name, args string
	want       []string
}{
	{"none", ``, nil},
	{"one", `1`, []string{`1`}},
	{"scalars", `1,true,null,-0.5e+7,"x"`, []string{`1`, `true`, `null`, `-0.5e+7`, `"x"`}},
	{"space", "1 ,\t\"a\" \n, [ 1 ]", []string{`1`, `"a"`, `[ 1 ]`}},
	{"brackets in strings", `"],[\"",{"a":"}\\"},"\\\\"`, []string{`"],[\""`, `{"a":"}\\"}`, `"\\\\"`}},
	{"nested", `[[{"a":[1,2]}],[]],{"b":{}},3`, []string{`[[{"a":[1,2]}],[]]`, `{"b":{}}`, `3`}},
	{"empty string", `"",""`, []string{`""`, `""`}},
}

func TestNextArg(t *testing.T) {
	for _, c := range argCases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for arg, rest := socketio.NextArg([]byte(c.args)); arg != nil; arg, rest = socketio.NextArg(rest) {
				got = append(got, string(arg))
				if cap(arg) != len(arg) {
					t.Fatalf("%s: appending to it would overwrite what follows", arg)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}
