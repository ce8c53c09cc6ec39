// A Redis server for tests, and recordings of what libraries publish.

package ingest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startRedis starts a server that ends with the test, and returns its socket and a
// client.
func startRedis(t *testing.T) (socket string, client redis.UniversalClient) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v; install it (Debian: apt-get install redis-server)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	client = redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for client.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			t.Fatal("redis-server does not answer")
		}
	}
	return socket, client
}

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
