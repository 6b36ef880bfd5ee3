package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Streams are the standard streams of the program. Out is for data, Err for messages.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Terminal returns the file behind w if it is a terminal, or nil.
func Terminal(w any) *os.File {
	if f := File(w); f != nil && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// StandardStreams returns the standard streams of the process.
func StandardStreams() Streams {
	prepareConsole(os.Stdout)
	prepareConsole(os.Stderr)
	s := Streams{os.Stdin, NewStream(os.Stdout), NewStream(os.Stderr)}
	if !regular(os.Stdin) { // a regular file stays an *os.File, which can seek
		s.In = NewStream(os.Stdin)
	}
	return s
}

// Stream is a standard stream. Its reads and writes block, also if the file is in
// non-blocking mode: another process with the same pipe, socket or terminal can set
// that mode at any time, as node and ssh do.
type Stream struct{ f *os.File }

// NewStream returns a Stream of f.
func NewStream(f *os.File) Stream { return Stream{f} }

// Stat returns the FileInfo of the file.
func (s Stream) Stat() (os.FileInfo, error) { return s.f.Stat() }

// File returns the file behind a stream, or nil if there is none.
func File(stream any) *os.File {
	switch s := stream.(type) {
	case *os.File:
		return s
	case Stream:
		return s.f
	}
	return nil
}

func regular(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode().IsRegular()
}

// EventWriter returns the writer of events to stdout. If stdout is the terminal of the
// status line, events appear above that line.
func (a *App) EventWriter() io.Writer {
	if a.StatusLine != nil && Terminal(a.Out) != nil {
		return a.StatusLine.Wrap(a.Out)
	}
	return a.Out
}

// writable returns an error if nothing can ever be written to stdout.
func (a *App) writable() error {
	f := File(a.Out)
	switch {
	case f == nil:
		return nil
	case IsClosed(f):
		return NewError(ExitOutput, errors.New("could not write to stdout: it is closed"), ">/dev/null throws the output away")
	case readOnly(f):
		return NewError(ExitOutput, errors.New("could not write to stdout: it is open for reading only"), "> FILE opens a file for writing, < FILE for reading")
	}
	return nil
}

// pageWriter writes to stdout what is printed at once: help, completions, settings.
type pageWriter struct {
	ctx context.Context
	a   *App
}

// PageWriter returns a writer to stdout for what is printed at once. Once ctx is done,
// a write waits for the reader for 5 s at most.
func (a *App) PageWriter(ctx context.Context) io.Writer { return pageWriter{ctx, a} }

func (p pageWriter) Write(text []byte) (int, error) {
	if err := p.a.writePage(p.ctx, text); err != nil {
		return 0, err
	}
	return len(text), nil
}

// pageDrain is how long a page may take to be written after a signal.
const pageDrain = 5 * time.Second

// writePage writes text to stdout. Once ctx is done, it waits for pageDrain at most.
func (a *App) writePage(ctx context.Context, text []byte) error {
	if err := a.writable(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := a.Out.Write(text)
		done <- err
	}()
	select {
	case err := <-done:
		return WriteError(err)
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return WriteError(err)
	case <-time.After(pageDrain):
		return NewError(ExitOutput, fmt.Errorf("the reader of stdout read nothing for %v", pageDrain), "")
	}
}
