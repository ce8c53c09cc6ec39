// The three system calls of the hot path, without the scheduler's bookkeeping where they cannot block.

package main

import (
	"syscall"
	"unsafe"
)

func read(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

func write(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_WRITE, fd, b)
}

func transfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}

// wait looks without blocking while the last turn found something, and blocks
// in the scheduler's sight otherwise.
func wait(epoll int, events []syscall.EpollEvent, busy bool) (int, error) {
	var n uintptr
	var err syscall.Errno
	first := uintptr(unsafe.Pointer(&events[0]))
	if busy {
		n, _, err = syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), first, uintptr(len(events)), 0, 0, 0)
	} else {
		n, _, err = syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), first, uintptr(len(events)), ^uintptr(0), 0, 0)
	}
	if err == syscall.EINTR {
		return 0, nil
	}
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}
