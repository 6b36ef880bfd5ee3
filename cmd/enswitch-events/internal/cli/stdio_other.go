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

// Expand expands the names of files, because the shells of this system do not: a name with *,
// ? or [ that no file has stands for the files that it matches.
func Expand(names []string) []string {
	var all []string
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil || !strings.ContainsAny(name, "*?[") {
			all = append(all, name)
		} else if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
			all = append(all, found...)
		} else {
			all = append(all, name) // opening it fails
		}
	}
	return all
}

func readOnly(*os.File) bool { return false }

// IsClosed returns false: this system does not tell.
func IsClosed(*os.File) bool { return false }
