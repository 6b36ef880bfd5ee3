package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/talk"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// catOptions are the flags of cat.
type catOptions struct {
	filter       filterOptions
	output       outputOptions
	end          endOptions
	merge        bool
	since, until string
	strict       bool
	maxMessage   size
}

func newCat(a *app) *cobra.Command {
	o := &catOptions{}
	cmd := &cobra.Command{
		Use:   "cat [FILE…]",
		Short: "Events from captures or standard input",
		Long: `Print the events of captures: files with an event on each line, plain or
compressed with gzip or zstd, which is found out by their content. Without a
FILE, or where FILE is -, standard input is read.

Several files are read one after the other; --merge reads them side by side and
prints the event with the least timestamp first.

--since and --until-time compare the field timestamp: from --since on, and
before --until-time. It is Unix time in seconds, as in the feed; an integer of
13, 16 or 19 digits is milliseconds, microseconds or nanoseconds, and RFC 3339
with a zone is taken, too. An event without a timestamp is in no bounds. In a plain
file of 16 MiB or more that is sorted by time only the part around the bounds
is read, and a minute more on each side. It is taken for sorted if the times in
256 places of it rise; --strict reads all of it.

With -c, -e, -w or -q that demand a plain text, as -q '.event == "answer"' does,
only the lines in which it stands are looked at. All others are counted as filtered out, whatever they hold;
--strict checks each of them, and counts as rejected those that are no events.

A file that cannot be read, or that is damaged, is reported with the place, and
everything else is read. The exit code is then 1.`,
		Example: `  enswitch-events cat events.ndjson.zst -c call -e answer
  enswitch-events cat --merge machine*.ndjson --since -2h -o line
  enswitch-events cat monday.gz --since 2026-11-23T09:00:00Z --until-time 2026-11-23T09:05:00Z
  zstd -dc events.zst | enswitch-events cat -q 'select(.machine == 3) | .callid'`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return o.run(cmd.Context(), a, cmd, names)
		},
	}
	group(cmd, "Filters", o.filter.bind)
	group(cmd, "Output", o.output.bind)
	group(cmd, "How far", func(f *pflag.FlagSet) {
		f.Int64VarP(&o.end.count, "count", "n", 0, "end after `N` kept events")
		f.StringVar(&o.end.until, "until", "", "end after the first event, kept or not, for which the jq `EXPR` is true, and print it")
		f.StringVar(&o.end.failIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print it, and exit with code 1")
	})
	group(cmd, "Files", func(f *pflag.FlagSet) {
		f.BoolVar(&o.merge, "merge", false, "read the files side by side, in the order of the timestamps; each file must be sorted")
		f.StringVar(&o.since, "since", "", "leave out events before this `TIME`: RFC 3339, 15:04, 2026-11-22, 10m or 1d ago, yesterday, monday, or a timestamp")
		f.StringVar(&o.until, "until-time", "", "leave out events at this `TIME` and after it, written as for --since")
		f.BoolVar(&o.strict, "strict", false, "read everything and check every line")
		o.maxMessage = capture.DefaultMaxLine
		f.Var(&o.maxMessage, "max-message", "reject longer lines")
	})
	return cmd
}

func (o *catOptions) run(ctx context.Context, a *app, cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	c := &reading{a: a, faults: &faults{say: a.talk.Warn}}
	config, err := o.compile(c, cmd.Flags().Changed, names)
	if err != nil {
		return err
	}
	if a.needless != nil {
		return a.needless
	}
	if f := file(a.in); slices.Contains(names, "-") && f != nil && closed(f) {
		return &exitError{exitFailure, errors.New("could not read standard input: it is closed"), "name a FILE, or </dev/null reads nothing"}
	}
	if slices.Contains(names, "-") && terminal(a.in) != nil {
		a.talk.Info("reading events from the terminal: Ctrl-D ends it")
	}
	return c.run(ctx, config)
}

