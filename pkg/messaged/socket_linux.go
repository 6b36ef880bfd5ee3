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
