package htmlreport

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// CheckFile returns the error that writeFile would return for a file, as far as that is known
// in advance. It does not change a file of that name.
func CheckFile(name string) error {
	if special, err := isSpecial(name); special || err != nil {
		return oserr.File(err)
	}
	f, err := create(name)
	if err != nil {
		return oserr.File(err)
	}
	return oserr.File(errors.Join(f.Close(), os.Remove(f.Name())))
}

// writeFile writes a page to a temporary file, and renames that when it is complete: whoever
// opens the file sees the old page or the new one. Only this user may read a new file.
func writeFile(name string, page []byte) error {
	if special, err := isSpecial(name); err != nil {
		return oserr.File(err)
	} else if special { // a device or a pipe
		return oserr.File(os.WriteFile(name, page, 0))
	}
	f, err := create(name)
	if err != nil {
		return oserr.File(err)
	}
	_, err = f.Write(page)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), target(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return oserr.File(err)
}

// create creates the file that becomes the one called name, with the permissions of that one
// if there is one.
func create(name string) (*os.File, error) {
	name = target(name)
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // with mode 0600
	if e, ok := errors.AsType[*os.PathError](err); ok {
		e.Path = name // which the user knows
	}
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(name); err == nil {
		_ = f.Chmod(st.Mode().Perm()) // else it stays private
	}
	return f, nil
}

// target returns the name of the file that a link called name leads to.
func target(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	return name
}

// isSpecial reports whether name is a device or a pipe. It returns an error for a directory.
func isSpecial(name string) (bool, error) {
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return false, nil //nolint:nilerr // there is no such file yet, or creating it says why not
	case st.IsDir():
		return false, &os.PathError{Op: "open", Path: name, Err: errIsDirectory}
	}
	return !st.Mode().IsRegular(), nil
}

var errIsDirectory = errors.New("is a directory")
