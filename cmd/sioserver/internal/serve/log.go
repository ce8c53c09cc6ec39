// The log: text for people, JSON for programs.

package serve

import (
	"io"
	"log/slog"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// newLog makes the log. Its level can be changed while it is in use.
func newLog(c config.Log, w io.Writer, terminal bool) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(levelOf(c.Level))
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && terminal {
		return slog.New(slog.NewTextHandler(w, o)), level
	}
	return slog.New(slog.NewJSONHandler(w, o)), level
}

// levelOf is the level with a name that the schema allows.
func levelOf(name string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(name))
	return l
}
