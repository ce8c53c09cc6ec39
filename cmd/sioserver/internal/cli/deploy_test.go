// docs/deploy: what is offered there is right, as far as a test can tell.

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// deploy is where it stands.
const deploy = "../../../../docs/deploy"

// files are those of a pattern, of which there must be some.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(deploy, pattern))
	if err != nil || len(list) == 0 {
		t.Fatalf("%s: %v, %v", pattern, list, err)
	}
	return list
}

func TestDeployedConfigurations(t *testing.T) {
	env := []string{"API_KEY=" + newSecret("api-key"), "JWT_SECRET=" + newSecret("jwt"), "HOOK_SECRET=" + newSecret("webhook")}
	for _, name := range files(t, "compose/*/sioserver.yaml") {
		var out, errs bytes.Buffer
		a := &App{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Env: env}
		if code := a.Run(t.Context(), []string{"config", "check", "-c", name}); code != ExitOK {
			t.Errorf("%s: code %d\n%s", name, code, errs.String())
		}
		// What is missing is told before anything starts.
		a.Env = nil
		errs.Reset()
		if code := a.Run(t.Context(), []string{"config", "check", "-c", name}); code != ExitCheck || !strings.Contains(errs.String(), "API_KEY is not set") {
			t.Errorf("%s without variables: code %d\n%s", name, code, errs.String())
		}
	}
}

func TestDeployedCompose(t *testing.T) {
	for _, name := range files(t, "compose/*/compose.yaml") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var compose struct {
			Services map[string]struct {
				Image   string
				Volumes []string
				Build   *struct{ Context, Dockerfile string }
			}
		}
		if err := json.Unmarshal(b, &compose); err != nil || len(compose.Services) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		for service, s := range compose.Services {
			if s.Image == "" {
				t.Errorf("%s: %s has no image", name, service)
			}
			for _, v := range s.Volumes {
				if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, ".") {
					if _, err := os.Stat(filepath.Join(filepath.Dir(name), from)); err != nil {
						t.Errorf("%s: %s: %v", name, service, err)
					}
				}
			}
			if s.Build != nil {
				if _, err := os.Stat(filepath.Join(filepath.Dir(name), s.Build.Context, s.Build.Dockerfile)); err != nil {
					t.Errorf("%s: %s: %v", name, service, err)
				}
			}
		}
	}
	for _, name := range append(files(t, "compose/*/*.yml"), files(t, "prometheus/*.yml")...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil || v == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnit looks at the unit of systemd: by systemd itself where it is.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(files(t, "systemd/sioserver.service")[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Type=notify", "WatchdogSec=30", "LimitNOFILE=1048576", "NoNewPrivileges=true", "ProtectSystem=strict", "ExecReload=/bin/kill -HUP $MAINPID"} {
		if !bytes.Contains(text, []byte("\n"+line+"\n")) {
			t.Errorf("the unit has no %s", line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "sioserver.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(text, []byte("/usr/local/bin/sioserver"), []byte(self)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
