package post

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is the time limit of a connection's reads, or of its writes.
//
// net/http sets one anew for every part of every request, eight times in all,
// and next to none is ever reached. Each time a timer would be moved, which
// together costs more than the parsing of the event. So the socket's own
// deadline stays where it is unless that is too late, and is moved when it is
// found to be too early: once in some seconds.
type deadline struct {
	move func(time.Time) error // moves the socket's own

	mu     sync.Mutex
	want   time.Time // what was asked for, zero for none
	have   time.Time // the socket's own
	active int       // reads, or writes, under way
}

// set is SetReadDeadline or SetWriteDeadline.
func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if d.active > 0 && d.tooLate() {
		return d.meet()
	}
	return nil
}

// begin comes before a read or write. Its error is that the deadline has
// passed already; without one, again has to be called afterwards.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tooLate() {
		if d.passed() {
			return os.ErrDeadlineExceeded
		}
		if err := d.meet(); err != nil {
			return err
		}
	}
	d.active++
	return nil
}

// again comes after a read or write that returned err, and reports whether
// only the socket's own deadline has passed: it is to go on then.
func (d *deadline) again(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	return err != nil && errors.Is(err, os.ErrDeadlineExceeded) && !d.passed() && d.meet() == nil
}

// tooLate reports whether the socket's own deadline is later than the one that
// is wanted.
func (d *deadline) tooLate() bool {
	return !d.want.IsZero() && (d.have.IsZero() || d.have.After(d.want))
}

func (d *deadline) passed() bool { return !d.want.IsZero() && time.Until(d.want) <= 0 }

func (d *deadline) meet() error {
	d.have = d.want
	return d.move(d.want)
}
