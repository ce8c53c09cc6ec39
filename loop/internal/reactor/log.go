// Log messages: gnet's as structured ones, and not too many of a kind.

package reactor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// gnetLogger hands gnet's messages on. Its news about itself is of interest to
// those who look for a fault only; its complaints can be caused by clients in
// any number and are limited.
type gnetLogger struct {
	log  *slog.Logger
	pace pace
}

// Debugf implements gnet's Logger, as do the methods below.
func (g *gnetLogger) Debugf(format string, args ...any) { g.pass(slog.LevelDebug, format, args) }
func (g *gnetLogger) Infof(format string, args ...any)  { g.pass(slog.LevelDebug, format, args) }
func (g *gnetLogger) Warnf(format string, args ...any)  { g.pass(slog.LevelWarn, format, args) }
func (g *gnetLogger) Errorf(format string, args ...any) { g.pass(slog.LevelError, format, args) }
func (g *gnetLogger) Fatalf(format string, args ...any) { g.pass(slog.LevelError, format, args) }

func (g *gnetLogger) pass(level slog.Level, format string, args []any) {
	if level > slog.LevelDebug && !g.pace.allows(time.Now()) {
		level = slog.LevelDebug
	}
	g.log.Log(context.Background(), level, text(format, args))
}

func text(format string, args []any) string {
	return "gnet: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}

// pace allows one message a second.
type pace struct{ next atomic.Int64 }

// allows reports whether a message may be written now. Any goroutine.
func (p *pace) allows(now time.Time) bool {
	next := p.next.Load()
	return now.UnixNano() >= next && p.next.CompareAndSwap(next, now.Add(time.Second).UnixNano())
}
