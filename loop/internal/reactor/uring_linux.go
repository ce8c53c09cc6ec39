// uring: a ring of io_uring, set up and taken down.

package reactor

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/transport"
)

// ringEntries is how many requests fit: a batch.
const ringEntries = transport.OutputBatch

// The parts of the kernel's interface that are used, with its names: see
// io_uring_setup(2), io_uring_enter(2) and io_uring_register(2).
const (
	setupClamp     = 1 << 4     // IORING_SETUP_CLAMP
	featOneMap     = 1 << 0     // IORING_FEAT_SINGLE_MMAP, Linux 5.4
	featNoDrop     = 1 << 1     // IORING_FEAT_NODROP, Linux 5.5
	offsetRings    = 0          // IORING_OFF_SQ_RING
	offsetEntries  = 0x10000000 // IORING_OFF_SQES
	enterGetEvents = 1 << 0     // IORING_ENTER_GETEVENTS
	registerProbe  = 8          // IORING_REGISTER_PROBE
	opSend         = 26         // IORING_OP_SEND, Linux 5.6
	opSupported    = 1 << 0     // IO_URING_OP_SUPPORTED
)

// sqe is a request, struct io_uring_sqe.
type sqe struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	length        uint32
	msgFlags      uint32
	userData      uint64
	_             [3]uint64
}

// cqe is what became of a request, struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, _, _, features, _ uint32
	_                                              [3]uint32
	sq                                             struct{ head, tail, mask, _, _, _, array, _, _, _ uint32 }
	cq                                             struct{ head, tail, mask, _, _, cqes, _, _, _, _ uint32 }
}

// ringProbe is struct io_uring_probe with its entries.
type ringProbe struct {
	last, n uint8
	_       uint16
	_       [3]uint32
	ops     [opSend + 1]struct {
		op, _ uint8
		flags uint16
		_     uint32
	}
}

// uring is the ring of one loop, to which it belongs.
type uring struct {
	fd             int
	rings, entries []byte // memory shared with the kernel
	sqHead, sqTail *uint32
	cqHead, cqTail *uint32
	sqMask, cqMask uint32
	sqes           []sqe
	cqes           []cqe
	tail           uint32 // of what is queued, ahead of sqTail
	enter          func(fd int, submit, wait uint32) (uint32, error)
	broken         error    // why it is not used any more
	held           [][]byte // what the kernel may read still
	counts         *flushCounts
}

// errNoSend says that a kernel has io_uring and cannot send by it.
var errNoSend = errors.New("io_uring does not know how to send: it needs Linux 5.6")

// newRing sets a ring up and tries it out.
func newRing(counts *flushCounts) (r *uring, err error) {
	p := ringParams{flags: setupClamp}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, ringEntries, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	unix.CloseOnExec(int(fd))
	r = &uring{fd: int(fd), enter: enterRing, counts: new(flushCounts)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if p.features&featOneMap == 0 || p.features&featNoDrop == 0 {
		return nil, errNoSend
	}
	var probe ringProbe
	_, _, errno = unix.Syscall6(unix.SYS_IO_URING_REGISTER, fd, registerProbe, uintptr(unsafe.Pointer(&probe)), uintptr(len(probe.ops)), 0, 0)
	if errno != 0 || probe.ops[opSend].flags&opSupported == 0 {
		return nil, errNoSend
	}
	size := max(int(p.sq.array+4*p.sqEntries), int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(cqe{})))
	if r.rings, err = mapRing(r.fd, offsetRings, size); err != nil {
		return nil, err
	}
	if r.entries, err = mapRing(r.fd, offsetEntries, int(p.sqEntries)*int(unsafe.Sizeof(sqe{}))); err != nil {
		return nil, err
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }
	r.sqHead, r.sqTail, r.sqMask = at(p.sq.head), at(p.sq.tail), *at(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = at(p.cq.head), at(p.cq.tail), *at(p.cq.mask)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.entries[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.rings[p.cq.cqes])), p.cqEntries)
	// The queue is of indices of requests; each request keeps its place.
	for i, index := 0, unsafe.Slice(at(p.sq.array), p.sqEntries); i < len(index); i++ {
		index[i] = uint32(i)
	}
	if err = r.try(); err == nil {
		r.counts = counts
	}
	return r, err
}

