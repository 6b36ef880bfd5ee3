package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes a file of that size, with zeros, for which the disk has room.
func reserve(f *os.File, size int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, size) }
