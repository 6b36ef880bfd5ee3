package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// standard returns the streams of the process.
func standard() streams {
	s := streams{os.Stdin, patient{os.Stdout}, patient{os.Stderr}}
	if !regular(os.Stdin) { // which can be sought as it is
		s.in = patient{os.Stdin}
	}
	return s
}

// patient is a standard stream. Its methods wait, whatever mode it is in.
type patient struct{ f *os.File }

// Stat is that of the file.
func (p patient) Stat() (os.FileInfo, error) { return p.f.Stat() }

// file returns the file behind a stream, nil if there is none.
func file(stream any) *os.File {
	switch s := stream.(type) {
	case *os.File:
		return s
	case patient:
		return s.f
	}
	return nil
}

func regular(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode().IsRegular()
}

// writable returns an error if nothing can ever be written to stdout.
func (a *app) writable() error {
	f := file(a.out)
	switch {
	case f == nil:
		return nil
	case closed(f):
		return &exitError{exitOutput, errors.New("could not write to stdout: it is closed"), ">/dev/null throws the output away"}
	case readOnly(f):
		return &exitError{exitOutput, errors.New("could not write to stdout: it is open for reading only"), "> FILE opens a file for writing, < FILE for reading"}
	}
	return nil
}

// page is stdout for what is printed at once: help, completions, settings.
type page struct {
	ctx context.Context
	a   *app
}

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
func (a *app) showPage(ctx context.Context, text []byte) error {
	if err := a.writable(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := a.out.Write(text)
		done <- err
	}()
	select {
	case err := <-done:
		return written(err)
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return written(err)
	case <-time.After(printDrain):
		return &exitError{exitOutput, fmt.Errorf("the reader of stdout took nothing for %v", printDrain), ""}
	}
}
