package schema

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks a file until it is closed; locked is false if it is locked already.
func tryLock(f *os.File) (locked bool, err error) {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// removeLocked unlocks a file. It does not remove it: a file that is open cannot be removed on
// Windows, and one that is closed may be another's by then.
func removeLocked(f *os.File) { _ = f.Close() }
