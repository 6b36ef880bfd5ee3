//go:build !unix && !windows

package capture

import "os"

// writable returns an error if the file or directory does not exist. Whether it can be
// written shows here only when it is written.
func writable(name string) error {
	_, err := os.Stat(name)
	return err
}

// removed reports whether an open file has been removed. That is not known here.
func removed(*os.File) bool { return false }

// openNow opens a file to read it.
func openNow(name string) (*os.File, error) { return os.Open(name) }

// open opens a file to read it.
func open(name string) (*os.File, error) { return os.Open(name) }
