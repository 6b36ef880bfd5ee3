//go:build unix

package schema

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks a file until it is closed; locked is false if it is locked already.
func tryLock(f *os.File) (locked bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// removeLocked removes a file that is locked, and unlocks it.
func removeLocked(f *os.File) {
	_ = os.Remove(f.Name()) // before others can lock it
	_ = f.Close()
}