func mapRing(fd int, offset int64, size int) ([]byte, error) {
	b, err := unix.Mmap(fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return b, os.NewSyscallError("mmap", err)
}

// close takes the ring down. Nothing is on its way in it.
func (r *uring) close() {
	if r.rings != nil {
		_ = unix.Munmap(r.rings)
	}
	if r.entries != nil {
		_ = unix.Munmap(r.entries)
	}
	_ = unix.Close(r.fd)
}

// try sends a byte, and another one where no room is. Sandboxes may let a ring
// be set up and nothing be done with it.
func (r *uring) try() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()
	_ = unix.SetNonblock(pair[0], true)
	c := &transport.Conn{FD: int32(pair[0])}
	big := make([]byte, 1<<20)
	batch := []transport.Output{{Conn: c, Data: big}, {Conn: c, Data: big}}
	for i := range batch {
		r.add(i, &batch[i])
	}
	r.submit(batch)
	if first, second := batch[0].Sent, batch[1].Sent; r.broken != nil || first <= 0 || first == len(big) || second != 0 {
		return fmt.Errorf("io_uring does not send as it should: %d and %d bytes, %w", first, second, r.broken)
	}
	return nil
}

// enterRing is io_uring_enter(2).
func enterRing(fd int, submit, wait uint32) (uint32, error) {
	flags := uintptr(0)
	if wait > 0 {
		flags = enterGetEvents
	}
	n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), uintptr(wait), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return uint32(n), nil
}

// add queues the send of output i of a batch.
func (r *uring) add(i int, o *transport.Output) {
	r.sqes[r.tail&r.sqMask] = sqe{
		opcode: opSend, fd: o.Conn.FD, userData: uint64(i),
		addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(o.Data)))), length: uint32(len(o.Data)),
		msgFlags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL,
	}
	r.tail++
	o.Sent = inFlight
}

// inFlight is the Sent of an output between add and the end of submit.
const inFlight = -1

// submit sends what was added of a batch and returns when all has come back,
// so that its memory may be used again. What cannot be sent at once comes back
// with nothing sent, and for what reason does not matter here: Write meets it
// again.
//
// A send of a socket that must not wait is complete when the call that submits
// it returns. Nothing but the outcome is relied on: should the kernel put one
// off, submit waits.
func (r *uring) submit(batch []transport.Output) {
	atomic.StoreUint32(r.sqTail, r.tail)
	flying := r.hand(batch)
	r.counts.sends.Add(uint64(flying))
	for flying > 0 {
		if n := r.reap(batch); n > 0 {
			flying -= n
			continue
		}
		if _, err := r.enter(r.fd, 0, flying); err != nil && err != unix.EINTR {
			r.giveUp(batch, err)
			return
		}
	}
}

// hand gives the kernel what is queued and returns how much it has taken.
func (r *uring) hand(batch []transport.Output) (taken uint32) {
	queued := r.tail - atomic.LoadUint32(r.sqHead)
	for queued > 0 {
		n, err := r.enter(r.fd, queued, 0)
		r.counts.submits.Add(1)
		taken += n
		queued -= n
		switch {
		case n > 0 || err == unix.EINTR:
			continue
		case err != unix.EAGAIN && err != unix.EBUSY && err != unix.ENOMEM:
			r.broken = err
		}
		// The rest goes another way.
		r.counts.fallbacks.Add(uint64(queued))
		for ; queued > 0; queued-- {
			r.tail--
			batch[r.sqes[r.tail&r.sqMask].userData].Sent = 0
		}
		atomic.StoreUint32(r.sqTail, r.tail)
	}
	return taken
}

// reap notes what has come back and returns how much that is.
func (r *uring) reap(batch []transport.Output) (n uint32) {
	head, tail := *r.cqHead, atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		c := &r.cqes[head&r.cqMask]
		o := &batch[c.userData]
		if o.Sent = max(0, int(c.res)); o.Sent < len(o.Data) {
			r.counts.short.Add(1)
		}
		n++
	}
	atomic.StoreUint32(r.cqHead, head)
	return n
}

// errRing is what becomes of a connection whose output is lost in the ring.
var errRing = errors.New("reactor: io_uring does not tell what it has sent")

// giveUp loses what has not come back, as no kernel should do. Its memory may
// be read at any time to come.
func (r *uring) giveUp(batch []transport.Output, err error) {
	r.broken = err
	for i := range batch {
		if o := &batch[i]; o.Sent == inFlight {
			o.Sent, o.Err = 0, errRing
			r.held = append(r.held, o.Data)
		}
	}
}
