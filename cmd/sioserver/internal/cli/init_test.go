// init and migrate: what they write is a configuration that starts.

package cli

import (
	"os"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, kind := range initKinds {
		code, out, errs := command(t, "", "init", "--for", kind, "--force")
		if code != ExitOK || !strings.Contains(out, "sioserver config check\n") {
			t.Fatalf("%s: code %d\n%s%s", kind, code, out, errs)
		}
		info, err := os.Stat("sioserver.yaml")
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", kind, info.Mode(), err)
		}
		if code, out, errs := command(t, "", "config", "check"); code != ExitOK || !strings.Contains(out, "sioserver.yaml: ok, 0 warnings") {
			t.Errorf("%s: code %d\n%s%s", kind, code, out, errs)
		}
	}
	first, err := os.ReadFile("sioserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "", "init"); code != ExitFailure || !strings.Contains(errs, "is there already") {
		t.Errorf("code %d, %s", code, errs)
	}
	if now, _ := os.ReadFile("sioserver.yaml"); string(now) != string(first) {
		t.Error("an existing file was changed")
	}
	if code, out, _ := command(t, "", "init", "-o", "-"); code != ExitOK || !strings.HasPrefix(out, "# sioserver") {
		t.Errorf("code %d\n%s", code, out)
	}
	if code, _, errs := command(t, "", "init", "--for", "cobol"); code != ExitUsage || !strings.Contains(errs, "nothing, php") {
		t.Errorf("code %d, %s", code, errs)
	}
	_, one, _ := command(t, "", "init", "-o", "-")
	if _, two, _ := command(t, "", "init", "-o", "-"); one == two {
		t.Error("two configurations have the same secrets")
	}
}
