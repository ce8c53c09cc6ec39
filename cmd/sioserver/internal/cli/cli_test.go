// The command line: flags, codes, what is printed.

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// command runs a command line that ends by itself.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &App{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs}
	code = a.Run(t.Context(), args)
	return code, out.String(), errs.String()
}

// loaded is the configuration that a command line of serve stands for.
func loaded(t *testing.T, args ...string) (*config.Loaded, error) {
	t.Helper()
	a := &App{}
	var s source
	c := &cobra.Command{Use: "serve", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		s.read(c)
		return nil
	}}
	s.flags(c)
	s.shortFlags(c)
	c.Flags().BoolVar(&s.dev, "dev", false, "")
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.Execute(); err != nil {
		return nil, err
	}
	r, err := s.request(a)
	if err != nil {
		return nil, err
	}
	return config.Load(r)
}

func TestServeFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		args string
		want string // as config print --diff
		err  string
	}{
		{"--dev", `server.listen: ["127.0.0.1:3000"]`, ""},
		{"--dev --listen [::1]:80", `server.listen: ["[::1]:80"]  # --listen`, ""},
		{"--dev --listen localhost:80 --reuse-port=false", `server.reuse_port: false  # --reuse-port`, ""},
		{"--dev --listen 127.0.0.1:80 --listen 127.0.0.1:81", `["127.0.0.1:80","127.0.0.1:81"]`, ""},
		{"--dev --io-uring on", `server.io_uring: "on"  # --io-uring`, ""},
		{"--dev --io-uring=off", `server.io_uring: "off"`, ""},
		{"--dev --io-uring yes", "", "not one of auto, on, off"},
		{"--dev --listen 0.0.0.0:80", "", "loopback"},
		{"--dev --listen :80", "", "loopback"},
		{"--dev --tls-cert a --tls-key b", `server.tls.enabled: true`, ""},
		{"--dev --tls-cert a", "", "TLS needs both cert and key"},
		{"--dev --tls-key a", "", "TLS needs both cert and key"},
		{"--dev --per-message-deflate 512 --context-takeover", `engine.compression.threshold: "512B"  # --per-message-deflate`, ""},
		{"--dev --per-message-deflate 512 --context-takeover", `engine.compression.context_takeover: true`, ""},
		{"--dev --per-message-deflate -1", "", "must not be negative"},
		{"--dev --context-takeover", "", "needs engine.compression.enabled"},
		{"--dev --loops 3 --log-level debug --log-format text --control-listen 127.0.0.1:9", `server.loops: 3  # --loops`, ""},
		{"--dev --set limits.max_connections=5", `limits.max_connections: 5  # --set limits.max_connections`, ""},
		{"--dev --set limits.max_connections", "", "must be KEY=VALUE"},
		{"--devel", "", "unknown flag: --devel"},
		{"-c none.yaml", "", "none.yaml: no such file"},
		{"", "", "nobody could connect"},
	} {
		l, err := loaded(t, strings.Fields(test.args)...)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.args, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		var b strings.Builder
		if err := config.PrintDiff(&b, l, false); err != nil || !strings.Contains(b.String(), test.want) {
			t.Errorf("%s: %v\n%s\nwant %s", test.args, err, b.String(), test.want)
		}
	}
}

func TestFilesThatAreLookedFor(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"sioserver.yaml", "other.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("auth: {required: false}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []struct {
		s    source
		env  []string
		want string
	}{
		{source{}, nil, "sioserver.yaml"},
		{source{}, []string{"SIOSERVER_CONFIG=other.yaml"}, "other.yaml"},
		{source{files: []string{"-"}}, []string{"SIOSERVER_CONFIG=other.yaml"}, "-"},
	} {
		r, err := v.s.request(&App{Env: v.env})
		if err != nil || strings.Join(r.Files, ",") != v.want {
			t.Errorf("%v, %v; want %s", r.Files, err, v.want)
		}
	}
}

func TestCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, v := range []struct {
		args           string
		stdin          string
		code           int
		stdout, stderr string
	}{
		{"--help", "", ExitOK, "sioserver dev", ""},
		{"version", "", ExitOK, "sioserver ", ""},
		{"version --json", "", ExitOK, `"commit"`, ""},
		{"--devel", "", ExitUsage, "", "unknown flag: --devel"},
		{"vrsion", "", ExitUsage, "", "did you mean version?"},
		{"version x", "", ExitUsage, "", "see sioserver version --help"},
		{"--dev --listen :80", "", ExitUsage, "", "loopback"},
		{"", "", ExitCheck, "", "nobody could connect"},
		{"-c -", "lg: 1\n", ExitCheck, "", "did you mean log?"},
		{"config check -c -", "auth: {required: false}\n", ExitOK, "-: ok, 2 warnings", "warning: stdin:1:18: auth.required"},
		{"config check -c -", "auth: {requird: false}\n", ExitCheck, "-: 1 error", "error: stdin:1:8: auth.requird: unknown key; did you mean required?"},
		{"config check -c - --json", "auth: {requird: false}\n", ExitCheck, `"message": "unknown key; did you mean required?"`, ""},
		{"config check --dev", "", ExitOK, "ok", ""},
		{"config print --defaults", "", ExitOK, "max_connections: 0", ""},
		{"config print --defaults --diff", "", ExitUsage, "", "cannot go together"},
		{"config print --format toml --defaults", "", ExitUsage, "", "toml"},
		{"config print -c - --diff", "auth: {required: false}\n", ExitOK, "auth.required: false  # stdin:1:18", ""},
		{"config docs", "", ExitOK, "# Configuration", ""},
		{"config docs --section limits", "", ExitOK, "`SIOSERVER_LIMITS_MAX_CONNECTIONS`", ""},
		{"config docs --section limit", "", ExitUsage, "", "did you mean limits?"},
		{"config docs --json-schema", "", ExitOK, "json-schema.org", ""},
		{"config docs --json-schema --markdown", "", ExitUsage, "", "cannot go together"},
		{"secret new", "", ExitOK, "sk_", ""},
		{"secret new --kind webhook", "", ExitOK, "whsec_", ""},
		{"secret new --kind x", "", ExitUsage, "", "api-key, jwt, webhook"},
		{"completion bash", "", ExitOK, "complete", ""},
	} {
		code, stdout, stderr := command(t, v.stdin, strings.Fields(v.args)...)
		if code != v.code || !strings.Contains(stdout, v.stdout) || !strings.Contains(stderr, v.stderr) {
			t.Errorf("%s: code %d, want %d\n%.500s\n%s", v.args, code, v.code, stdout, stderr)
		}
	}
}

// TestHelp: every verb says what it does and shows how.
func TestHelp(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" {
			return
		}
		if c.Short == "" || strings.Count(c.Example, "\n") < 1 {
			t.Errorf("%s has no description, or fewer than two examples", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	a := &App{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}
	root := a.root()
	root.SetContext(context.Background())
	look(root)
}
