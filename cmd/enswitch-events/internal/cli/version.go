package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// VersionLine returns the line that the command version prints.
// VersionLine returns the line that the command version prints.
func VersionLine() string {
	return fmt.Sprintf("enswitch-events %s %s %s/%s\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// Version returns the version of the module, which the go command has recorded in the
// binary; with the revision if it was built from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
