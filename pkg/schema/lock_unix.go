//go:build unix

package schema

import "os"

// removeLocked removes a file that is locked, and unlocks it.
func removeLocked(f *os.File) {
	_ = os.Remove(f.Name()) // before others can lock it
	_ = f.Close()
}
