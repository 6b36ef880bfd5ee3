package messaged

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout bounds how long the kernel waits for the acknowledgement of sent bytes
// and of keepalive probes.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	// A kernel without the option still has keepalive.
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout/time.Millisecond))
	})
}

// awaitBytes waits until n bytes can be read from rc, the peer has closed, or the read
// deadline passes. Bytes that come before wake nothing.
func awaitBytes(rc syscall.RawConn, n int) {
	set := func(fd uintptr, n int) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, n) // without it, one byte is enough
	}
	waiting := false
	_ = rc.Read(func(fd uintptr) bool { // the deadline is no failure; the next read has any other
		if waiting {
			return true
		}
		waiting = true
		set(fd, n)
		return false
	})
	_ = rc.Control(func(fd uintptr) { set(fd, 1) })
}
