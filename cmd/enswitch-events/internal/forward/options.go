// Package forward has what the command forward does with the events: it writes them to the
// queues of the targets.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// Options are the flags of the targets and their queues.
type Options struct {
	To           []string
	queue        string
	fsync        string
	drainTimeout time.Duration

	own targetSettings
	set pflag.FlagSet // the flags of targets and queues
}

// BindTargets adds the flags of targets to f.
func (o *Options) BindTargets(f *pflag.FlagSet) {
	f.StringArrayVar(&o.To, "to", nil, "deliver every event to `TARGET`: http://…, https://…, nats://…, tls://…, file:PATTERN or exec:COMMAND; repeatable; #format=form&batch=100 at its end are settings of its own")
	o.own.bind(f)
	o.set.AddFlagSet(f)
}

// BindQueue adds the flags of the queues to f.
func (o *Options) BindQueue(f *pflag.FlagSet) {
	o.own.bindQueue(f)
	f.StringVar(&o.fsync, "fsync", "5ms", "have events on the disk within this `TIME`, against a loss of power; or always, or never")
	o.BindDirectory(f)
	o.BindDrain(f)
	o.set.AddFlagSet(f)
}

// BindDirectory adds the flag of the directory to f.
func (o *Options) BindDirectory(f *pflag.FlagSet) {
	f.StringVar(&o.queue, "queue", "", "keep the queues in the directory `DIR` (default: queue in the user's state directory)")
}

// BindDrain adds the flag of the time to deliver what waits to f.
func (o *Options) BindDrain(f *pflag.FlagSet) {
	flags.DurationVar(f, &o.drainTimeout, "drain-timeout", 30*time.Second, "at the end, deliver what waits for at most this `TIME`")
}

// Directory returns the directory of the queues.
func (o *Options) Directory() (string, error) {
	if o.queue != "" {
		return o.queue, nil
	}
	dir, err := settings.StatePath("queue")
	if err != nil {
		return "", cli.Usage("name a directory by --queue DIR", "%w", err)
	}
	return dir, nil
}

// Targets are the targets of a run.
type Targets struct {
	a       *cli.App
	o       *Options
	dir     string
	targets []*target
	unknown int // queues whose targets are not known
	latency *metrics.Histogram

	mu   sync.Mutex // guards the fields after it while metrics are served
	open []*forward.Forwarder
	logs []*targetLog
	out  writer
}

// Compile checks the flags and returns the targets. Nothing is opened.
func (o *Options) Compile(a *cli.App) (*Targets, error) {
	if len(o.To) == 0 {
		return nil, cli.Usage(targetHint, "there is no target: say where the events go by --to TARGET")
	}
	return o.compile(a)
}

func (o *Options) compile(a *cli.App) (*Targets, error) {
	t := &Targets{a: a, o: o, latency: metrics.NewHistogram("target_latency_seconds", "Time of a delivery, by target.", "target")}
	sync, err := o.sync()
	if err != nil {
		return nil, err
	}
	if o.drainTimeout < 0 {
		return nil, cli.Usage("0 delivers nothing more", "--drain-timeout %v: must not be negative", o.drainTimeout)
	}
	if t.dir, err = o.Directory(); err != nil {
		return nil, err
	}
	seen, shown := map[string]bool{}, map[string]int{}
	for _, text := range o.To {
		one, err := parseTarget(&o.set, text)
		if err != nil {
			return nil, err
		}
		if seen[one.dir] {
			return nil, cli.Usage("name each target once", "--to %s is given twice", one.name)
		}
		seen[one.dir] = true
		shown[one.name]++
		one.options.Sync = sync
		t.targets = append(t.targets, one)
	}
	for _, one := range t.targets {
		if shown[one.name] > 1 { // only what is not shown tells them apart
			one.name += " (" + one.dir[len(one.dir)-8:] + ")"
			one.options.Name = one.name
		}
	}
	return t, nil
}

// sync returns the time of --fsync.
func (o *Options) sync() (time.Duration, error) {
	switch o.fsync {
	case "always", "":
		return 0, nil
	case "never":
		return -1, nil
	}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	var d time.Duration
	flags.DurationVar(f, &d, "fsync", 0, "")
	if err := f.Set("fsync", o.fsync); err != nil || d < 0 {
		return 0, cli.Usage("write it like 5ms, 100ms or 1s, or always or never", "--fsync %q is no time", o.fsync)
	}
	return d, nil
}

// Destination is where the engine writes: the queues. With wait, which is for captures, a
// write waits while a queue is nearly full, until ctx is done.
func (t *Targets) Destination(ctx context.Context, wait bool) *flags.Destination {
	if t.out.ctx = ctx; wait {
		for _, one := range t.targets {
			t.out.limits = append(t.out.limits, &limit{bytes: one.options.MaxBytes, givenUp: -1})
		}
	} else {
		// The sync of a queue holds a processor of the Go runtime until that notices, for up to
		// 10 ms, and senders of POSTs would wait for it.
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(t.targets) + 1)
	}
	open := func() error {
		others := t.others()
		if err := alone(others); err != nil {
			return err
		}
		err := t.Open()
		if err == nil {
			t.nameOthers(others)
		}
		return err
	}
	return &flags.Destination{Open: open, Out: &t.out, Encoder: newEncoder}
}

