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

// Streams are what the program reads and writes beside the network. stdout is
// data, stderr is talk.
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

// Standard returns the streams of the process.
func Standard() Streams {
	s := Streams{os.Stdin, NewStream(os.Stdout), NewStream(os.Stderr)}
	if !regular(os.Stdin) { // which can be sought as it is
		s.In = NewStream(os.Stdin)
	}
	return s
}

// Stream is a standard stream. Its methods wait, whatever mode it is in.
type Stream struct{ f *os.File }

// NewStream returns a Stream of f.
func NewStream(f *os.File) Stream { return Stream{f} }

// Stat is that of the file.
func (p Stream) Stat() (os.FileInfo, error) { return p.f.Stat() }

// File returns the file behind a stream, nil if there is none.
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

// Events returns stdout for events: on a terminal it is written above the status line.
func (a *App) Events() io.Writer {
	if a.Line != nil && Terminal(a.Out) != nil {
		return a.Line.Above(a.Out)
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

// page is stdout for what is printed at once: help, completions, settings.
type page struct {
	ctx context.Context
	a   *App
}

// Page returns stdout for what is printed at once. Once ctx is done a write waits for
// the reader for 5 s at most.
func (a *App) Page(ctx context.Context) io.Writer { return page{ctx, a} }

func (p page) Write(text []byte) (int, error) {
	if err := p.a.showPage(p.ctx, text); err != nil {
		return 0, err
	}
	return len(text), nil
}

// printDrain is how long print goes on after a signal.
const printDrain = 5 * time.Second

// showPage writes text to stdout. Once ctx is done it waits for the reader for
// printDrain at most.
func (a *App) showPage(ctx context.Context, text []byte) error {
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
	case <-time.After(printDrain):
		return NewError(ExitOutput, fmt.Errorf("the reader of stdout took nothing for %v", printDrain), "")
	}
}
