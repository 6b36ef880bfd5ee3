package capture

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Change is what happened to a file that a [Follower] reads.
type Change int

// The changes.
const (
	// Missing says that no file has the name: it is waited for.
	Missing Change = iota
	// Replaced says that another file has the name now. It is read from its
	// beginning, after all that the one before had.
	Replaced
	// Rewritten says that the file became shorter or has other text than before. It
	// is read from its beginning; what was written and removed since the last look
	// is lost.
	Rewritten
	// Removed says that files of a rotated recording were removed, perhaps before
	// they were read.
	Removed
	// Unfinished says that the following ended while the last line had no end. The
	// line is left out.
	Unfinished
	// Behind says that the following ended before everything was read that the file
	// held at that time.
	Behind
)

// FollowOptions say how a capture is followed. The zero FollowOptions are the
// defaults. The functions are called by the goroutine that reads, and may be nil.
type FollowOptions struct {
	Options
	// From, in microseconds since 1970, leaves out what is before it as SeekTime
	// does; 0 reads everything.
	From int64
	// OnSkip is called with how many bytes From leaves out, if any.
	OnSkip func(bytes int64)
	// OnWait is called each time before the Follower waits: everything that there is
	// has been read.
	OnWait func()
	// OnChange is called when something happened to the file.
	OnChange func(Change)
	// OnFault is called once with the reason why what has the name cannot be read: it
	// is a directory, or permission is missing. It is tried again all the time.
	OnFault func(error)
}

const (
	// pollLeast and pollMost are how often a file at its end is looked at: soon after
	// it has grown, later less often.
	pollLeast = 10 * time.Millisecond
	pollMost  = 100 * time.Millisecond
	// missingAfter is how long a name may be gone until Missing is said: a rotation
	// takes a moment.
	missingAfter = time.Second
	// lastReading is how long a file is still read after the context is done.
	lastReading = 4 * time.Second
)

var (
	errStopped    = errors.New("the following has ended")
	errNotRegular = errors.New("it is not a regular file and cannot be followed")
)

// Follower reads a capture that grows: at its end it waits for more. It follows the
// name: when the file is renamed or removed and another one made, it reads the old
// one to its end and goes on with the new one. That is so for the recordings of
// [Writer], whatever compresses them, and for files that logrotate moves or cuts
// (copytruncate). Files that a Writer has set aside meanwhile are read, too.
//
// A Follower looks at the file up to 100 times a second, and 10 times when nothing
// comes. It is for one goroutine.
type Follower struct {
	ctx  context.Context
	name string
	o    FollowOptions

	r       *Reader // nil before the file is opened
	once    bool    // r reads what cannot be followed, such as a FIFO, to its end
	grow    *growing
	asides  asides
	begun   bool // a file was opened
	current bool // it has waited: everything that there was at first has been read
	fault   string
	gone    time.Time // since when no file has the name
	missing bool      // Missing was said
	poll    time.Duration
	timer   *time.Timer
	until   time.Time // when the last reading ends
}

// Follow returns a Follower of the file called name, which need not be there yet. It
// ends when ctx is done: once the end of the file was reached, what the file holds
// at that time is still read, for four seconds at most.
func Follow(ctx context.Context, name string, o *FollowOptions) *Follower {
	f := &Follower{ctx: ctx, name: name, poll: pollLeast}
	if o != nil {
		f.o = *o
	}
	if f.o.Name == "" {
		f.o.Name = name
	}
	return f
}

// Next returns the next lines as [Reader.Next] does, and waits for them. The offset
// is that in the text of the file which has the name at the time. There may be no
// lines: then another file comes next. At the end, when ctx is done, the error is
// io.EOF; it is another one if the file cannot be opened at first.
//
// A line is returned when its newline is there. At the end of a file a whole event
// without a newline is returned, too. If a file was replaced in the middle of a line, the
// beginning of that line is rejected.
func (f *Follower) Next(buf []byte) (lines []byte, offset int64, err error) {
	if f.r == nil {
		if err := f.open(); err != nil {
			return nil, 0, err
		}
	}
	lines, offset, err = f.r.Next(buf)
	switch {
	case err == nil || f.once:
		return lines, offset, err
	case errors.Is(err, errStopped):
		if f.r.unfinished {
			f.changed(Unfinished)
		}
		return nil, offset, io.EOF
	case !errors.Is(err, io.EOF):
		f.failed(err)
	}
	if !f.grow.over && !f.grow.await() { // what the file holds cannot be read
		return nil, offset, io.EOF
	}
	_ = f.r.Close()
	f.r = nil
	return buf[:0], offset, nil
}

