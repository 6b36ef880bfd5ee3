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

// Another process that has the same pipe, socket or terminal can put it into
// non-blocking mode at any time, as node and ssh do. A read from it when it is
// empty and a write to it when it is full are then errors. A Stream waits
// instead.

func (p Stream) Write(b []byte) (written int, err error) {
	for {
		n, err := p.f.Write(b[written:])
		written += n
		if !errors.Is(err, unix.EAGAIN) {
			return written, err
		}
		if err := p.wait(unix.POLLOUT); err != nil {
			return written, err
		}
	}
}

func (p Stream) Read(b []byte) (int, error) {
	for {
		n, err := p.f.Read(b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
		if err := p.wait(unix.POLLIN); err != nil {
			return 0, err
		}
	}
}

func (p Stream) wait(event int16) error {
	ready := []unix.PollFd{{Fd: int32(p.f.Fd()), Events: event}}
	for {
		if _, err := unix.Poll(ready, -1); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// readOnly reports whether nothing can be written to f, whatever room there is.
func readOnly(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY
}

// shells are the programs whose >&- is known for what it is.
var shells = []string{"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "ksh93", "mksh", "fish", "yash"} //nolint:gochecknoglobals // a table that nothing changes

// IsClosed reports whether a standard stream was closed when the program began,
// as by >&-. By now the Go runtime has opened /dev/null in its place, for reading
// and writing. Some programs open it in the same way and mean it, so the parent
// decides: a shell that has something else there itself, or any program that has
// nothing there. Where the system does not tell, no stream is closed.
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
