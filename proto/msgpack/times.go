// Dates: those of JavaScript, the timestamps of MessagePack, and their text.

package msgpack

import (
	"encoding/binary"
	"strconv"
	"time"
)

// maxDateMs is the furthest from 1970 that a JavaScript Date can be.
const maxDateMs = 8_640_000_000_000_000

// dateMs returns t in the milliseconds of a JavaScript Date, what is below them
// left out. ok is false if no Date can hold t.
func dateMs(t time.Time) (ms int64, ok bool) {
	// UnixMilli is undefined beyond some years that this keeps out.
	if s := t.Unix(); s < -maxDateMs/1000 || s > maxDateMs/1000 {
		return 0, false
	}
	ms = t.UnixMilli()
	return ms, ms <= maxDateMs
}

// appendDate appends t as a JavaScript Date.
func appendDate(dst []byte, t time.Time) ([]byte, error) {
	ms, ok := dateMs(t)
	if !ok {
		return dst, ErrDate
	}
	return binary.BigEndian.AppendUint64(append(dst, codeFixExt8, extJS), uint64(ms)), nil
}

// readTime returns the time that the contents of a date or timestamp stand for.
func readTime(k kind, contents []byte) time.Time {
	if k == dateKind {
		return time.UnixMilli(int64(binary.BigEndian.Uint64(contents))).UTC()
	}
	var sec int64
	var nsec uint64
	switch len(contents) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(contents))
	case 8:
		n := binary.BigEndian.Uint64(contents)
		sec, nsec = int64(n&(1<<34-1)), n>>34
	case 12:
		nsec = uint64(binary.BigEndian.Uint32(contents))
		sec = int64(binary.BigEndian.Uint64(contents[4:]))
	}
	return time.Unix(sec, int64(nsec)).UTC()
}

// appendISO appends t as JavaScript writes a Date in JSON, to the millisecond.
// ok is false if no Date can hold t.
func appendISO(dst []byte, t time.Time) (grown []byte, ok bool) {
	if _, ok := dateMs(t); !ok {
		return dst, false
	}
	// Years that do not fit four digits have six and a sign.
	if year := t.Year(); year < 0 || year > 9999 {
		sign := byte('+')
		if year < 0 {
			sign, year = '-', -year
		}
		digits := strconv.Itoa(1_000_000 + year)
		dst = append(append(dst, sign), digits[1:]...)
		return t.AppendFormat(dst, "-01-02T15:04:05.000Z"), true
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z"), true
}