// Open opens the queues and begins to deliver what they hold.
func (t *Targets) Open() error {
	if err := t.openAll(); err != nil {
		t.close(context.Background())
		return err
	}
	t.out.to = t.open
	return nil
}

func (t *Targets) openAll() error {
	// A request leaves some KB of garbage, and little else is on the heap, so by default it
	// would be collected dozens of times a second.
	debug.SetGCPercent(400)
	for _, one := range t.targets {
		l := &targetLog{log: t.a.Log, name: one.name, dead: filepath.Join(t.dir, one.dir)}
		one.log = l
		l.hook(&one.options)
		one.options.OnDelivery = t.latency.Of(one.name)
		f, err := forward.Open(filepath.Join(t.dir, one.dir), &one.options)
		if err != nil {
			return queueError(one.name, t.dir, err)
		}
		l.before = f.Before()
		t.mu.Lock()
		t.open, t.logs = append(t.open, f), append(t.logs, l)
		t.mu.Unlock()
		if n := l.before.Waiting; n > 0 {
			t.a.Log.Info(fmt.Sprintf("%s: %s in the queue from before", one.name, cli.Plural(n, "event")), "target", one.name, "waiting", n)
		}
	}
	return nil
}

// queueError returns the error for a queue that cannot be opened.
func queueError(name, dir string, err error) error {
	if used, ok := errors.AsType[*spool.InUseError](err); ok {
		return cli.NewError(cli.ExitFailure, fmt.Errorf("%s: its queue in %s is in use by process %d", name, dir, used.PID),
			"only one forward at a time uses a queue: --queue DIR names another directory")
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path // without the packages that it came through
	}
	return cli.NewError(cli.ExitFailure, fmt.Errorf("%s: its queue in %s cannot be opened: %s", name, dir, cli.OneLine(oserr.File(err))), "--queue DIR names another directory")
}

// closeTime is how long the deliveries that are under way may take at the end.
const closeTime = 5 * time.Second

// Finish is called at the end of a run, with its error: it delivers what waits, unless ctx
// is done, closes the queues, and returns the error of the program.
func (t *Targets) Finish(ctx context.Context, failOnLoss bool, err error) error {
	failed, _ := errors.AsType[*cli.Error](err)
	if len(t.open) > 0 && ctx.Err() == nil && (failed == nil || failed.Code != cli.ExitConnect && failed.Code != cli.ExitKey) {
		t.Drain(ctx)
	}
	dropped := t.close(ctx)
	if err == nil && failOnLoss && dropped > 0 {
		return cli.NewError(cli.ExitLoss, fmt.Errorf("events were lost: %s dropped from the queues", cli.Plural(dropped, "event")), "")
	}
	return err
}

// Drain delivers what waits, for the time of --drain-timeout, and returns how many events
// wait then.
func (t *Targets) Drain(ctx context.Context) (left int64) {
	ctx, cancel := context.WithTimeout(ctx, t.o.drainTimeout)
	defer cancel()
	for _, f := range t.open {
		left += f.Drain(ctx)
	}
	return left
}

// close closes the queues, and returns how many events were dropped.
func (t *Targets) close(ctx context.Context) (dropped int64) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	done := make(chan error, len(t.open))
	for _, f := range t.open {
		go func() { done <- f.Close(late) }()
	}
	for range t.open {
		if err := <-done; err != nil {
			t.a.Log.Warn(cli.OneLine(err))
		}
	}
	for i, l := range t.logs {
		dropped += l.finish(t.open[i].Counts())
	}
	t.mu.Lock()
	t.open, t.logs = nil, nil
	t.mu.Unlock()
	return dropped
}

// DryRun checks the targets and the queues and sends nothing.
func (t *Targets) DryRun(ctx context.Context) error {
	var failed error
	for _, one := range t.targets {
		one.log = &targetLog{log: t.a.Log, name: one.name}
		err := one.options.Target.Check(ctx)
		if err == nil {
			err = checkQueue(filepath.Join(t.dir, one.dir))
			if err != nil {
				err = queueError(one.name, t.dir, err)
			}
		} else {
			err = cli.NewError(cli.ExitFailure, fmt.Errorf("%s: %w", one.name, err), errorHint(err))
		}
		if err == nil {
			t.a.Log.Info(one.name+": ok", "target", one.name)
			continue
		}
		if failed != nil {
			t.a.Log.Error(cli.OneLine(failed))
		}
		failed = err
	}
	return failed
}

// checkQueue opens and closes a queue.
func checkQueue(dir string) error {
	q, err := spool.Open(dir, &spool.Options{Durable: true})
	if err != nil {
		return err
	}
	return q.Close()
}
