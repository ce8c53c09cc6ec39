// webhook: requests as a server signs them.

package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

const testSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

// signed are the header fields of a request.
func signed(t *testing.T, body string) http.Header {
	t.Helper()
	keys, err := signing.Parse("test", config.Secrets{testSecret})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	keys.Sign(h, "msg_1", time.Now(), []byte(body))
	return h
}

func TestWebhookListen(t *testing.T) {
	dir := t.TempDir()
	reply := filepath.Join(dir, "reply.json")
	if err := os.WriteFile(reply, []byte(`{"allow":false}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		args, body string
		sign       bool
		status     int
		answer     string
		printed    string
	}{
		{"", `{"hook":"connect","sid":"abcdef"}`, false, 200, `{"allow":true,"user":"user-abcd"}`, "not verified"},
		{"--secret " + testSecret, `{"hook":"event","args":[1,"x"]}`, true, 200, `{"ack":[1,"x"]}`, "signature ok"},
		{"--secret " + testSecret, `{"hook":"event","args":[1]}`, false, 401, `{"error":"signature"}`, "REFUSED: one of webhook-id"},
		{"--reply " + reply, `{"hook":"connect"}`, false, 200, `{"allow":false}`, `"hook": "connect"`},
		{"", "no json", false, 200, "{}", `"no json"`},
	} {
		ctx, stop := context.WithCancel(t.Context())
		out, stdout := io.Pipe()
		a := &App{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stdout}
		ended := make(chan int, 1)
		go func() {
			ended <- a.Run(ctx, append([]string{"webhook", "listen", "--addr", "127.0.0.1:0"}, strings.Fields(v.args)...))
			_ = stdout.Close()
		}()
		first := make([]byte, 1000)
		n, err := out.Read(first)
		if err != nil {
			t.Fatal(err)
		}
		url := strings.Fields(string(first[:n]))[2]
		rest := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(out)
			rest <- string(b)
		}()
		q, err := http.NewRequest("POST", url, strings.NewReader(v.body))
		if err != nil {
			t.Fatal(err)
		}
		if v.sign {
			q.Header = signed(t, v.body)
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		stop()
		code := <-ended
		if printed := <-rest; err != nil || code != ExitOK || res.StatusCode != v.status || string(b) != v.answer || !strings.Contains(printed, v.printed) {
			t.Errorf("%s %s: code %d, %d %s, %v\n%s", v.args, v.body, code, res.StatusCode, b, err, printed)
		}
	}
}

func TestWebhookVerify(t *testing.T) {
	dir := t.TempDir()
	const body = `{"events":[]}`
	var head bytes.Buffer
	if err := signed(t, body).Write(&head); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	h, b, other := file("H", strings.ReplaceAll(head.String(), "\r", "")), file("B", body), file("O", body+" ")
	for _, v := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--secret", testSecret, "--headers", h, "--body", b}, ExitOK, "the signature is right"},
		{[]string{"--secret", testSecret, "--headers", h, "--body", other}, ExitCheck, "no signature is by this secret"},
		{[]string{"--secret", testSecret, "--headers", h, "--body", b, "--at", "2020-01-01T00:00:00Z"}, ExitCheck, "the request is old, or a clock is wrong"},
		{[]string{"--secret", testSecret, "--headers", h, "--body", b, "--at", "noon"}, ExitUsage, "is no time"},
		{[]string{"--secret", "abc", "--headers", h, "--body", b}, ExitUsage, "whsec_"},
		{[]string{"--secret", testSecret, "--headers", h}, ExitUsage, "are needed"},
		{[]string{"--secret", testSecret, "--headers", dir + "/none", "--body", b}, ExitFailure, "no such file"},
	} {
		code, out, errs := command(t, "", append([]string{"webhook", "verify"}, v.args...)...)
		if code != v.code || !strings.Contains(out+errs, v.want) {
			t.Errorf("%q: code %d\n%s%s", v.args, code, out, errs)
		}
	}
}
