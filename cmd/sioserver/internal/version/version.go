// Version: what this build is.

// Package version says what this build of the command is.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Set by the linker for released builds (-ldflags "-X ...version.number=1.2.3").
var number, commit string

// Info is what this build is.
type Info struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // with +changes if the tree had some
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Get is what this build is.
var Get = sync.OnceValue(func() Info {
	i := Info{Version: number, Commit: commit, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if b, ok := debug.ReadBuildInfo(); ok {
		if v := b.Main.Version; i.Version == "" && v != "(devel)" && !strings.HasPrefix(v, "v0.0.0-") {
			i.Version = strings.TrimPrefix(v, "v")
		}
		var revision, changed string
		for _, s := range b.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+changes"
			}
		}
		i.Commit = cmp.Or(i.Commit, revision+changed)
	}
	i.Version, i.Commit = cmp.Or(i.Version, "dev"), cmp.Or(i.Commit, "unknown")
	return i
})

// UserAgent is how the command names itself in requests.
func UserAgent() string { return "sioserver/" + Get().Version }
