package oserr

import (
	"errors"
	"fmt"
	"io/fs"
)

// File returns err, of a call for a file, as "NAME: why", without the name of the call: "key:
// no such file or directory". It unwraps to the reason. Other errors are returned unchanged.
func File(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
