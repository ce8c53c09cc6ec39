// The command as it is built: development mode with its page.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/cli"
)

func TestDevServesThePage(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	app := &cli.App{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, Client: bundle(), Pages: devPages()}
	ended := make(chan int, 1)
	go func() {
		ended <- app.Run(ctx, []string{"--dev", "--listen", "127.0.0.1:0"})
		_ = stdout.Close()
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("nothing was printed: %v; code %d", err, <-ended)
	}
	var started struct{ Listening, Mode, URL, Auth string }
	if err := json.Unmarshal(line, &started); err != nil || started.Mode != "dev" || started.Auth != "open" || started.URL != "http://"+started.Listening+"/" {
		t.Fatalf("%s: %v", line, err)
	}
	for path, want := range map[string]int{"": 200, "socket.io/?EIO=4&transport=polling": 200, "socket.io/?EIO=4&transport=x": 400, "nothing": 404} {
		res, err := http.Get(started.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want || len(body) == 0 {
			t.Errorf("/%s: %d with %d bytes, %v; want %d", path, res.StatusCode, len(body), err, want)
		}
	}
	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("code %d", code)
		}
	case <-time.After(30 * time.Second):
		t.Error("the server did not end")
	}
}
