//go:build !unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// Write writes b to the file. A pipe here is always in blocking mode.
func (s Stream) Write(b []byte) (int, error) { return s.f.Write(b) }

// Read reads from the file.
func (s Stream) Read(b []byte) (int, error) { return s.f.Read(b) }

// Expand returns the names of files. Here the shell has no part in it: a name with * or ? that
// is of no file stands for those that it matches.
func Expand(names []string) []string {
	var all []string
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil || !strings.ContainsAny(name, "*?[") {
			all = append(all, name)
		} else if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
			all = append(all, found...)
		} else {
			all = append(all, name) // it is said that there is no such file
		}
	}
	return all
}

func readOnly(*os.File) bool { return false }

// IsClosed returns false: this system does not tell.
func IsClosed(*os.File) bool { return false }
