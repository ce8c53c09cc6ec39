// send(2) without the scheduler's bookkeeping: it never blocks.

package reactor

import (
	"syscall"
	"unsafe"
)

// send writes p to a non-blocking socket and returns how much the kernel took.
// A full socket is not an error. The call is made raw, because telling the
// scheduler about a call that cannot block costs more than the call's entry.
func send(fd int32, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EAGAIN:
			return 0, nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
