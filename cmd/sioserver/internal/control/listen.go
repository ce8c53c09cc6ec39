// The listener: host:port, or a unix socket.

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// listen opens "host:port" or "unix:/path?mode=0660". A socket that a process has
// left behind is replaced; one that somebody serves is an error.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	rest, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		return new(net.ListenConfig).Listen(ctx, "tcp", addr)
	}
	path, query, _ := strings.Cut(rest, "?")
	mode := fs.FileMode(0o600)
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	if text := values.Get("mode"); text != "" {
		m, err := strconv.ParseUint(text, 8, 9)
		if err != nil {
			return nil, fmt.Errorf("mode %q is no octal number such as 0660", text)
		}
		mode = fs.FileMode(m)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return l, errors.Join(os.Chmod(path, mode))
}

// removeStale removes a socket that nobody serves.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil // what is in the way the listener tells
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close()
		return fmt.Errorf("%s is served by another process", path)
	}
	return os.Remove(path)
}
