// spool: what waits, on disk, so that it outlives the process.

package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// spool is the directory of one webhook and process:
//
//	DIR/WEBHOOK/BOOT/lock         held as long as the process lives
//	DIR/WEBHOOK/BOOT/N.seg        records, the first of them number N
//	DIR/WEBHOOK/BOOT/cursor       the number below which everything is done
//	DIR/WEBHOOK/dead-letter.ndjson
//
// Records are written as soon as there are some, which lets them outlive the
// process, and synced once a second at most, which lets them outlive the machine.
// The next process takes over the directories whose lock nobody holds.
type spool struct {
	root string // DIR/WEBHOOK
	dir  string
	most atomic.Int64 // bytes, 0 for no limit
	lock *os.File
	low  atomic.Uint64 // below it everything is done

	mu struct {
		sync.Mutex
		last     uint64 // number of the last record
		segments []segment
		out      *os.File // the last segment, nil before the first record
		bytes    int64    // of all segments
		dirty    bool
		synced   time.Time
		cursor   uint64 // as it is on disk
	}
}

// openSpool makes the directory of a process.
func openSpool(dir, webhook, boot string, most int64) (*spool, error) {
	s := &spool{root: filepath.Join(dir, url.PathEscape(webhook))}
	s.most.Store(most)
	s.dir = filepath.Join(s.root, url.PathEscape(boot))
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return nil, err
	}
	// It must not be seen without its lock.
	hidden := filepath.Join(s.root, "."+url.PathEscape(boot))
	if err := os.Mkdir(hidden, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	lock, err := takeLock(hidden)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fmt.Errorf("%s is in use by another process", hidden)
	}
	if err := os.Rename(hidden, s.dir); err != nil {
		_ = lock.Close()
		return nil, err
	}
	s.lock = lock
	return s, nil
}

// takeLock locks a directory of a process, nil if the process lives.
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, err
	}
	return f, nil
}

// append numbers items and writes them. lost is how many of them had no place.
func (s *spool) append(items []item) (lost int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range items {
		s.mu.last++
		items[i].number = s.mu.last
		rec := encode(&items[i])
		if most := s.most.Load(); most > 0 && s.mu.bytes+int64(len(rec)) > most {
			lost++
			continue
		}
		if e := s.write(items[i].number, rec); e != nil {
			err = e // the others are numbered all the same
		}
	}
	return lost, err
}

// settle brings what was written to the disk, and takes away what is done, if it
// is time. It returns when it is time again.
func (s *spool) settle() (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	low := s.low.Load()
	if !s.mu.dirty && low == s.mu.cursor {
		return time.Hour
	}
	if wait := syncEvery - time.Since(s.mu.synced); wait > 0 {
		return wait
	}
	s.mu.synced = time.Now()
	if s.mu.dirty && s.mu.out != nil && s.mu.out.Sync() == nil {
		s.mu.dirty = false
	}
	s.clean(low)
	return syncEvery
}

// clean takes segments away that are done, and writes the cursor. mu is held.
func (s *spool) clean(low uint64) {
	for len(s.mu.segments) > 0 && s.mu.segments[0].last < low {
		g := s.mu.segments[0]
		if len(s.mu.segments) == 1 {
			_ = s.mu.out.Close()
			s.mu.out, s.mu.dirty = nil, false
		}
		_ = os.Remove(g.path)
		s.mu.bytes -= g.bytes
		s.mu.segments = s.mu.segments[1:]
	}
	tmp := filepath.Join(s.dir, "cursor.tmp")
	if os.WriteFile(tmp, strconv.AppendUint(nil, low, 10), 0o600) == nil && os.Rename(tmp, filepath.Join(s.dir, "cursor")) == nil {
		s.mu.cursor = low
	}
}

// forget notes that everything below a number is done.
func (s *spool) forget(low uint64) { s.low.Store(low) }

// adopt hands what processes that are gone have left to f, and takes it away.
func (s *spool) adopt(f func([]item)) error {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		dir := filepath.Join(s.root, e.Name())
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || dir == s.dir {
			continue
		}
		errs = append(errs, s.adoptOne(dir, f))
	}
	return errors.Join(errs...)
}

func (s *spool) adoptOne(dir string, f func([]item)) error {
	lock, err := takeLock(dir)
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close()
	low := uint64(0)
	if text, err := os.ReadFile(filepath.Join(dir, "cursor")); err == nil {
		low, _ = strconv.ParseUint(string(text), 10, 64)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, path := range paths {
		items, err := readSegment(path)
		if err != nil {
			return err
		}
		f(slices.DeleteFunc(items, func(x item) bool { return x.number < low }))
	}
	// It is ours now, and must be on the disk before it is gone there.
	s.mu.Lock()
	if s.mu.out != nil {
		err = s.mu.out.Sync()
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// close ends the spool. A directory in which nothing is left goes.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.out != nil {
		_ = s.mu.out.Sync()
	}
	s.clean(s.low.Load())
	if s.mu.out != nil {
		_ = s.mu.out.Close()
	}
	if len(s.mu.segments) == 0 {
		_ = os.RemoveAll(s.dir)
	}
	_ = s.lock.Close()
}

// dead is a line of the dead letters.
type dead struct {
	Time  time.Time       `json:"time"`
	Why   string          `json:"why"`
	Boot  string          `json:"boot"`
	Event json.RawMessage `json:"event"`
}

// bury appends a batch to the dead letters, which may have as many bytes as the
// directory.
func (s *spool) bury(b *batch, why error) (err error) {
	f, err := os.OpenFile(filepath.Join(s.root, "dead-letter.ndjson"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	var text []byte
	for _, x := range b.items {
		line, err := json.Marshal(dead{time.Now().UTC().Truncate(time.Millisecond), why.Error(), x.boot, x.text})
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if info, err := f.Stat(); err != nil {
		return err
	} else if most := s.most.Load(); most > 0 && info.Size()+int64(len(text)) > most {
		return fmt.Errorf("%s has reached queue.max_spool (%d bytes): look at it and move it away", f.Name(), most)
	}
	_, err = f.Write(text)
	return err
}
