package messaged

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// overdue is a connection whose first reads, times of them, fail at the deadline. The
// others return bytes.
type overdue struct {
	net.Conn
	times     int
	deadlines []time.Time
}

func (o *overdue) SetReadDeadline(t time.Time) error {
	o.deadlines = append(o.deadlines, t)
	return nil
}

func (o *overdue) Read(p []byte) (int, error) {
	if o.times > 0 {
		o.times--
		return 0, os.ErrDeadlineExceeded
	}
	return copy(p, "x"), nil
}

// TestSuspended: if the deadline passes while the process is suspended, the bytes that came
// meanwhile are read, and the next read has a new deadline.
func TestSuspended(t *testing.T) {
	const timeout = 40 * time.Second
	for times, want := range []error{nil, nil, os.ErrDeadlineExceeded} {
		o := &overdue{times: times}
		c := &conn{Conn: o, ctx: t.Context(), onWait: func() {}, limit: -1, timeout: timeout}
		n, err := c.Read(make([]byte, 9))
		if !errors.Is(err, want) || (n == 1) != (want == nil) {
			t.Errorf("%d times late: %d, %v", times, n, err)
		}
		if want != nil {
			continue
		}
		if _, err := c.Read(make([]byte, 9)); err != nil {
			t.Error(err)
		}
		if last := o.deadlines[len(o.deadlines)-1]; time.Until(last) < timeout/2 {
			t.Errorf("%d times late: %v left for the next read", times, time.Until(last))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &conn{Conn: &ending{cancel: cancel}, ctx: ctx, onWait: func() {}, limit: -1, timeout: timeout}
	if _, err := c.Read(make([]byte, 9)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// ending is a connection on which a read ends because the context did.
type ending struct {
	overdue
	cancel func()
}

func (e *ending) Read([]byte) (int, error) {
	e.cancel()
	return 0, os.ErrDeadlineExceeded
}
