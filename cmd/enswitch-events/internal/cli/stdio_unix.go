//go:build unix

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Write writes b to the file. It waits while the file is full.
func (s Stream) Write(b []byte) (written int, err error) {
	for {
		n, err := s.f.Write(b[written:])
		written += n
		if !errors.Is(err, unix.EAGAIN) {
			return written, err
		}
		if err := s.wait(unix.POLLOUT); err != nil {
			return written, err
		}
	}
}

// Read reads from the file. It waits while the file is empty.
func (s Stream) Read(b []byte) (int, error) {
	for {
		n, err := s.f.Read(b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
		if err := s.wait(unix.POLLIN); err != nil {
			return 0, err
		}
	}
}

func (s Stream) wait(event int16) error {
	ready := []unix.PollFd{{Fd: int32(s.f.Fd()), Events: event}}
	for {
		if _, err := unix.Poll(ready, -1); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// readOnly reports whether f is open for reading only.
func readOnly(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY
}

// shells are the programs that are known to close a stream for >&-.
var shells = []string{"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "ksh93", "mksh", "fish", "yash"} //nolint:gochecknoglobals // a table that nothing changes

// IsClosed reports whether the standard stream f was closed when the program started,
// as by >&-. The Go runtime has opened /dev/null in its place by now, for reading and
// writing. Since a parent may have passed /dev/null opened like that on purpose, the
// stream counts as closed only if the parent has no such file itself, or is a shell
// that has another file there. Without /proc no stream counts as closed.
func IsClosed(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	if st, err := f.Stat(); err != nil || !os.SameFile(st, null) {
		return false
	}
	parent := fmt.Sprintf("/proc/%d", os.Getppid())
	if _, err := os.Stat(parent + "/fd"); err != nil {
		return false
	}
	its, err := os.Stat(fmt.Sprintf("%s/fd/%d", parent, f.Fd()))
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	exe, _ := os.Readlink(parent + "/exe")
	shell, _, _ := strings.Cut(filepath.Base(exe), "-") // zsh-5.9
	return err == nil && !os.SameFile(its, null) && slices.Contains(shells, shell)
}

// Expand returns the names of files, in which the shell has expanded what there is to expand.
func Expand(names []string) []string { return names }
