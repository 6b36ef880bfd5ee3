package schema

import "os"

// removeLocked unlocks a file. It does not remove it: a file that is open cannot be removed on
// Windows, and one that is closed may be another's by then.
func removeLocked(f *os.File) { _ = f.Close() }
