package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/internal/filelock"
)

// plainPrefix is the prefix of the name of a plain queue's directory.
const plainPrefix = "enswitch-spool-"

// claim opens and locks a directory.
func claim(dir string) (*os.Root, *os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	lock, err := claimRoot(root)
	if err != nil {
		_ = root.Close()
		return nil, nil, err
	}
	return root, lock, nil
}

func claimRoot(root *os.Root) (*os.File, error) {
	lock, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(lock); err != nil {
		if errors.Is(err, ErrInUse) {
			err = &os.PathError{Op: "lock", Path: lock.Name(), Err: &InUseError{PID: owner(lock)}}
		}
		_ = lock.Close()
		return nil, err
	}
	// Only the message to others needs the number of the process.
	if lock.Truncate(0) == nil {
		_, _ = lock.WriteString(strconv.Itoa(os.Getpid()))
	}
	return lock, nil
}

// tryLock locks a file until it is closed, or until the process ends in any way. The
// error wraps ErrInUse if the file is locked already.
func tryLock(f *os.File) error {
	locked, err := filelock.Try(f)
	if err == nil && !locked {
		err = ErrInUse
	}
	if err != nil {
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return nil
}

// owner returns the number of the process that has the lock, 0 if the file does not say.
func owner(lock *os.File) int {
	var text [20]byte
	n, _ := lock.ReadAt(text[:], 0)
	pid, err := strconv.Atoi(string(text[:n]))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// claimNew makes a new directory inside dir, opens and locks it.
func claimNew(dir string) (*os.Root, *os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	sweep(dir)
	for try := 0; ; try++ {
		own := filepath.Join(dir, plainPrefix+rand.Text())
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, nil, err
		}
		root, lock, err := claim(own)
		if err == nil {
			// Another process may have swept it away before it was locked.
			held, err1 := lock.Stat()
			named, err2 := root.Lstat(lockName)
			if err1 == nil && err2 == nil && os.SameFile(held, named) {
				return root, lock, nil
			}
			_ = lock.Close()
			_ = root.Close()
			err = fs.ErrNotExist
		}
		if try == 10 || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrInUse) {
			return nil, nil, err
		}
	}
}

// sweep removes the directories that killed processes left in dir: those that are not
// locked. What it must not remove stays.
func sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), plainPrefix) {
			own := filepath.Join(dir, e.Name())
			sweepFiles(own)
			// This fails if a file is left.
			_ = os.Remove(own)
		}
	}
}

func sweepFiles(own string) {
	root, err := os.OpenRoot(own)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	lock, err := root.OpenFile(lockName, os.O_RDWR, 0)
	if err != nil {
		return // a directory without a lock is being made, or is not a queue's
	}
	defer func() { _ = lock.Close() }()
	if tryLock(lock) == nil {
		_ = discard(root)
	}
}

