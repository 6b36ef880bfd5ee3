package capture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// writeParts writes the batch in writing, in parts if it is larger than a file may be.
func (w *Writer) writeParts() error {
	for rest := w.writing; len(rest) > 0; {
		part, err := w.fitting(rest)
		if err != nil {
			return err
		}
		if err := w.write(part); err != nil {
			return err
		}
		w.mu.Lock()
		w.inBatch = max(0, w.inBatch-int64(bytes.Count(part, []byte{'\n'}))) // it is 0 if Close has given up
		w.mu.Unlock()
		w.tidy()
		rest = rest[len(part):]
	}
	return nil
}

// fitting returns the first of the lines: as many as the file has room for, or a new file
// if there is no room for one, and at least one.
func (w *Writer) fitting(lines []byte) ([]byte, error) {
	if w.o.MaxSize <= 0 {
		return lines, nil
	}
	w.stored = w.stored[:0]
	if err := w.ready(); err != nil { // the size of the file must be known
		return nil, err
	}
	first := int64(bytes.IndexByte(lines, '\n') + 1)
	room := w.o.MaxSize // for compressed lines it is more than enough
	if _, plain := w.encode.(plainEncoder); plain && w.size+first <= room {
		room -= w.size
	}
	if room >= int64(len(lines)) {
		return lines, nil
	}
	return lines[:max(first, int64(bytes.LastIndexByte(lines[:room], '\n')+1))], nil
}

// write writes lines of the batch, together in one file.
func (w *Writer) write(lines []byte) error {
	var err error
	if w.stored, err = w.encode.append(w.stored[:0], lines); err != nil {
		return err
	}
	for {
		if err := w.ready(); err != nil {
			return err
		}
		out := w.stored
		if w.torn {
			out = append([]byte{'\n'}, out...)
		}
		n, err := w.put(out)
		if err != nil {
			w.takeBack(out, n)
			return err
		}
		if w.size == 0 {
			w.since = time.Now()
		}
		w.torn = false
		w.size += int64(n)
		if !removed(w.file) { // else it was removed between ready and put
			break
		}
	}
	if cap(w.stored) > 8*batch {
		w.stored = nil
	}
	return nil
}

// put writes to the file. It waits for the reader of a FIFO until the Writer gives up.
func (w *Writer) put(out []byte) (n int, err error) {
	if !w.fifo {
		return w.file.Write(out)
	}
	for {
		if err := w.file.SetWriteDeadline(time.Now().Add(fifoPoll)); err != nil {
			return n, err
		}
		m, err := w.file.Write(out[n:])
		n += m
		switch {
		case oserr.IsClosedPipe(err):
			return n, fmt.Errorf("its reader has gone: %w", err)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		}
		select {
		case <-w.giveUp:
			return n, fmt.Errorf("%w: its reader takes nothing", ErrIncomplete)
		default:
		}
	}
}

// takeBack is called when only n bytes of a batch were written. It removes the incomplete line
// at the end and counts the whole lines before it as recorded. If another program has written
// after that, nothing is removed.
func (w *Writer) takeBack(out []byte, n int) {
	whole := 0
	if _, plain := w.encode.(plainEncoder); plain {
		whole = bytes.LastIndexByte(out[:n], '\n') + 1
		lines := int64(bytes.Count(out[:whole], []byte{'\n'}))
		if w.torn {
			lines = max(lines-1, 0)
		}
		w.mu.Lock()
		w.inBatch -= lines
		w.mu.Unlock()
	}
	st, err := w.file.Stat()
	if err == nil && st.Mode().IsRegular() && st.Size() == w.size+int64(n) {
		_ = w.file.Truncate(w.size + int64(whole)) // the error of the write counts
	}
}
