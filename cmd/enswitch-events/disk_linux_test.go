package main

import (
	"syscall"
	"testing"
)

// smallDisk makes the directory a disk of 256 KiB until the end of the test, which is skipped
// if that needs other rights. grow makes it larger.
func smallDisk(t *testing.T, dir string) (grow func()) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("cannot make a small disk here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return func() {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
	}
}
