// Descriptors: their limit, and a system call that gnet has no word for.

package reactor

import "golang.org/x/sys/unix"

// raiseDescriptorLimit raises the soft limit of open files to the hard one and
// returns it.
func raiseDescriptorLimit() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	if lim.Cur < lim.Max {
		raised := unix.Rlimit{Cur: lim.Max, Max: lim.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			lim = raised
		}
	}
	const most = 1 << 30
	return int(min(lim.Cur, most)), nil
}

// reserve is the number of descriptors kept back from a limit for everything
// that is not a client: those of the loops, listeners, logs, other connections
// of the process. Running out of descriptors while accepting would end gnet's
// loops.
func reserve(limit, loops, addrs int) int {
	const spare = 32 // for connections between two loops, and the rest of a small process
	own := loops*(3+addrs) + addrs
	return max(min(max(256, limit/100), limit/4), own+spare)
}

// shutdownWrite ends the sending half of a connection. It fails only on one
// that is gone.
func shutdownWrite(fd int32) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) }
