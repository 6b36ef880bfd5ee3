//go:build unix

package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks a file until it is closed, or until the process ends in any way. The
// error wraps ErrInUse if the file is locked already.
func tryLock(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		for {
			locked = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
			if !errors.Is(locked, unix.EINTR) {
				return
			}
		}
	})
	if err != nil || locked == nil {
		return err
	}
	if errors.Is(locked, unix.EWOULDBLOCK) {
		locked = ErrInUse
	}
	return &os.PathError{Op: "lock", Path: f.Name(), Err: locked}
}

// syncDirectory writes the names of new files to the disk.
func syncDirectory(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