// Close closes the file and frees what the reading took.
func (f *Follower) Close() error {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.r != nil {
		_ = f.r.Close() // of a file that is followed it closes nothing
	}
	if f.grow != nil {
		return f.grow.file.Close()
	}
	return nil
}

// open opens the file that comes next and waits for it if it is not there. The
// error is io.EOF once ctx is done.
func (f *Follower) open() error {
	if g := f.grow; g != nil && g.rewritten {
		if _, err := g.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		f.changed(Rewritten)
		return f.read(g.file)
	}
	for {
		done := f.ctx.Err() != nil // before the last look
		err := f.choose()
		switch {
		case err == nil:
			return nil
		case done:
			return io.EOF
		case errors.Is(err, fs.ErrNotExist):
			f.absent()
		case !f.begun && !f.missing:
			return err
		default:
			f.failed(err)
		}
		f.wait()
	}
}

// choose opens what comes next: what was set aside after the file before, else what
// has the name.
func (f *Follower) choose() error {
	if st, err := os.Stat(f.name); !f.begun && err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		f.idle() // a FIFO is opened only when it has a writer
		f.once = true
		f.r, err = OpenContext(f.ctx, f.name, &f.o.Options)
		return err
	}
	for {
		next, gone := f.asides.next(f.name, f.grow)
		name := f.name
		if len(next) > 0 {
			name = next[0].name
		}
		file, err := openRegular(name)
		lost := len(next) > 0 && errors.Is(err, fs.ErrNotExist)
		if gone || lost {
			f.changed(Removed)
		}
		if len(next) > 0 {
			f.asides.after = next[0].key
		}
		switch {
		case lost:
			continue
		case err != nil:
			return err
		case len(next) > 0:
		case f.asides.newer(f.name, f.grow):
			file.Close() // a rotation came between the two looks
			continue
		}
		if f.grow != nil {
			f.grow.file.Close()
			f.changed(Replaced)
		}
		return f.read(file)
	}
}

// openRegular opens a regular file, without waiting for the writer of a FIFO.
func openRegular(name string) (*os.File, error) {
	file, err := openNow(name)
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	if err == nil && st.IsDir() {
		err = &fs.PathError{Op: "read", Path: name, Err: errDirectory}
	} else if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// read begins to read file from its beginning.
func (f *Follower) read(file *os.File) error {
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.r = NewReader(file, &f.o.Options)
	if !f.begun && f.o.From != 0 {
		left, err := f.r.SeekTime(f.o.From, 0)
		if err != nil {
			f.failed(err)
		} else if left > 0 && f.o.OnSkip != nil {
			f.o.OnSkip(left)
		}
	}
	f.grow = &growing{f: f, file: file, info: st, limit: -1}
	f.r.in.r, f.r.in.size, f.r.hasty = f.grow, 0, true
	f.begun, f.poll = true, pollLeast
	f.present()
	return nil
}

// wait waits until the file is to be looked at again, or ctx is done.
func (f *Follower) wait() {
	f.idle()
	if f.timer == nil {
		f.timer = time.NewTimer(f.poll)
	} else {
		f.timer.Reset(f.poll)
	}
	f.poll = min(2*f.poll, pollMost)
	select {
	case <-f.timer.C:
	case <-f.ctx.Done():
	}
}

func (f *Follower) idle() {
	f.current = true
	if f.o.OnWait != nil {
		f.o.OnWait()
	}
}

func (f *Follower) changed(c Change) {
	if f.o.OnChange != nil {
		f.o.OnChange(c)
	}
}

// absent notes that no file has the name, and reports whether it has said so now.
func (f *Follower) absent() bool {
	if f.gone.IsZero() {
		f.gone = time.Now()
	}
	if f.missing || f.begun && time.Since(f.gone) < missingAfter {
		return false
	}
	f.missing = true
	f.changed(Missing)
	return true
}

// present notes that a file has the name which can be read.
func (f *Follower) present() { f.gone, f.missing, f.fault = time.Time{}, false, "" }

// failed reports a fault, once.
func (f *Follower) failed(err error) {
	if f.fault == err.Error() {
		return
	}
	f.fault = err.Error()
	if f.o.OnFault != nil {
		f.o.OnFault(err)
	}
}
