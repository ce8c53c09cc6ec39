// Unix sockets: the file of one, left over or in use, its mode, and when it goes.

package reactor

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxUnixPath is how long the path of a unix socket may be, in bytes (unix(7)).
const maxUnixPath = 107

// socketFile is the file of a unix socket that the reactor has made.
type socketFile struct {
	path string
	id   fs.FileInfo
	once sync.Once
}

// claimUnix listens on a unix socket at a path, or without a file under a name
// if that begins with @. A file that nobody listens on is replaced; one that
// somebody does is taken over if that is allowed: from then on connections come
// here, and what has come before is still the other's.
func claimUnix(path string, mode fs.FileMode, shared bool) (claim, error) {
	addr := "unix:" + path
	fail := func(err error) (claim, error) { return claim{}, fmt.Errorf("reactor: listening on %s: %w", addr, err) }
	switch {
	case path == "":
		return fail(errors.New("the path is missing: unix:/run/name.sock"))
	case len(path) > maxUnixPath:
		return fail(fmt.Errorf("the path has %d bytes, and a unix socket's may have %d: choose a shorter one", len(path), maxUnixPath))
	case path[0] == '@' && mode != 0:
		return fail(errors.New("a name that begins with @ has no file and so no mode: leave the mode out, or use a path"))
	case path[0] == '@':
		ln, err := listenUnix(path, 0)
		if err != nil {
			return fail(err)
		}
		return claim{ln: ln, addr: addr}, nil
	}
	unlock, err := lockDir(path)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	used, err := inUse(path)
	switch {
	case err != nil:
		return fail(err)
	case used && !shared:
		return fail(errors.New("somebody listens there: end that, choose another path, or set ReusePort to take the path over"))
	}
	// A socket takes connections as soon as it has its path, so it gets that last,
	// when its mode is right.
	own := temporary(path)
	if len(own) > maxUnixPath {
		return fail(fmt.Errorf("its directory leaves no room in the %d bytes that the path of a unix socket may have: choose another", maxUnixPath))
	}
	ln, err := listenUnix(own, mode)
	if err != nil {
		return fail(err)
	}
	id, err := os.Lstat(own)
	if err == nil {
		err = os.Rename(own, path)
	}
	if err != nil {
		_ = os.Remove(own)
		_ = ln.Close()
		return fail(err)
	}
	return claim{ln: ln, addr: addr, file: &socketFile{path: path, id: id}}, nil
}

// temporary is a path beside another that nobody else uses.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), "."+strconv.FormatUint(uint64(rand.Uint32()), 36))
}

// listenUnix binds a unix socket, sets the mode of its file, and listens.
func listenUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer func() { _ = f.Close() }()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if mode != 0 {
		err = os.Chmod(path, mode.Perm())
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog()))
	}
	var l net.Listener
	if err == nil {
		l, err = net.FileListener(f)
	}
	if err != nil {
		if !strings.HasPrefix(path, "@") {
			_ = os.Remove(path)
		}
		return nil, err
	}
	ln := l.(*net.UnixListener)
	ln.SetUnlinkOnClose(false)
	return ln, nil
}

// backlog is how many connections may wait to be accepted.
func backlog() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if n, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
		return n
	}
	return unix.SOMAXCONN
}

// inUse reports whether somebody listens at a path. If there is something that
// is no socket, it is not ours to replace.
func inUse(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, errors.New("there is something else, not a socket: remove it, or choose another path")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return false, nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return false, fmt.Errorf("there is a socket that this user may not connect to, so whether it is in use cannot be told (%w): remove it, or choose another path", err)
	}
	return true, nil // connected, or busy, or of another type
}

// lockDir keeps other processes of this kind from changing sockets in the
// directory of a path, until unlock.
func lockDir(path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		_ = dir.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return func() { _ = dir.Close() }, nil
}

// remove removes the file, unless somebody else has taken its path over.
func (f *socketFile) remove() {
	if f != nil {
		f.once.Do(f.unlink) // later the number of the file may be another's
	}
}

func (f *socketFile) unlink() {
	unlock, err := lockDir(f.path)
	if err != nil {
		return // the directory is gone
	}
	defer unlock()
	if now, err := os.Lstat(f.path); err == nil && os.SameFile(now, f.id) {
		_ = os.Remove(f.path)
	}
}
