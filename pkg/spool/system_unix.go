//go:build unix

package spool

import (
	"errors"
	"os"
)

// syncDirectory writes the names of new files to the disk.
func syncDirectory(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
