package oserr

import (
	"fmt"
	"io/fs"
)

// File returns err, of a call for a file, as "NAME: why", without the name of the call: "key:
// no such file or directory". It unwraps to the reason. An error that is no [fs.PathError]
// itself is returned unchanged.
func File(err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // one that is wrapped has a text of its own
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
