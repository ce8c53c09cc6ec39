// What is said when the server has started: a few lines for people, one of JSON for programs.

package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/version"
)

// started is what there is to say.
type started struct {
	Listening      string            `json:"listening"`
	Name           string            `json:"name"`
	Version        string            `json:"version"`
	Commit         string            `json:"commit"`
	Mode           string            `json:"mode"` // dev or serve
	URL            string            `json:"url"`
	Path           string            `json:"path"`
	Auth           string            `json:"auth"` // open, optional or required
	MaxConnections int               `json:"max_connections"`
	OpenFiles      uint64            `json:"open_files"`
	Config         []string          `json:"config"` // files
	Node           string            `json:"node"`
	Parts          map[string]string `json:"parts,omitempty"`
	Warnings       []string          `json:"warnings,omitempty"`

	lines []node.Line
}

// tell collects it.
func tell(n *node.Node, l *config.Loaded) started {
	v, c := version.Get(), n.Config()
	s := started{
		Listening: strings.Join(n.Server.Addrs(), ", "), Name: "sioserver", Version: v.Version, Commit: v.Commit, Mode: "serve",
		URL: urlOf(c, n.Server.Addrs()), Path: c.Server.Path, Auth: authWord(c), MaxConnections: n.MaxConnections(), OpenFiles: openFiles(),
		Config: append([]string{}, l.Files...), Node: n.ID, Parts: map[string]string{},
	}
	if c.Dev {
		s.Mode = "dev"
	}
	for _, p := range n.Parts() {
		if a, ok := p.(node.Announcer); ok {
			for _, line := range a.Announce() {
				s.Parts[line.Name] = line.Text
				s.lines = append(s.lines, line)
			}
		}
	}
	for _, w := range l.Warnings {
		w.Excerpt = ""
		s.Warnings = append(s.Warnings, w.String())
	}
	return s
}

// urlOf is where a browser on this machine finds the server, "" if it has no
// port.
func urlOf(c *config.Config, addrs []string) string {
	scheme := "http"
	if c.Server.TLS.Enabled {
		scheme = "https"
	}
	for _, a := range addrs {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return scheme + "://" + net.JoinHostPort(host, port) + "/"
	}
	return ""
}

// authWord says in a word who may come in.
func authWord(c *config.Config) string {
	known := c.Auth.JWT.Enabled || c.Auth.UserHeader != "" || c.Hooks.Connect.URL != ""
	switch {
	case c.Auth.Required:
		return "required"
	case known:
		return "optional"
	}
	return "open"
}

// json writes one line for programs.
func (s started) json(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

// text writes it for people.
func (s started) text(w io.Writer, noPage bool) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "sioserver %s (%s)\n\n", s.Version, s.Commit)
	if s.Mode == "dev" {
		line("page", "%s  try it; open it twice to chat", s.URL)
	} else {
		line("url", "%s", s.URL)
	}
	line("listening", "%s, path %s", s.Listening, s.Path)
	for _, l := range s.lines {
		line(l.Name, "%s", l.Text)
	}
	line("auth", "%s", map[string]string{
		"open":     "open: everybody may come in" + map[bool]string{true: ", from this machine alone"}[s.Mode == "dev"],
		"optional": "optional: clients may show who they are", "required": "required",
	}[s.Auth])
	line("limits", "%d open files allow %d connections", s.OpenFiles, s.MaxConnections)
	if len(s.Config) > 0 {
		line("config", "%s", strings.Join(s.Config, ", "))
	} else {
		line("config", "no file: defaults, environment, flags")
	}
	for _, warning := range s.Warnings {
		line("warning", "\x1b[33m%s\x1b[0m", warning)
	}
	if noPage {
		line("warning", "\x1b[33mthe page needs the official client, which this build does not have: start it with \"make run\"\x1b[0m")
	}
	fmt.Fprintln(w, "\nCtrl-C ends it.")
}

// openFiles is the limit of open files, 0 if the system does not tell.
func openFiles() uint64 {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return 0
	}
	return lim.Cur
}
