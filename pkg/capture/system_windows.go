package capture

import (
	"os"
	"syscall"
)

// writable returns an error if the file or directory does not exist. Whether it can be
// written shows here only when it is written.
func writable(name string) error {
	_, err := os.Stat(name)
	return err
}

// removed reports whether an open file has been removed. That is not known here.
func removed(*os.File) bool { return false }

// openNow opens a file to read it.
func openNow(name string) (*os.File, error) { return open(name) }

// open opens a file to read it, and lets others rename and remove it meanwhile, as a Writer
// does that rotates: os.Open does not.
func open(name string) (*os.File, error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE,
		nil, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return os.Open(name) // a directory, a long path, or its error
	}
	return os.NewFile(uintptr(h), name), nil
}
