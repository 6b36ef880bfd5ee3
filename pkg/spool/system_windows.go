package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
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
		const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		// Nobody can read what is locked, so it is a byte behind the number of the process.
		locked = windows.LockFileEx(windows.Handle(fd), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	})
	if err != nil || locked == nil {
		return err
	}
	if errors.Is(locked, windows.ERROR_LOCK_VIOLATION) {
		locked = ErrInUse
	}
	return &os.PathError{Op: "lock", Path: f.Name(), Err: locked}
}

// syncDirectory does nothing: Windows has no such call, and NTFS logs changes of
// names.
func syncDirectory(*os.Root) error { return nil }
