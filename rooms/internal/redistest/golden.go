// Recordings of what other libraries publish.

package redistest

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Recorded is a message that a library has published.
type Recorded struct {
	File    string `json:"-"`
	Step    string `json:"step"` // what made it
	By      string `json:"by"`   // who: a asks, b answers
	Channel string `json:"channel"`
	Text    string `json:"text"`
	Hex     string `json:"hex"` // in the place of Text, if it is binary
	Payload []byte `json:"-"`
}

// Recordings are all messages in the files that pattern names.
func Recordings(t testing.TB, pattern string) (list []Recorded) {
	t.Helper()
	files, _ := filepath.Glob(pattern)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		var file struct {
			Messages []Recorded `json:"messages"`
		}
		if err == nil {
			err = json.Unmarshal(raw, &file)
		}
		for _, m := range file.Messages {
			m.File, m.Payload = strings.TrimSuffix(filepath.Base(name), ".json"), []byte(m.Text)
			if m.Hex != "" && err == nil {
				m.Payload, err = hex.DecodeString(m.Hex)
			}
			list = append(list, m)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s: no recordings; make golden makes them", pattern)
	}
	return list
}
