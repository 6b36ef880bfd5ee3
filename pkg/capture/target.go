package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// target is the file that a Writer writes to. Only the goroutine that writes uses it.
type target struct {
	writing []byte   // the lines of the batch
	stored  []byte   // the batch as it is stored
	file    *os.File // nil before it is made, and while it cannot be
	info    fs.FileInfo
	current string // name of the file
	size    int64
	since   time.Time // when the current file was begun
	torn    bool      // the last line of the file lacks its newline
	fifo    bool
	rename  time.Time // do not set the file aside before this time
	fresh   bool      // a new file was begun, so there may be too many old ones
	said    string    // the last warning about why the file cannot be written
	tried   bool      // writing was tried again after the Writer was closed
}

// check returns an error if the file called name cannot be written. It does not make
// the file.
func (w *Writer) check(name string) error {
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writable(filepath.Dir(name))
	case err != nil:
		return err
	case st.IsDir():
		return &fs.PathError{Op: "open", Path: name, Err: errDirectory}
	case !st.Mode().IsRegular():
		w.fifo = st.Mode()&fs.ModeNamedPipe != 0
		return writable(name)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if st.Size() > 0 {
		if _, err := w.encode.check(f, st.Size()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// ready opens the file for the next batch. If that fails it tries again, as long as
// events can wait.
func (w *Writer) ready() error {
	for {
		err := w.choose(time.Now())
		if err == nil {
			w.said, w.tried = "", false
			return nil
		}
		if !w.hold(err) {
			return err
		}
	}
}

// choose opens the file for the time now, unless it is open already.
func (w *Writer) choose(now time.Time) error {
	if w.file != nil {
		switch {
		case w.name.at(now) != w.current:
			w.leave()
			w.fresh = true
		case !w.there():
			moved := w.current
			w.leave()
			if err := w.open(now); err != nil {
				w.warn(fmt.Errorf("%s was moved or removed while it was recorded to", moved))
				return err
			}
			w.warn(fmt.Errorf("%s was moved or removed while it was recorded to: it is made again", moved))
		case w.over(now) && !now.Before(w.rename):
			w.leave() // some systems cannot rename an open file
			if err := w.name.setAside(w.current, now); err != nil {
				w.rename = now.Add(retryAfter)
				w.warn(fmt.Errorf("the recording goes on in the same file, which could not be set aside: %w", err))
			} else {
				w.fresh = true
			}
		}
	}
	if w.file != nil {
		return nil
	}
	return w.open(now)
}

func (w *Writer) leave() {
	_ = w.file.Close() // every write was checked
	w.file = nil
}

// over reports whether the file is too large or too old for the next batch.
func (w *Writer) over(now time.Time) bool {
	return w.size > 0 && w.info.Mode().IsRegular() &&
		(w.o.MaxSize > 0 && w.size+int64(len(w.stored)) > w.o.MaxSize || w.o.MaxAge > 0 && now.Sub(w.since) >= w.o.MaxAge)
}

// there reports whether the name still leads to the open file. If another program has truncated
// the file, there corrects the size.
func (w *Writer) there() bool {
	st, err := os.Stat(w.current)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	if !os.SameFile(st, w.info) {
		return false
	}
	if st.Mode().IsRegular() && st.Size() < w.size {
		w.size, w.torn = st.Size(), false
	}
	return true
}

// open opens the file for the time now.
func (w *Writer) open(now time.Time) error {
	name := w.name.at(now)
	flags := os.O_RDWR | os.O_APPEND | os.O_CREATE
	st, err := os.Stat(name)
	if w.fifo = err == nil && st.Mode()&fs.ModeNamedPipe != 0; w.fifo {
		// Opening must not wait for a reader, and a write must fail once it has gone.
		flags = os.O_WRONLY | syscall.O_NONBLOCK
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if w.fifo && errors.Is(err, syscall.ENXIO) {
		return fmt.Errorf("%s: %w", name, errNoReader)
	} else if err != nil {
		return err
	}
	torn := false
	st, err = f.Stat()
	if err == nil && st.Size() > 0 && st.Mode().IsRegular() {
		if torn, err = w.encode.check(f, st.Size()); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file, w.info, w.current, w.size, w.since, w.torn = f, st, name, st.Size(), now, torn
	return nil
}

// hold waits before the file is tried again. It reports false if it should not be.
func (w *Writer) hold(err error) bool {
	if w.said != err.Error() {
		w.said = err.Error()
		w.warn(fmt.Errorf("events wait in memory to be recorded: %w", err))
	}
	w.mu.Lock()
	waiting := w.events+w.inBatch > 0
	behind := w.behind
	w.behind = false
	w.mu.Unlock()
	closing, wait := w.closing, retryAfter
	switch noReader := errors.Is(err, errNoReader); {
	case noReader && waiting:
		closing, wait = w.unwaited, fifoPoll // a reader may still come
	case noReader:
		wait = fifoPoll
	case behind:
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-closing:
		again := waiting && !w.tried
		w.tried = true
		return again
	case <-w.giveUp:
		return false
	}
}

// tidy removes old files if there are too many. If it cannot, the recording goes on.
func (w *Writer) tidy() {
	if !w.fresh {
		return
	}
	w.fresh = false
	if w.o.Keep > 0 {
		if err := w.name.remove(w.current, w.o.Keep); err != nil {
			w.warn(fmt.Errorf("old files of the recording could not be removed: %w", err))
		}
	}
}

func (w *Writer) warn(err error) {
	if w.o.OnWarn != nil {
		w.o.OnWarn(err)
	}
}
