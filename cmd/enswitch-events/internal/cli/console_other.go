//go:build !windows

package cli

import "os"

func prepareConsole(*os.File) {} // terminals are ready
