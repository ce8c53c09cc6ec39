// queue: what waits, in two classes, told in one order.

package webhooks

import (
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

// item is an event that waits.
type item struct {
	number uint64 // one more for each item of the endpoint
	kind   string
	boot   string // of the process it is from
	text   []byte // the event as JSON
}

// queue holds items. Events of clients and of members are given up before those
// that tell of lives, the oldest first.
type queue struct {
	plain, lives []item
	dropped      uint64 // since the last batch
}

func (q *queue) len() int { return len(q.plain) + len(q.lives) }

// minor reports whether a type is one that is given up first.
func minor(kind string) bool {
	return kind == lifecycle.EventReceived || strings.HasPrefix(kind, "member.")
}

// push appends an item; if there are more than most, it returns the one that is
// given up.
func (q *queue) push(x item, most int) (lost *item) {
	if minor(x.kind) {
		q.plain = append(q.plain, x)
	} else {
		q.lives = append(q.lives, x)
	}
	if q.len() <= most {
		return nil
	}
	from := &q.lives
	if len(q.plain) > 0 {
		from = &q.plain
	}
	x = (*from)[0]
	q.lose(from)
	return &x
}

// lose gives up the oldest of a class, and returns its type.
func (q *queue) lose(from *[]item) (kind string) {
	kind = (*from)[0].kind
	(*from)[0] = item{}
	*from = (*from)[1:]
	return kind
}

// heard are events on their way to the pump, in the same two classes.
type heard struct{ plain, lives []*lifecycle.Event }

func (h *heard) len() int { return len(h.plain) + len(h.lives) }

func (h *heard) push(e *lifecycle.Event) {
	if minor(e.Type) {
		h.plain = append(h.plain, e)
	} else {
		h.lives = append(h.lives, e)
	}
}

// lose gives up the oldest of a class, and returns its type.
func (h *heard) lose(from *[]*lifecycle.Event) (kind string) {
	kind = (*from)[0].Type
	(*from)[0] = nil
	*from = (*from)[1:]
	return kind
}

// take takes all, in their order.
func (h *heard) take() (list []*lifecycle.Event) {
	for len(h.plain) > 0 && len(h.lives) > 0 {
		from := &h.plain
		if h.lives[0].Seq < h.plain[0].Seq {
			from = &h.lives
		}
		list = append(list, (*from)[0])
		*from = (*from)[1:]
	}
	list = append(append(list, h.plain...), h.lives...)
	h.plain, h.lives = nil, nil
	return list
}

// first is the class with the oldest item.
func (q *queue) first() *[]item {
	if len(q.lives) == 0 || len(q.plain) > 0 && q.plain[0].number < q.lives[0].number {
		return &q.plain
	}
	return &q.lives
}

// take takes the oldest items, at most n, of one process.
func (q *queue) take(n int) (list []item) {
	for len(list) < n && q.len() > 0 {
		from := q.first()
		x := (*from)[0]
		if len(list) > 0 && x.boot != list[0].boot {
			break
		}
		(*from)[0] = item{}
		*from = (*from)[1:]
		list = append(list, x)
	}
	return list
}

// oldest is the number of the oldest item, ok is false if there is none.
func (q *queue) oldest() (number uint64, ok bool) {
	if q.len() == 0 {
		return 0, false
	}
	return (*q.first())[0].number, true
}
