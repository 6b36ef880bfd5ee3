//go:build !unix

package cli

import "os"

// Here a pipe is always waited for.

func (p Stream) Write(b []byte) (int, error) { return p.f.Write(b) }
func (p Stream) Read(b []byte) (int, error)  { return p.f.Read(b) }

func readOnly(*os.File) bool { return false }
func IsClosed(*os.File) bool { return false }
