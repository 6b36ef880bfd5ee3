package messaged

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUserTimeout(t *testing.T) {
	l, stop := dialed(t, send(t), nil)
	defer stop()
	raw, err := l.conn.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if ms, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || time.Duration(ms)*time.Millisecond != userTimeout {
			t.Errorf("%d ms, %v", ms, err)
		}
		if on, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on == 0 {
			t.Errorf("keepalive %d, %v", on, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
