// client against a server of ours, over each transport.

package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// echoServer is a server with an echo, an event on connect, and a closed
// namespace.
func echoServer(t *testing.T) (url string) {
	t.Helper()
	s, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}, Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.On("echo", func(k *loop.Socket, e *loop.Event) {
		_ = k.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	})
	s.OnConnection(func(k *loop.Socket) { _ = k.Emit("hello", map[string]any{"bytes": []byte("\x00\x01")}) })
	chat := s.Of("/chat")
	chat.Use(func(k *loop.Socket) error {
		var auth struct{ Token string }
		if err := k.Handshake().Auth(&auth); err != nil || auth.Token != "x" {
			return &loop.Error{Message: "no token"}
		}
		return nil
	})
	chat.OnConnection(func(k *loop.Socket) { k.Disconnect(false) })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return "http://" + s.Addrs()[0]
}

func TestClient(t *testing.T) {
	url := echoServer(t)
	for _, way := range []string{"websocket", "polling", "both"} {
		code, out, errs := command(t, "", "client", url, "--transport", way, "--emit", `echo {"n":1} two`, "--wait", "30s")
		if code != ExitUsage || !strings.Contains(errs, "neither JSON nor plain words") {
			t.Errorf("%s: code %d\n%s%s", way, code, out, errs)
		}
		code, out, errs = command(t, "", "client", url, "--transport", way, "--emit", `echo {"n":1} "two"`, "--emit", "echo some words", "--ack", "--count", "3", "--json", "--wait", "30s")
		if code != ExitOK {
			t.Errorf("%s: code %d\n%s%s", way, code, out, errs)
		}
		seen := map[string]int{}
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			var e struct {
				Kind, Event, Transport string
				Args                   []json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(line, err)
			}
			args, _ := json.Marshal(e.Args)
			seen[strings.TrimSpace(e.Kind+" "+e.Event+" "+string(args)+" "+e.Transport)]++
		}
		transport := map[string]string{"both": "polling, then websocket"}[way]
		if transport == "" {
			transport = way
		}
		for _, want := range []string{
			"connect  null " + transport, `event hello [{"bytes":{"base64":"AAE="}}]`, `event echo [{"n":1},"two"]`, `event echo ["some words"]`, `ack  [{"n":1},"two"]`, `ack  ["some words"]`,
		} {
			if seen[want] != 1 {
				t.Errorf("%s: no %s in %v", way, want, seen)
			}
		}
		if code, out, errs := command(t, "", "client", url, "--ns", "/chat", "--transport", way, "--wait", "30s"); code != ExitFailure || !strings.Contains(errs, "not let in: no token") {
			t.Errorf("%s: code %d\n%s%s", way, code, out, errs)
		}
		if code, out, errs := command(t, "", "client", url, "--ns", "/chat", "--auth", `{"token":"x"}`, "--transport", way, "--wait", "30s"); code != ExitFailure || !strings.Contains(errs, "disconnected by the server") {
			t.Errorf("%s: code %d\n%s%s", way, code, out, errs)
		}
	}
	for args, want := range map[string]string{
		"--emit none --ack --wait 50ms": "after 50ms, 1 acknowledgement and 0 events did not come",
		"--transport carrier-pigeon":    "websocket, polling, both",
		"--auth {":                      "is no JSON",
		"--ns chat":                     "must begin with a slash",
		"-H nothing":                    "must be Name: value",
		"--emit none --ack --count 9 --wait 50ms": "events did not come",
	} {
		if code, out, errs := command(t, "", append([]string{"client", url}, strings.Fields(args)...)...); code == ExitOK || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d\n%s%s", args, code, out, errs)
		}
	}
	for bad, want := range map[string]string{url + "/other/": "404", "ftp://x": "must begin with", "http://127.0.0.1:1": "refused", "http://": "no host"} {
		for _, way := range []string{"websocket", "polling"} {
			if code, _, errs := command(t, "", "client", bad, "--transport", way); code != ExitFailure || !strings.Contains(errs, want) {
				t.Errorf("%s over %s: code %d, %s", bad, way, code, errs)
			}
		}
	}
}

func TestParseLine(t *testing.T) {
	for line, want := range map[string]string{
		"a":               `a null false`,
		"? a 1 \"b\"":     `a [1,"b"] true`,
		"?a":              `a null true`,
		"say hello you":   `say ["hello you"] false`,
		"a [1,{\"b\":2}]": `a [[1,{"b":2}]] false`,
	} {
		name, args, ack, err := parseLine(line)
		b, _ := json.Marshal(args)
		if got := name + " " + string(b) + map[bool]string{true: " true", false: " false"}[ack]; err != nil || got != want {
			t.Errorf("%s: %s, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "?", "a {", `a "x`} {
		if _, _, _, err := parseLine(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
}
