//go:build !linux

package main

import "testing"

// smallDisk is for Linux alone.
func smallDisk(t *testing.T, _ string) (grow func()) {
	t.Helper()
	t.Skip("no small disk on this system")
	return nil
}
