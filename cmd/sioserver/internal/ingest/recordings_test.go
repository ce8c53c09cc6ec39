// Recordings of what libraries publish.

package ingest

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// recorded is a message that a library has published.
type recorded struct {
	Step, Channel, Text, Hex string
}

func (m *recorded) payload(t *testing.T) string {
	t.Helper()
	b, err := hex.DecodeString(m.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return m.Text + string(b)
}

func recordings(t *testing.T, name string) []recorded {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Messages []recorded }
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Messages) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return file.Messages
}
