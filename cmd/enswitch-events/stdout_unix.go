//go:build unix

package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// patient returns a writer that waits until w takes what is written. Another
// process that has the same pipe or terminal can put it into non-blocking mode
// at any time, and a write to it when it is full is then an error.
func patient(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return patientFile{f}
	}
	return w
}

type patientFile struct{ f *os.File }

func (p patientFile) Write(b []byte) (written int, err error) {
	for {
		n, err := p.f.Write(b[written:])
		written += n
		if !errors.Is(err, unix.EAGAIN) {
			return written, err
		}
		full := []unix.PollFd{{Fd: int32(p.f.Fd()), Events: unix.POLLOUT}}
		if _, err := unix.Poll(full, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return written, err
		}
	}
}
