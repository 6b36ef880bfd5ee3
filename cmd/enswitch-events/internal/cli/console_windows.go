package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// prepareConsole has the console understand colours and the moves of the cursor, which an older
// one prints as text until it is asked.
func prepareConsole(f *os.File) {
	var mode uint32
	h := windows.Handle(f.Fd())
	if windows.GetConsoleMode(h, &mode) == nil {
		_ = windows.SetConsoleMode(h, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	}
}
