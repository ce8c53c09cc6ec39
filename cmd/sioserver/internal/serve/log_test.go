// The log's form and level, and the name of a node.

package serve

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

//effect:keys log.level log.format
func TestLog(t *testing.T) {
	for _, v := range []struct {
		format   string
		terminal bool
		want     string
	}{
		{"auto", false, `{"time":`}, {"auto", true, "time="}, {"text", false, "time="}, {"json", true, `{"time":`},
	} {
		var out bytes.Buffer
		log, level := newLog(config.Log{Level: "warn", Format: v.format}, &out, v.terminal)
		log.Info("quiet")
		log.Warn("loud", "key", config.Secret("s3cr3t"))
		if got := out.String(); !strings.HasPrefix(got, v.want) || strings.Contains(got, "quiet") || !strings.Contains(got, "loud") || strings.Contains(got, "s3cr3t") {
			t.Errorf("%+v: %s", v, got)
		}
		level.Set(levelOf("debug"))
		log.Debug("whisper")
		if !strings.Contains(out.String(), "whisper") {
			t.Errorf("%+v: the level did not change", v)
		}
	}
}

func TestNodeID(t *testing.T) {
	c := config.Default()
	if one := nodeID(c); one == "" || !strings.Contains(one, "-") {
		t.Error(one)
	}
	c.Cluster.NodeID = "eu-1"
	if got := nodeID(c); got != "eu-1" {
		t.Error(got)
	}
	if a, b := boot(), boot(); a == b || len(a) != 16 {
		t.Errorf("%s, %s", a, b)
	}
}