// discard removes the files of a plain queue. It removes the lock, which is held,
// last: a later sweep finds it if this process is killed.
func discard(root *os.Root) error {
	names, err := segmentFiles(root)
	for _, name := range append(names, lockName) {
		if e := root.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// segmentFiles returns the names of the segments, oldest first.
func segmentFiles(root *os.Root) (names []string, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if _, ok := segmentFirst(e.Name()); !ok {
			continue
		}
		if !e.Type().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", filepath.Join(root.Name(), e.Name()))
		}
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}

// recover reads the directory of a durable queue.
func (q *Queue) recover() error {
	if err := q.openAcked(); err != nil {
		return err
	}
	saved := q.salt != 0
	if err := q.readSegments(true); err != nil {
		return err
	}
	if q.salt == 0 {
		q.salt = newSalt()
	}
	if !saved { // on a full disk the segments have it all the same
		_, _ = q.acks.WriteAt(encode(saltMagic, q.salt), 2*slotDistance)
	}
	if n := len(q.segs); n > 0 && q.segs[n-1].first == q.segs[n-1].next {
		// It is empty, and the next segment has the same name.
		seg := q.segs[n-1]
		if err := q.root.Remove(segmentName(seg.first)); err != nil {
			return err
		}
		q.segs = q.segs[:n-1]
		q.bytes -= seg.size
	}
	return q.reclaim()
}

// readSegments looks at all segments and sets the offsets. With repair it cuts off what is
// damaged at the end.
func (q *Queue) readSegments(repair bool) error {
	names, err := segmentFiles(q.root)
	if err != nil {
		return err
	}
	newest := q.ackOffset
	if len(names) > 0 {
		first, _ := segmentFirst(names[len(names)-1])
		newest = max(newest, first)
	}
	if newest >= maxOffset {
		return fmt.Errorf("%s: offset %d is out of range", q.root.Name(), newest)
	}
	for i, name := range names {
		seg, err := q.inspect(name, i == len(names)-1, repair)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(q.root.Name(), name), err)
		}
		if i > 0 {
			q.segs[i-1].next = seg.first
		}
		q.segs = append(q.segs, seg)
		q.bytes += seg.size
		q.endOffset = seg.next
	}
	if len(q.segs) > 0 {
		// A segment is removed only when all its records are done with, even if the file
		// of acknowledgements has a lower offset.
		q.ackOffset = max(q.ackOffset, q.segs[0].first)
	}
	q.readOffset = q.ackOffset
	q.endOffset = max(q.endOffset, q.ackOffset)
	return nil
}

// inspect opens a segment and checks its header. The newest segment ends after its last whole
// record; with repair it is truncated there. Damage before that is left to Next.
func (q *Queue) inspect(name string, newest, repair bool) (seg segment, err error) {
	mode := os.O_RDONLY
	if repair {
		mode = os.O_RDWR
	}
	f, err := q.root.OpenFile(name, mode, 0)
	if err != nil {
		return seg, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return seg, err
	}
	first, _ := segmentFirst(name)
	seg = segment{first: first, next: first, size: info.Size()}
	r := &q.r
	err = r.open(f, first, q.salt)
	defer func() { r.file = nil }() // f is closed above
	if err == nil && q.salt == 0 {
		q.salt = r.f.salt
	}
	switch {
	case err != nil && !errors.Is(err, errHeader):
		return seg, err
	case !newest:
		return seg, nil
	}
	if err := r.count(seg.size); err != nil {
		return seg, err
	}
	seg.next = r.next
	if whole := r.off; whole < seg.size {
		cut := seg.size - whole
		seg.size = whole
		if !repair {
			return seg, nil
		}
		if whole == 0 || !isUnused(f, whole) {
			q.truncated = cut
		}
		if err := f.Truncate(whole); err != nil {
			return seg, err
		}
		return seg, q.syncFile(f)
	}
	return seg, nil
}

// isUnused reports whether no record begins at byte off of a segment.
func isUnused(f *os.File, off int64) bool {
	var head [recordHeader]byte
	n, _ := f.ReadAt(head[:], off)
	return n > 0 && head == [recordHeader]byte{}
}

// newSalt returns a salt. It is not 0, which means that there is none.
func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// openAcked opens and reads the file of acknowledgements. If it is damaged, records
// come again: that is better than losing them.
func (q *Queue) openAcked() (err error) {
	if info, err := q.root.Lstat(ackedName); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", filepath.Join(q.root.Name(), ackedName))
	}
	q.acks, err = q.root.OpenFile(ackedName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if info, err := q.acks.Stat(); err == nil && info.Size() == 0 {
		_, _ = q.acks.WriteAt(make([]byte, 2*slotDistance+segmentHeader), 0) // room for the slots when the disk is full
	}
	return q.readAcked(q.acks)
}

func (q *Queue) readAcked(f *os.File) error {
	for slot := range 2 {
		var offset uint64
		if err := decode(f, int64(slot)*slotDistance, ackedMagic, &offset); err != nil {
			if errors.Is(err, errHeader) {
				continue
			}
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		if offset >= q.ackOffset {
			q.ackOffset, q.slot = offset, 1-slot
		}
	}
	_ = decode(f, 2*slotDistance, saltMagic, &q.salt) // otherwise the segments have it
	return nil
}
