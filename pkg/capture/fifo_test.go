//go:build unix

package capture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skip(err)
	}
	return name
}

// TestOpenContext: opening and reading a named pipe end with the context; other files are
// opened as Open does.
func TestOpenContext(t *testing.T) {
	name := fifo(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenContext(ctx, name, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a pipe without a writer: %v", err)
	}
	// What opened the pipe still waits for a writer.
	w, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	r, err := OpenContext(ctx, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name() != name {
		t.Errorf("it is called %q", r.Name())
	}
	if _, err := w.WriteString("{\"n\":1}\n"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for ev, err := range r.Events() {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			break
		}
		got = append(got, string(ev.Raw))
		cancel() // nothing more comes, and nobody closes the pipe
	}
	if !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("got %q", got)
	}
	if err := errors.Join(w.Close(), r.Close()); err != nil {
		t.Error(err)
	}

	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("{\"n\":2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err = OpenContext(t.Context(), plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ev, err := range r.Events() {
		if err != nil || string(ev.Raw) != `{"n":2}` {
			t.Errorf("%s, %v", ev.Raw, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenContext(t.Context(), plain+"no", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestStopWaiting: a recording into a pipe that nobody reads waits, and ends when it is told
// not to wait.
func TestStopWaiting(t *testing.T) {
	name := fifo(t)
	waits := make(chan error, 10)
	w := create(t, name, &WriterOptions{OnWarn: func(err error) { waits <- err }})
	put(t, w, `{"n":1}`, `{"n":2}`)
	if err := <-waits; !strings.Contains(err.Error(), "wait in memory") {
		t.Error(err)
	}
	w.StopWaiting()
	w.StopWaiting()
	if err := w.Close(t.Context()); !errors.Is(err, errNoReader) {
		t.Errorf("got %v", err)
	}
	if n := w.Lost(); n != 2 {
		t.Errorf("%d are lost", n)
	}
	if err := w.Write([]byte(`{"n":3}`)); err == nil || w.Lost() != 3 {
		t.Errorf("an event after the end: %v, %d lost", err, w.Lost())
	}
}

// TestFlushNow: Flush returns when the events are in the file, and CreateFile needs none.
func TestFlushNow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.zst")
	w := create(t, name, nil)
	w.CreateFile()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, name); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	w = create(t, name, nil)
	if err := w.Flush(t.Context()); err != nil {
		t.Errorf("nothing to flush: %v", err)
	}
	put(t, w, `{"n":1}`)
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, name); !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("got %q", got)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	w = create(t, fifo(t), nil)
	put(t, w, `{"n":1}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a pipe that nobody reads: %v", err)
	}
	w.StopWaiting()
	if err := w.Flush(t.Context()); !errors.Is(err, errNoReader) {
		t.Errorf("after the end: %v", err)
	}
	_ = w.Close(t.Context())
}