// compile makes everything that can be wrong in the flags, before anything is
// opened.
func (o *catOptions) compile(c *reading, changed func(string) bool, names []string) (*engine.Config, error) {
	if err := o.end.validate(changed); err != nil {
		return nil, err
	}
	if o.maxMessage < 1 || o.maxMessage > 1<<30 {
		return nil, usage("the default is 16MiB", "--max-message: from 1 byte to 1GiB")
	}
	if n := slices.Index(names, "-"); n >= 0 && slices.Contains(names[n+1:], "-") {
		return nil, usage("name - once", "standard input can be read once only")
	}
	config := &engine.Config{
		Count: o.end.count, Out: c.a.out, OnDamage: c.damage, OnSkip: c.skip, OnFailure: c.faults.failed,
		OnReject: func(r engine.Rejected) { c.reject(r) },
	}
	var err error
	now := time.Now()
	if config.From, err = moment("since", o.since, now); err != nil {
		return nil, err
	}
	if config.To, err = moment("until-time", o.until, now); err != nil {
		return nil, err
	}
	if config.From != 0 && config.To != 0 && config.From >= config.To {
		return nil, usage("no event is in between", "--since %s is not before --until-time %s", o.since, o.until)
	}
	vars, err := o.filter.variables()
	if err != nil {
		return nil, err
	}
	told := false
	newFilter := func(onError func(error)) (*filter.Filter, error) {
		f, err := o.filter.compile(vars, onError)
		if err == nil && !told && f.Engine() != "" {
			told = true
			c.a.talk.Debug("--jq runs by " + f.Engine())
		}
		return f, err
	}
	if _, err := newFilter(nil); err != nil {
		return nil, err
	}
	if config.Until, config.FailIf, err = o.end.queries(vars, o.filter.engine); err != nil {
		return nil, err
	}
	if !o.strict && config.Until == nil && config.FailIf == nil {
		config.Needles = engine.Needles(o.filter.class, o.filter.event, o.filter.where, o.filter.jq)
	}
	config.Tally = o.filter.tally()
	c.tally = config.Tally
	o.output.onBlank = func() {
		c.tally.Note("the template printed nothing of what the filters keep")
	}
	sink, err := engine.NewText(newFilter, func(onError func(error)) (*render.Renderer, error) {
		return o.output.compile(c.a.out, onError)
	})
	if err != nil {
		return nil, err
	}
	config.Sink, config.Header = sink, sink.Header()
	c.source = engine.NewCaptures(&engine.CaptureOptions{
		Names: names, Stdin: c.a.in, Merge: o.merge, MaxLine: int(o.maxMessage),
		Narrow: !o.strict, From: config.From, To: config.To,
	})
	if c.a.line != nil && terminal(c.a.out) != nil {
		config.Out = c.a.line.Above(c.a.out)
	}
	c.total = total(names)
	return config, nil
}

// moment returns what the flag of that name says in microseconds since 1970, 0
// if it was not given.
func moment(flag, text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := parseMoment(text, now)
	if err != nil {
		return 0, usage("", "--%s %q: %w", flag, text, err)
	}
	// A timestamp is a time after 1970, and zero means no bound.
	return max(t.UnixMicro(), 1), nil
}

// total is the size of all files, 0 if one of them has none.
func total(names []string) (n int64) {
	for _, name := range names {
		st, err := os.Stat(name)
		if name == "-" || err == nil && !st.Mode().IsRegular() {
			return 0
		}
		if err == nil {
			n += st.Size()
		}
	}
	return n
}

// reading is a run of cat.
type reading struct {
	a      *app
	faults *faults
	source *engine.Captures
	total  int64 // bytes of all files, 0 if that is unknown

	tally    *tally.Tally
	rejected rejections
	skipped  int64
	damaged  int
}

// reject says the first line of each kind that was rejected, and with -v all.
func (c *reading) reject(r engine.Rejected) {
	msg := fmt.Sprintf("%s: rejected at byte %d, no event %s", r.Source, r.Offset, rejection(r.Err, r.Excerpt, int64(r.Size)))
	if !c.rejected.first(r.Err) {
		c.a.talk.Debug(msg, "source", r.Source, "offset", r.Offset)
		return
	}
	attrs := []any{"source", r.Source, "offset", r.Offset}
	if hint := strange(r.Excerpt); hint != "" {
		attrs = append(attrs, talk.Below, hint)
	}
	c.a.talk.Warn(msg, attrs...)
}

