package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/internal/filelock"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// Update changes the schema in a file, and returns that. Change is called with what the file
// has, while no other Update of the file runs; it adds to it. A file that does not exist is
// created for this user only; its directory must exist. Until it is complete it has another
// name, so that a file is never seen half written. NAME.lock is locked, so that of two programs
// that learn at once neither undoes what the other has added; it is removed, except on Windows.
//
// A file that is damaged, of a newer version, or no regular file, is left as it is.
func Update(name string, change func(*Schema)) (*Schema, error) {
	name, unlock, err := lockFor(name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s = &Schema{}
	case err != nil:
		return nil, err
	}
	change(s)
	return s, s.write(name)
}

// Check returns the error that Update would return for a file, as far as that is known before.
// Call it before a long run whose result could not be saved. It creates and removes NAME.lock.
func Check(name string) error {
	_, unlock, err := lockFor(name)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err = Read(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// lockFor locks a file for an update, and returns its name without links.
func lockFor(name string) (target string, unlock func(), err error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target // a link stays one
	}
	if _, err := os.Stat(filepath.Dir(name)); err != nil {
		return "", nil, oserr.File(err)
	}
	if st, err := os.Stat(name); err == nil {
		if st.IsDir() {
			return "", nil, fmt.Errorf("%s: %w", name, syscall.EISDIR)
		}
		if !st.Mode().IsRegular() {
			return "", nil, fmt.Errorf("%s: no regular file", name)
		}
	}
	unlock, err = lockFile(name + ".lock")
	return name, unlock, err
}

// write writes s to a file, and gives that its name when it is complete.
func (s *Schema) write(name string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // with mode 0600
	if err != nil {
		return oserr.File(err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = oserr.File(err)
		}
	}()
	if err := s.Encode(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// lockFile creates and locks a file, and waits for others that have locked it for 10 s.
func lockFile(name string) (unlock func(), err error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		switch f, err := tryLockFile(name); {
		case err != nil:
			return nil, oserr.File(err)
		case f != nil:
			return func() { removeLocked(f) }, nil
		case time.Now().After(end):
			return nil, fmt.Errorf("%s: %w", name, ErrBusy)
		}
	}
}

// tryLockFile creates a file if there is none and locks it. It returns nil if others have
// locked it, or have removed it meanwhile.
func tryLockFile(name string) (_ *os.File, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := filelock.Try(f)
	if locked && isNamed(f, name) {
		return f, nil
	}
	_ = f.Close()
	if err != nil {
		err = &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return nil, err
}

// isNamed reports whether f is the file that has that name now.
func isNamed(f *os.File, name string) bool {
	own, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(name)
	return err == nil && os.SameFile(own, now)
}
