package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// recordFlags are the flags of the recording.
type recordFlags struct {
	file    string
	maxSize flags.Size
	maxAge  time.Duration
	keep    int
}

// Bind adds the flags to f.
func (o *recordFlags) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.file, "record", "", "record every event received, before the filters, in `FILE`, one a line; .zst or .gz compresses; %Y %m %d %H stand for the time")
	f.Var(&o.maxSize, "record-max-size", "rename the file and start a new one when it reaches this size")
	flags.DurationVar(f, &o.maxAge, "record-max-age", 0, "rename the file and start a new one after this `TIME`")
	f.IntVar(&o.keep, "record-keep", 0, "keep the last `N` files beside the current one, and remove older ones (default: keep all)")
}

// leastSize is the smallest size of a recording: the names of the three fields that every event
// has take more. Who writes 5 means 5MiB.
const leastSize = 30

func (o *recordFlags) validate(changed func(string) bool) error {
	switch {
	case changed("record") && o.file == "":
		return cli.Usage("leave it out not to record", "--record: the name of the file is empty")
	case o.file == "-":
		return cli.Usage("events go to stdout anyway: leave out --record and write -o json > FILE", "--record -: it takes the name of a file")
	case o.maxSize > 0 && o.maxSize < leastSize:
		return cli.Usage("write a unit, as in --record-max-size 100MiB", "--record-max-size %s: every event is larger", &o.maxSize)
	case o.maxAge < 0:
		return cli.Usage("leave it out for no limit", "--record-max-age %v: must not be negative", o.maxAge)
	case o.keep < 0:
		return cli.Usage("leave it out to keep all", "--record-keep %d: must not be negative", o.keep)
	}
	return nil
}

// recordDrain is how long the recording may go on writing after a first signal: a little
// less than the 5 s in which the program ends.
const recordDrain = 4500 * time.Millisecond

// recorder records the events received. The sources write to it, so that a slow reader
// of stdout, or none, does not matter to it.
type recorder struct {
	w      *capture.Writer
	file   string
	cancel context.CancelFunc

	mu  sync.Mutex
	err error // why the recording ended, nil while it goes on
}

// open returns the recorder, or nil without --record. The file is created with the first
// event; open checks that it can be. warn is called with an error that does not end the
// recording, onPanic as [capture.WriterOptions.OnPanic].
func (o *recordFlags) open(warn func(msg string), onPanic func()) (*recorder, error) {
	if o.file == "" {
		return nil, nil
	}
	r := &recorder{file: o.file, cancel: func() {}}
	var err error
	r.w, err = capture.Create(o.file, &capture.WriterOptions{
		MaxSize: int64(o.maxSize), MaxAge: o.maxAge, Keep: o.keep, OnError: r.failed, OnPanic: onPanic,
		OnWarn: func(err error) { warn("--record: " + cli.OneLine(err)) },
	})
	switch {
	case errors.Is(err, capture.ErrName):
		return nil, cli.Usage("it is the name of a file, like events.ndjson or %Y-%m-%d.ndjson.zst", "--record: %w", err)
	case errors.Is(err, syscall.EISDIR):
		return nil, cli.NewError(cli.ExitOutput, fmt.Errorf("--record: %w", oserr.File(err)), "name a file in it, like "+filepath.Join(o.file, "events.ndjson"))
	case err != nil:
		return nil, cli.NewError(cli.ExitOutput, fmt.Errorf("--record: %w", oserr.File(err)), "the directory must be there, and the file yours to write")
	}
	return r, nil
}

// failed ends the run: events that are not recorded are lost.
func (r *recorder) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	r.cancel()
}

// endedBy makes failed call cancel, which ends the run. When ctx is done, after a first
// signal, the recording no longer waits for the reader of a FIFO.
func (r *recorder) endedBy(ctx context.Context, cancel context.CancelFunc) {
	context.AfterFunc(ctx, r.w.StopWaiting)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel = cancel; r.err != nil {
		cancel()
	}
}

// write records one event. It never waits.
func (r *recorder) write(raw []byte) {
	_ = r.w.Write(raw) // close returns what was lost
}

// close writes what is left. It returns how many events were not recorded, and why the
// recording ended early, if it did. It returns when late is done at the latest. outcome
// is the error of the run: without a connection no file is created.
func (r *recorder) close(late context.Context, outcome error) (lost int64, err error) {
	if e, ok := errors.AsType[*cli.Error](outcome); !ok || e.Code != cli.ExitConnect && e.Code != cli.ExitKey {
		r.w.CreateFile()
	}
	err = r.w.Close(late)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		err = r.err
	}
	lost = r.w.Lost()
	if err == nil {
		return lost, nil
	}
	err = fmt.Errorf("the recording in %s ended: %w", r.file, oserr.File(err))
	if lost > 0 {
		err = fmt.Errorf("%w: %s not recorded", err, cli.Plural(lost, "event"))
	}
	hint := "what was written before is whole"
	if errors.Is(err, fs.ErrNotExist) {
		hint = "the directory was moved or removed, and what was recorded before went with it"
	} else if st, err := os.Stat(r.file); err == nil && st.Mode()&os.ModeNamedPipe != 0 {
		hint = ""
	}
	return lost, cli.NewError(cli.ExitOutput, err, hint)
}
