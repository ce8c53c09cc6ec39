// gnet's log messages as structured ones.

package reactor

import (
	"fmt"
	"log/slog"
	"strings"
)

// gnetLogger hands gnet's messages on. Its news about itself is of interest to
// those who look for a fault only.
type gnetLogger struct{ log *slog.Logger }

func (g gnetLogger) Debugf(format string, args ...any) { g.log.Debug(text(format, args)) }
func (g gnetLogger) Infof(format string, args ...any)  { g.log.Debug(text(format, args)) }
func (g gnetLogger) Warnf(format string, args ...any)  { g.log.Warn(text(format, args)) }
func (g gnetLogger) Errorf(format string, args ...any) { g.log.Error(text(format, args)) }
func (g gnetLogger) Fatalf(format string, args ...any) { g.log.Error(text(format, args)) }

func text(format string, args []any) string {
	return "gnet: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
