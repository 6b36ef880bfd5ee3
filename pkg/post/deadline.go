package post

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is the time limit of a connection's reads, or of its writes.
//
// net/http sets a new one for each part of each request, eight times in all, and hardly
// any is ever reached. Moving the socket's deadline each time would cost more than the
// parsing of the event. So the socket's deadline is moved only if it is too late, or
// once it turns out to have been too early: once in some seconds.
type deadline struct {
	move func(time.Time) error // moves the socket's deadline

	mu     sync.Mutex
	want   time.Time // what was asked for, zero for none
	have   time.Time // the socket's
	active int       // number of reads, or writes, that are running
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

// begin is called before a read or write. It returns an error if the deadline has
// passed. Otherwise again must be called afterwards.
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

// again is called after a read or write that returned err. It reports whether to read
// or write again, as only the socket's deadline has passed.
func (d *deadline) again(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	return err != nil && errors.Is(err, os.ErrDeadlineExceeded) && !d.passed() && d.meet() == nil
}

// tooLate reports whether the socket's deadline is later than the wanted one.
func (d *deadline) tooLate() bool {
	return !d.want.IsZero() && (d.have.IsZero() || d.have.After(d.want))
}

func (d *deadline) passed() bool { return !d.want.IsZero() && time.Until(d.want) <= 0 }

func (d *deadline) meet() error {
	d.have = d.want
	return d.move(d.want)
}
