package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// recordOptions are the flags that keep what is received.
type recordOptions struct {
	file    string
	maxSize size
	maxAge  time.Duration
	keep    int
}

func (o *recordOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&o.file, "record", "", "keep every event received, before filters, in `FILE`: one a line, .zst or .gz compresses, %Y %m %d %H stand for the time")
	f.Var(&o.maxSize, "record-max-size", "set the file aside and begin a new one from this size on")
	f.DurationVar(&o.maxAge, "record-max-age", 0, "the same, from this `TIME` on")
	f.IntVar(&o.keep, "record-keep", 0, "keep `N` files beside the current one, and remove older ones (default: all)")
}

func (o *recordOptions) validate(changed func(string) bool) error {
	switch {
	case o.file == "" && (changed("record-max-size") || changed("record-max-age") || changed("record-keep")):
		return usage("--record FILE says where to", "--record-max-size, --record-max-age and --record-keep need --record")
	case changed("record") && o.file == "":
		return usage("leave it out not to record", "--record: the name of the file is empty")
	case o.maxAge < 0 || o.keep < 0:
		return usage("leave them out for no limit", "--record-max-age and --record-keep: not below 0")
	}
	return nil
}

// recorder keeps what is received. It is fed by the sources, so a reader of
// stdout that is slow, or gone, does not matter to it.
type recorder struct {
	w      *capture.Writer
	file   string
	behind atomic.Int64 // events for which the disk was too slow
	cancel context.CancelFunc

	mu  sync.Mutex
	err error // why the recording has ended
}

// open begins the recording; nil if there is none to make.
func (o *recordOptions) open() (*recorder, error) {
	if o.file == "" {
		return nil, nil
	}
	r := &recorder{file: o.file, cancel: func() {}}
	var err error
	r.w, err = capture.Create(o.file, &capture.WriterOptions{
		MaxSize: int64(o.maxSize), MaxAge: o.maxAge, Keep: o.keep, OnError: r.failed,
	})
	if err != nil {
		return nil, &exitError{exitOutput, fmt.Errorf("--record: %w", err), "the directory must be there, and the file yours to write"}
	}
	return r, nil
}

// failed ends the run: what is not recorded is lost, and somebody must know.
func (r *recorder) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	r.cancel()
}

// endedBy makes failed end the run of ctx.
func (r *recorder) endedBy(cancel context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel = cancel; r.err != nil {
		cancel()
	}
}

// write records one event. It never waits.
func (r *recorder) write(raw []byte) {
	if errors.Is(r.w.Write(raw), capture.ErrBehind) {
		r.behind.Add(1)
	}
}

// close writes what is left, and returns why the recording is not whole.
func (r *recorder) close() error {
	err := r.w.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		err = r.err
	}
	if err != nil {
		return &exitError{exitOutput, fmt.Errorf("the recording in %s ended: %w", r.file, err), "what was written before is whole"}
	}
	return nil
}
