//go:build !unix

package capture

import "os"

// writable returns why nothing can be written to a file or made in a directory:
// here that is found out when it is tried.
func writable(name string) error {
	_, err := os.Stat(name)
	return err
}

// removed reports whether an open file has no name any more.
func removed(*os.File) bool { return false }
