// Negotiation: what is answered to which offer, and that it is what this side does.

package deflate_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/deflate"
	"github.com/sioserver/sioserver/transport/ws"
)

var (
	plain    = deflate.Options{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
	takeover = deflate.Options{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15, ServerContextTakeover: true, ClientContextTakeover: true}
	small    = deflate.Options{ServerMaxWindowBits: 10, ClientMaxWindowBits: 11, ServerContextTakeover: true, ClientContextTakeover: true}
)

const (
	noTakeover = "; server_no_context_takeover; client_no_context_takeover"
	pmd        = "permessage-deflate"
)

// offers seeds the table test and the fuzz target. An empty want is declined.
var offers = []struct {
	name, offer            string
	plain, takeover, small string
}{
	{"none", "", "", "", ""},
	{"plain", pmd, pmd + noTakeover, pmd, pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{
		"browsers and ws", pmd + "; client_max_window_bits",
		pmd + noTakeover, pmd, pmd + "; server_max_window_bits=10; client_max_window_bits=11",
	},
	{
		"websockets of Python", pmd + "; server_max_window_bits=12; client_max_window_bits=12",
		pmd + noTakeover + "; server_max_window_bits=12; client_max_window_bits=12",
		pmd + "; server_max_window_bits=12; client_max_window_bits=12",
		pmd + "; server_max_window_bits=10; client_max_window_bits=11",
	},
	{"largest window, named", pmd + "; server_max_window_bits=15", pmd + noTakeover + "; server_max_window_bits=15", pmd + "; server_max_window_bits=15", pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"smallest windows", pmd + ";server_max_window_bits=8;client_max_window_bits=8", pmd + noTakeover + "; server_max_window_bits=8; client_max_window_bits=8", pmd + "; server_max_window_bits=8; client_max_window_bits=8", pmd + "; server_max_window_bits=8; client_max_window_bits=8"},
	{"no takeover by the server", pmd + "; server_no_context_takeover", pmd + noTakeover, pmd + "; server_no_context_takeover", pmd + noTakeover + "; server_max_window_bits=10"},
	{"no takeover by the client", pmd + "; client_no_context_takeover", pmd + noTakeover, pmd + "; client_no_context_takeover", pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"quoted", pmd + `; server_max_window_bits="10"`, pmd + noTakeover + "; server_max_window_bits=10", pmd + "; server_max_window_bits=10", pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"quoted pairs", pmd + `; server_max_window_bits="\1\0"`, pmd + noTakeover + "; server_max_window_bits=10", pmd + "; server_max_window_bits=10", pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"another extension", "x-webkit-deflate-frame", "", "", ""},
	{"its name in capitals", "Permessage-Deflate", "", "", ""},
	{"behind another extension", "foo; bar=1, " + pmd, pmd + noTakeover, pmd, pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"the first of two", pmd + "; server_no_context_takeover, " + pmd, pmd + noTakeover, pmd + "; server_no_context_takeover", pmd + noTakeover + "; server_max_window_bits=10"},
	{"the second, the first being unknown", pmd + "; foo, " + pmd, pmd + noTakeover, pmd, pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"the third", pmd + "; server_max_window_bits=7, " + pmd + "; client_max_window_bits=16, " + pmd, pmd + noTakeover, pmd, pmd + "; client_no_context_takeover; server_max_window_bits=10"},
	{"bits 7", pmd + "; server_max_window_bits=7", "", "", ""},
	{"bits 16", pmd + "; server_max_window_bits=16", "", "", ""},
	{"bits of more than 32 bits", pmd + "; server_max_window_bits=4294967311", "", "", ""},
	{"bits with a leading zero", pmd + "; server_max_window_bits=08", "", "", ""},
	{"bits with a sign", pmd + "; server_max_window_bits=+9", "", "", ""},
	{"bits 0", pmd + "; client_max_window_bits=0", "", "", ""},
	{"bits in words", pmd + "; client_max_window_bits=ten", "", "", ""},
	{"no bits", pmd + "; server_max_window_bits", "", "", ""},
	{"takeover with a value", pmd + "; server_no_context_takeover=1", "", "", ""},
	{"takeover of the client with a value", pmd + `; client_no_context_takeover="true"`, "", "", ""},
	{"an unknown parameter", pmd + "; foo=1", "", "", ""},
	{"twice the same flag", pmd + "; server_no_context_takeover; server_no_context_takeover", "", "", ""},
	{"twice the other flag", pmd + "; client_no_context_takeover; client_no_context_takeover", "", "", ""},
	{"twice the same bits", pmd + "; server_max_window_bits=10; server_max_window_bits=10", "", "", ""},
	{"twice the client's bits", pmd + "; client_max_window_bits; client_max_window_bits=10", "", "", ""},
	{"a parameter in capitals", pmd + "; Server_No_Context_Takeover", "", "", ""},
}

func TestNegotiate(t *testing.T) {
	for _, v := range offers {
		t.Run(v.name, func(t *testing.T) {
			for _, c := range []struct {
				o    deflate.Options
				want string
			}{{plain, v.plain}, {takeover, v.takeover}, {small, v.small}} {
				answer, _, ok := deflate.Negotiate([]byte("> "), []byte(v.offer), &c.o)
				if ok != (c.want != "") || string(answer) != "> "+c.want {
					t.Errorf("%+v: %q, %v, want %q", c.o, answer, ok, c.want)
				}
				checkAnswer(t, v.offer, c.o)
			}
		})
	}
}

// checkAnswer holds an answer against section 7.1: what a client must fail the connection for does not occur, and the
// agreement is what the answer says.
func checkAnswer(t *testing.T, offer string, o deflate.Options) {
	t.Helper()
	answer, a, ok := deflate.Negotiate(nil, []byte(offer), &o)
	if !ok {
		return
	}
	parts := strings.Split(string(answer), "; ")
	if parts[0] != pmd {
		t.Fatalf("answer %q", answer)
	}
	said := deflate.Agreement{ServerBits: 15, ClientBits: 15, ServerTakeover: true, ClientTakeover: true}
	var seen []string
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		if slices.Contains(seen, name) {
			t.Errorf("answer %q", answer)
		}
		seen = append(seen, name)
		bits, err := strconv.Atoi(value)
		if strings.HasSuffix(name, "bits") && (err != nil || bits < 8 || bits > 15) {
			t.Errorf("answer %q", answer)
		}
		switch name {
		case "server_no_context_takeover":
			said.ServerTakeover = false
		case "client_no_context_takeover":
			said.ClientTakeover = false
		case "server_max_window_bits":
			said.ServerBits = uint8(bits)
		case "client_max_window_bits":
			said.ClientBits = uint8(bits)
			if !strings.Contains(offer, name) {
				t.Errorf("offer %q, answer %q", offer, answer)
			}
		default:
			t.Errorf("answer %q", answer)
		}
	}
	// A client that offers a window keeps to it also if the answer does not name it.
	if said.ClientBits == 15 {
		said.ClientBits = a.ClientBits
	}
	if said != a {
		t.Errorf("offer %q, answer %q, agreement %+v", offer, answer, a)
	}
	if a.ServerTakeover && !o.ServerContextTakeover || a.ClientTakeover && !o.ClientContextTakeover ||
		int(a.ServerBits) > o.ServerMaxWindowBits || a.ClientTakeover && int(a.ClientBits) > o.ClientMaxWindowBits {
		t.Errorf("offer %q, agreement %+v, options %+v", offer, a, o)
	}
}

// offerPattern is one offer that may be accepted, if no parameter is there twice.
var offerPattern = regexp.MustCompile(`^[ \t]*permessage-deflate([ \t]*;[ \t]*((server|client)_no_context_takeover|(server|client)_max_window_bits=("?)([89]|1[0-5])("?)|client_max_window_bits))*[ \t]*$`)

func FuzzNegotiate(f *testing.F) {
	for _, v := range offers {
		f.Add(v.offer)
	}
	f.Fuzz(func(t *testing.T, offer string) {
		list := ws.NewOffers([]byte(offer))
		for _, ok := list.Next(); ok; _, ok = list.Next() {
		}
		if list.Malformed() {
			return // refused before anybody negotiates
		}
		for _, o := range []deflate.Options{plain, takeover, small} {
			checkAnswer(t, offer, o)
			_, _, ok := deflate.Negotiate(nil, []byte(offer), &o)
			if !strings.ContainsAny(offer, `,\`) && ok && !offerPattern.MatchString(offer) {
				t.Errorf("%q is accepted", offer)
			}
		}
	})
}

func BenchmarkNegotiate(b *testing.B) {
	for _, offer := range []string{pmd + "; client_max_window_bits", pmd + "; server_max_window_bits=12; client_max_window_bits=12"} {
		b.Run(fmt.Sprint(len(offer)), func(b *testing.B) {
			var dst []byte
			value := []byte(offer)
			b.ReportAllocs()
			for b.Loop() {
				dst, _, _ = deflate.Negotiate(dst[:0], value, &plain)
			}
		})
	}
}
