//go:build !linux

package messaged

import "syscall"

// setUserTimeout does nothing: TCP_USER_TIMEOUT is Linux's, and keepalive
// alone finds a dead peer elsewhere.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
