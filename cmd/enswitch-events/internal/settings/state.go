package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// StatePath returns the path of a file, whose name may have directories in it, in the
// directory where the program keeps what it has learned: XDG_STATE_HOME, or else
// ~/.local/state, ~/Library/Application Support on macOS, and %LocalAppData% on Windows.
func StatePath(name string) (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserHomeDir(); err != nil {
			return "", fmt.Errorf("no directory for the state: %w", err)
		}
		switch runtime.GOOS {
		case "windows":
			if dir, err = os.UserCacheDir(); err != nil {
				return "", fmt.Errorf("no directory for the state: %w", err)
			}
		case "darwin":
			dir = filepath.Join(dir, "Library", "Application Support")
		default:
			dir = filepath.Join(dir, ".local", "state")
		}
	}
	return filepath.Join(dir, "enswitch-events", name), nil
}
