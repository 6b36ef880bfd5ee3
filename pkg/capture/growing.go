package capture

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// markSize is how many bytes before the place where a file is read are compared, to find out
// whether the file was rewritten.
const markSize = 256

// growing reads a file that grows, to its end if another file has taken its name.
type growing struct {
	f    *Follower
	file *os.File
	info fs.FileInfo // to compare

	waiting   bool  // the end was reached, and nothing has come since
	replaced  bool  // another file has the name: what is left is read
	over      bool  // nothing more comes
	rewritten bool  // because the file is to be read from its beginning
	limit     int64 // where the last reading ends, -1 before that

	empty fs.FileInfo // what has the name, and nothing in it

	mark []byte // the last bytes that were read
	next int64  // where the next ones follow them
	now  [markSize]byte
}

// Read reads more, and waits for it. The error is io.EOF once the file is over, and
// errStopped once the following is.
func (g *growing) Read(p []byte) (int, error) {
	for {
		done := g.f.ctx.Err() != nil // before the file is looked at for the last time
		q, err := g.last(p, done)
		if err != nil {
			return 0, err
		}
		if !g.waiting {
			n, err := g.file.Read(q)
			if n > 0 {
				g.f.poll = pollLeast
				g.remember(q[:n])
				return n, nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, err
			}
			g.waiting = true
		}
		grown, err := g.look(true)
		switch {
		case err != nil:
			return 0, err
		case g.over:
			return 0, io.EOF
		case grown:
			g.waiting = false
		case done:
			return 0, g.stop()
		default:
			g.f.wait()
		}
	}
}

// last returns the part of p that may be read. When the following is done that is
// what the file holds at that time, or nothing if its end was never reached.
func (g *growing) last(p []byte, done bool) ([]byte, error) {
	if !done {
		return p, nil
	}
	left, err := g.left()
	switch {
	case err != nil:
		return nil, err
	case left > 0:
		return p[:min(int64(len(p)), left)], nil
	case g.waiting:
		if _, err := g.look(true); err != nil {
			return nil, err
		}
		if g.over {
			return nil, io.EOF
		}
	}
	return nil, g.stop()
}

// await waits until the file is over, without reading it, and reports false if the
// following ends before.
func (g *growing) await() bool {
	for {
		done := g.f.ctx.Err() != nil
		if _, err := g.look(false); err != nil {
			g.f.failed(err)
		}
		if g.over {
			return true
		}
		if done {
			return false
		}
		g.f.wait()
	}
}

// left returns how much of the file is still read now that the following ends.
func (g *growing) left() (int64, error) {
	at, err := g.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if g.f.until.IsZero() {
		g.f.until = time.Now().Add(lastReading)
	}
	if g.limit < 0 {
		g.limit = at
		if g.f.current {
			st, err := g.file.Stat()
			if err != nil {
				return 0, err
			}
			g.limit = st.Size()
		}
	}
	if time.Now().After(g.f.until) {
		if g.limit > at {
			g.limit = at
			g.f.changed(Behind)
		}
		return 0, nil
	}
	return g.limit - at, nil
}

// stop is what Read returns when the following ends here: io.EOF if another file
// comes next.
func (g *growing) stop() error {
	if st, err := os.Stat(g.f.name); g.f.current && time.Now().Before(g.f.until) &&
		(err == nil && !os.SameFile(st, g.info) || g.f.asides.newer(g.f.name, g)) {
		g.over = true
		return io.EOF
	}
	return errStopped
}

// look finds out at the end of the file whether it has grown or is over. It looks for
// growth only if reading is set.
func (g *growing) look(reading bool) (grown bool, err error) {
	st, err := g.file.Stat()
	if err != nil {
		return false, err
	}
	at, err := g.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, err
	}
	other := st.Size() < at
	if !other && reading {
		if other, err = g.wasRewritten(at); err != nil {
			return false, err
		}
	}
	switch {
	case other:
		g.over, g.rewritten = true, true
		return false, nil
	case reading && st.Size() > at:
		return true, nil
	case g.replaced:
		g.over = true
		return false, nil
	}
	g.replaced = g.taken()
	return g.replaced, nil // what came before it was replaced is read first
}

// remember keeps the end of what was read. A decoder may have gone back before.
func (g *growing) remember(read []byte) {
	at := g.f.r.in.n.Load()
	if at != g.next {
		g.mark = g.mark[:0]
	}
	g.next = at + int64(len(read))
	if over := len(g.mark) + len(read) - markSize; over > 0 {
		g.mark = g.mark[:copy(g.mark, g.mark[min(over, len(g.mark)):])]
	}
	g.mark = append(g.mark, read[max(0, len(read)-markSize):]...)
}

// wasRewritten reports whether the file was rewritten: the bytes before the offset at are
// not those that were read.
func (g *growing) wasRewritten(at int64) (bool, error) {
	now := g.now[:min(int64(len(g.mark)), at)]
	n, err := g.file.ReadAt(now, at-int64(len(now)))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n < len(now) || !bytes.Equal(now, g.mark[len(g.mark)-n:]), nil
}

// taken reports whether another file has the name, and is to be read.
func (g *growing) taken() bool {
	f := g.f
	st, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.absent() && f.asides.newer(f.name, g)
	case err != nil:
		f.failed(err)
	case st.IsDir():
		f.failed(&fs.PathError{Op: "read", Path: f.name, Err: errDirectory})
	case !st.Mode().IsRegular():
		f.failed(&fs.PathError{Op: "read", Path: f.name, Err: errNotRegular})
	case os.SameFile(st, g.info):
		f.present()
	case st.Size() > 0:
		return true
	case g.empty == nil || !os.SameFile(st, g.empty):
		// The writer may still be writing to the old file. The new file is next once it
		// holds something, unless others come in between.
		g.empty = st
		return f.asides.newer(f.name, g)
	}
	return false
}
