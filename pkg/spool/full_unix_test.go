//go:build unix

package spool

import (
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// complaint panics where a test would fail: the child process has no *testing.T.
type complaint struct{}

func (complaint) Helper()                           {}
func (complaint) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func childLimit(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	const limit = 100_000
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		fmt.Println("skip: cannot limit the size of files:", err)
		return nil
	}
	q, err := Open(dir, &Options{Durable: true})
	if err != nil {
		return err
	}
	var next uint64
	var full error
	for full == nil {
		size, count := q.Bytes(), q.Len()
		full = q.Append(numbered(next), numbered(next+1), numbered(next+2))
		switch {
		case full == nil:
			next += 3
		case q.Bytes() != size || q.Len() != count:
			return errors.New("the failed append changed the queue")
		}
	}
	if !errors.Is(full, unix.EFBIG) {
		return full
	}
	if info, err := q.w.Stat(); err != nil || info.Size() != q.Bytes() {
		return fmt.Errorf("the rest of the failed append is still there: %w", err)
	}
	if err := q.Append(make([]byte, limit)); !errors.Is(err, unix.EFBIG) {
		return err
	}
	// What still fits is taken, now and by the next process.
	mustAppend(complaint{}, q, nil)
	if err := q.Close(); err != nil {
		return err
	}
	if q, err = Open(dir, &Options{Durable: true}); err != nil {
		return err
	}
	records, damage := drain(complaint{}, q)
	if uint64(len(records)) != next+1 || len(damage) != 0 || q.Truncated() != 0 {
		return fmt.Errorf("%d records of %d, damage %v, cut %d", len(records), next+1, damage, q.Truncated())
	}
	for n := range next {
		if got := number(complaint{}, records[n]); got != n {
			return fmt.Errorf("record %d is %d", n, got)
		}
	}
	if err := q.Close(); err != nil {
		return err
	}
	fmt.Println("good")
	return nil
}
