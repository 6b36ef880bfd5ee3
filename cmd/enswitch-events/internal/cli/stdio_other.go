//go:build !unix

package cli

import "os"

// Write writes b to the file. A pipe here is always in blocking mode.
func (s Stream) Write(b []byte) (int, error) { return s.f.Write(b) }

// Read reads from the file.
func (s Stream) Read(b []byte) (int, error) { return s.f.Read(b) }

func readOnly(*os.File) bool { return false }

// IsClosed returns false: this system does not tell.
func IsClosed(*os.File) bool { return false }