func (c *reading) damage(err error) {
	c.damaged++
	if d, ok := errors.AsType[capture.Damage](err); ok {
		if errors.Is(d.Err, io.ErrUnexpectedEOF) {
			d.Err = errors.New("it is cut off there")
		}
		err = d
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	if c.damaged <= maxFaults {
		c.a.talk.Error(line(err))
	}
}

func (c *reading) skip(name string, bytes int64) {
	c.skipped += bytes
	c.a.talk.Debug(fmt.Sprintf("%s: %s are outside the bounds and not read", name, humanize.IBytes(uint64(bytes))), "source", name, "bytes", bytes)
}

// spareHeap is memory that is taken and never touched, so that it does not become
// resident. The heap in use is a few megabytes of blocks, and the collector, which
// waits for as much garbage as that, would run a hundred times a second when a jq
// expression needs gojq. With this it waits for so much more, however many cores
// there are; a percentage would multiply the blocks of all of them.
const spareHeap = 6 << 20

// run reads the files and says how it went.
func (c *reading) run(ctx context.Context, config *engine.Config) error {
	r := c.source
	beside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	onUSR1(beside, &running, func() { say(c.a, r.Ledger()) })
	showing := c.a.line != nil && terminal(c.a.out) == nil && c.total >= progressFrom
	if showing {
		c.a.line.Start(c.progress(r))
	}
	spare := make([]byte, spareHeap)
	end, untimed, err := r.Run(ctx, config)
	runtime.KeepAlive(spare)
	if showing {
		c.a.line.Stop()
	}
	cancel()
	running.Wait()
	c.faults.sum()
	if back, none := r.Disorder(); back > 0 || none > 0 {
		c.a.talk.Warn(fmt.Sprintf("--merge goes by timestamps: %s out of order in a file by more than a minute, %s without one; these stay where they are in their file",
			plural(back, "event"), humanize.Comma(none)), "back", back, "untimed", none)
	}
	if untimed > 0 {
		c.a.talk.Warn(plural(untimed, "event") + " left out that had no timestamp to compare")
	}
	if c.skipped > 0 {
		c.a.talk.Info(humanize.IBytes(uint64(c.skipped)) + " outside the bounds not read: files that look sorted are taken for sorted, --strict reads all")
	}
	ledger := r.Ledger()
	empty(c.a, c.tally, ledger)
	say(c.a, ledger)
	switch end {
	case engine.EndFailIf:
		return &exitError{exitFailure, errors.New("--fail-if was true of the last event"), ""}
	case engine.EndOutput:
		return written(err)
	case engine.EndStuck:
		return &exitError{exitOutput, err, ""}
	case engine.EndSlow:
		return &exitError{exitFailure, err, tooSlow}
	}
	if c.damaged > 0 {
		return &exitError{code: exitFailure, err: fmt.Errorf("not everything could be read: %s", plural(int64(c.damaged), "fault"))}
	}
	return nil
}

// progressFrom is the size from which reading takes long enough to show how far
// it has come.
const progressFrom = 32 << 20

// progress returns what draws the bar for the line of status.
func (c *reading) progress(r *engine.Captures) func() string {
	var mu sync.Mutex
	bar := progressbar.NewOptions64(c.total,
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerPadding: "─"}))
	_ = bar.RenderBlank() // the clock begins
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		_ = bar.Set64(min(r.Position(), c.total)) // writes to nowhere
		return strings.TrimSpace(strings.Trim(bar.String(), "\r"))
	}
}

// empty says what came if the filters kept none of it.
func empty(a *app, t *tally.Tally, l engine.Ledger) {
	if l.Kept > 0 || l.Filtered == 0 {
		return
	}
	if text := t.Empty(l.Filtered); text != "" {
		a.talk.Warn(text)
	}
}

// say says the ledger.
func say(a *app, l engine.Ledger) {
	a.talk.Info(summary(&l), "received", l.Received, "kept", l.Kept, "filtered", l.Filtered,
		"rejected", l.Rejected, "repaired", l.Repaired, "failed", l.Failed)
}
