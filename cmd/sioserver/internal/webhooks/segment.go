// Segments: files of records, each with its length and checksum.

package webhooks

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// segmentBytes is the size from which a new segment is begun.
const segmentBytes = 4 << 20

// headBytes is the length of a record's head: four bytes of length, four of
// checksum, both little-endian.
const headBytes = 8

// segment is a file of records.
type segment struct {
	path  string
	last  uint64 // number of its last record
	bytes int64
}

// record is an item as it is on disk.
type record struct {
	Number uint64          `json:"n"`
	Kind   string          `json:"k"`
	Boot   string          `json:"b"`
	Event  json.RawMessage `json:"e"`
}

// encode makes the record of an item.
func encode(x *item) []byte {
	text, _ := json.Marshal(record{x.number, x.kind, x.boot, x.text}) // text is JSON
	rec := make([]byte, headBytes, headBytes+len(text))
	binary.LittleEndian.PutUint32(rec, uint32(len(text)))
	binary.LittleEndian.PutUint32(rec[4:], crc32.ChecksumIEEE(text))
	return append(rec, text...)
}

// write appends a record to the last segment, or a new one. mu is held.
func (s *spool) write(number uint64, rec []byte) error {
	n := len(s.mu.segments)
	if s.mu.out == nil || s.mu.segments[n-1].bytes >= segmentBytes {
		if s.mu.out != nil {
			if err := s.mu.out.Sync(); err != nil {
				return err
			}
			_ = s.mu.out.Close()
			s.mu.out = nil
		}
		path := filepath.Join(s.dir, fmt.Sprintf("%020d.seg", number))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		s.mu.out = f
		s.mu.segments = append(s.mu.segments, segment{path: path})
		n++
	}
	if _, err := s.mu.out.Write(rec); err != nil {
		return err
	}
	g := &s.mu.segments[n-1]
	g.last = number
	g.bytes += int64(len(rec))
	s.mu.bytes += int64(len(rec))
	s.mu.dirty = true
	return nil
}

// readSegment reads what is whole in a segment. A record that was being written
// when its process ended is the last one, and is left out.
func readSegment(path string) (list []item, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for len(text) >= headBytes {
		n := int(binary.LittleEndian.Uint32(text))
		sum := binary.LittleEndian.Uint32(text[4:])
		if len(text) < headBytes+n || crc32.ChecksumIEEE(text[headBytes:headBytes+n]) != sum {
			break
		}
		var r record
		if err := json.Unmarshal(text[headBytes:headBytes+n], &r); err != nil {
			return list, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, item{r.Number, r.Kind, r.Boot, r.Event})
		text = text[headBytes+n:]
	}
	return list, nil
}
