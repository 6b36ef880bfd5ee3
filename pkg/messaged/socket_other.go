//go:build !linux && !darwin

package messaged

import "syscall"

// setUserTimeout does nothing: this system has no such option, so that keepalive alone
// finds out that a peer is gone.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }

// awaitBytes does not wait: elsewhere the first byte would be the end of it.
func awaitBytes(syscall.RawConn, int) {}
