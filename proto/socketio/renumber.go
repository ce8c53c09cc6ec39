// Arguments of a received packet as part of a new one: attachments numbered anew.

package socketio

import "bytes"

// AppendCited appends args, arguments of a decoded packet with the attachments
// cited, to arguments under construction in dst with the attachments bins. What
// args cite is appended to bins, uncopied, and the placeholders are written with
// the numbers it has there; attachments that args do not cite are left out. The
// text stays as it is otherwise. It panics if args are not what Decode has
// passed. Any goroutine.
func AppendCited(dst []byte, bins [][]byte, args []byte, cited [][]byte) ([]byte, [][]byte) {
	if len(cited) == 0 {
		return append(dst, args...), bins
	}
	for {
		next := bytes.IndexAny(args, `"{`)
		if next < 0 {
			return append(dst, args...), bins
		}
		dst = append(dst, args[:next]...)
		args = args[next:]
		end := 1
		if args[0] == '"' {
			end = rawStringEnd(args, 1)
		} else if n, found := findPlaceholder(args, len(cited)); found && n >= 0 {
			dst = appendPlaceholder(dst, len(bins))
			bins = append(bins, cited[n])
			args = args[rawContainerEnd(args, 1):]
			continue
		}
		dst = append(dst, args[:end]...)
		args = args[end:]
	}
}
