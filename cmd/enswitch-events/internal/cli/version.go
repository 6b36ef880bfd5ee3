package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

func VersionLine() string {
	return fmt.Sprintf("enswitch-events %s %s %s/%s\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// Version is the module's version as the go command recorded it in the
// binary, with the revision where it was built from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
