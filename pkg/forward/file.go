package forward

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// fileTarget appends events to files.
type fileTarget struct {
	name string
	mu   sync.Mutex
	w    *capture.Writer // nil before the first event, and after an error
}

// NewFile returns a target that appends events to a file, one a line. In the name %Y, %m,
// %d, %H, %M and %S stand for the time, and .gz and .zst compress, as with
// [capture.Create]. It is for one delivery at a time; each is a gzip member or zstd frame of
// its own, so it should be large.
func NewFile(name string) (Target, error) {
	if strings.TrimSpace(name) == "" || strings.HasSuffix(name, string(filepath.Separator)) {
		return nil, errors.New("forward: the name of the file is empty")
	}
	t := &fileTarget{name: name}
	w, err := capture.Create(name, nil)
	if errors.Is(err, capture.ErrName) {
		return nil, err
	}
	if err == nil {
		t.w = w
	}
	return t, nil
}

// Deliver implements Target.
func (t *fileTarget) Deliver(ctx context.Context, items []*Item) []Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.write(ctx, items); err != nil {
		return forAll(len(items), Result{Verdict: Unreachable, Reason: cut(err.Error())})
	}
	return forAll(len(items), Result{Verdict: Done})
}

// write writes items, all of them or, as far as is known, none. mu is held.
func (t *fileTarget) write(ctx context.Context, items []*Item) (err error) {
	if t.w == nil {
		if t.w, err = capture.Create(t.name, nil); err != nil {
			return oserr.File(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	for _, it := range items {
		if err = t.w.Write(it.Payload); err != nil {
			break
		}
	}
	if err == nil {
		err = t.w.Flush(ctx)
	}
	if err == nil {
		return nil
	}
	// What is written later would be there twice.
	late, stop := context.WithCancel(context.Background())
	stop()
	_ = t.w.Close(late)
	t.w = nil
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: not written within %v", t.name, defaultTimeout)
	}
	return oserr.File(err)
}

// Check implements Target.
func (t *fileTarget) Check(context.Context) error {
	w, err := capture.Create(t.name, nil)
	if err != nil {
		return oserr.File(err)
	}
	return w.Close(context.Background())
}

// Close implements Target.
func (t *fileTarget) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.w == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return t.w.Close(ctx)
}
