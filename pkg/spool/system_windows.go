package spool

import "os"

// syncDirectory does nothing: Windows has no such call, and NTFS logs changes of
// names.
func syncDirectory(*os.Root) error { return nil }
