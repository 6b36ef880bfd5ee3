//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// stdioFaults are those of the standard streams themselves, whatever is behind
// them.
func stdioFaults() []fault {
	return []fault{
		{"stdout-nonblocking-cat", "another process puts the pipe that is stdout of cat into non-blocking mode, and it is full", "it is waited for, as for any other; every event comes and the exit code is 0", nonblockingStdout(os.Pipe)},
		{"stdout-nonblocking-socket", "the same with a socket", "as with a pipe", nonblockingStdout(socketPair)},
		{"stdin-nonblocking", "another process puts the pipe that is standard input into non-blocking mode, and it is empty", "it is waited for; every event comes and the exit code is 0", nonblockingStdin},
		{"stderr-nonblocking", "another process puts the pipe that is stderr into non-blocking mode, and it is full", "it is waited for; every message comes whole", nonblockingStderr},
	}
}

func socketPair() (r, w *os.File, err error) {
	// No program that another test starts may inherit them: then there would be no end.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w"), nil
}

// descriptor calls f with the descriptor of a file.
func descriptor(t *testing.T, file *os.File, f func(fd int) error) {
	t.Helper()
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := conn.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		t.Fatal(e)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setMode sets whether what is behind a file, which the program shares, blocks.
func setMode(t *testing.T, file *os.File, nonblocking bool) {
	t.Helper()
	descriptor(t, file, func(fd int) error { return syscall.SetNonblock(fd, nonblocking) })
}

// awaitFull waits until w, a pipe or a socket, takes no more.
func awaitFull(t *testing.T, w *os.File) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		room := []unix.PollFd{{Events: unix.POLLOUT}}
		descriptor(t, w, func(fd int) error {
			room[0].Fd = int32(fd)
			_, err := unix.Poll(room, 0)
			if err == unix.EINTR {
				return nil
			}
			return err
		})
		if room[0].Revents&unix.POLLOUT == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("there is always room")
		}
	}
}

// eventLines are the events of these numbers as a capture.
func eventLines(first, last int) []byte {
	var b bytes.Buffer
	for n := first; n <= last; n++ {
		b.Write(append(appendPadded(nil, n, 100), '\n'))
	}
	return b.Bytes()
}

func nonblockingStdout(pair func() (r, w *os.File, err error)) func(*testing.T) {
	return func(t *testing.T) {
		r, out, err := pair()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer out.Close()
		setMode(t, out, false)
		stdin, in := pipe(t)
		p := startWith(t, setup{stdin: stdin, stdout: out}, "cat")
		stdin.Close()
		if _, err := in.Write(eventLines(1, 1)); err != nil {
			t.Fatal(err)
		}
		first := make([]byte, len(eventLines(1, 1)))
		if _, err := io.ReadFull(r, first); err != nil {
			t.Fatal(err)
		}
		setMode(t, out, true) // now that the program goes by what it was
		go func() {
			_, _ = in.Write(eventLines(2, 20_000))
			in.Close()
		}()
		awaitFull(t, out)
		out.Close()
		p.unblock(io.MultiReader(bytes.NewReader(first), r))
		p.check(want{events: seq(1, 20_000), received: 20_000})
	}
}

func nonblockingStdin(t *testing.T) {
	stdin, in := pipe(t)
	setMode(t, stdin, false)
	p := startWith(t, setup{stdin: stdin}, "cat")
	for n := 1; n <= 5; n++ {
		if _, err := in.Write(eventLines(n, n)); err != nil {
			t.Fatal(err)
		}
		p.lines(n)
		setMode(t, stdin, true)
	}
	in.Close()
	p.check(want{events: seq(1, 5), received: 5})
}

func nonblockingStderr(t *testing.T) {
	r, stderr := pipe(t)
	setMode(t, stderr, false)
	stdin, in := pipe(t)
	p := startWith(t, setup{stdin: stdin, stderr: stderr}, "cat", "-v", "--strict")
	stdin.Close()
	if _, err := in.Write(eventLines(1, 1)); err != nil {
		t.Fatal(err)
	}
	p.lines(1)
	fill(t, stderr)
	setMode(t, stderr, true)
	const rejected = 100
	if _, err := io.WriteString(in, strings.Repeat("no event, which is said\n", rejected)); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(eventLines(2, 2)); err != nil {
		t.Fatal(err)
	}
	p.lines(2)
	in.Close()
	stderr.Close()
	p.said = newText()
	go p.said.read(r)
	p.check(want{events: seq(1, 2), received: rejected + 2})
	said := count(p.said.snapshot(), func(line string) bool {
		return json.Valid([]byte(line)) && strings.Contains(line, "no event, which is said")
	})
	if said != rejected {
		t.Errorf("%d messages of %d came whole", said, rejected)
	}
}

// TestPatient: it takes everything in the end, whatever the mode.
func TestPatient(t *testing.T) {
	r, w := pipe(t)
	setMode(t, w, false)
	var f *os.File
	descriptor(t, w, func(fd int) error {
		// As the standard streams are opened, while it blocks. See socketPair.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		dup, err := syscall.Dup(fd)
		syscall.CloseOnExec(dup)
		f = os.NewFile(uintptr(dup), "w")
		return err
	})
	defer f.Close()
	setMode(t, w, true)
	w.Close()
	text := bytes.Repeat([]byte("x"), 1<<20)
	go func() {
		_, _ = cli.NewStream(f).Write(text)
		f.Close()
	}()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(text))
	}
}
