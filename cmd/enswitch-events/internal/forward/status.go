package forward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// queueStatus is the state of one queue.
type queueStatus struct {
	forward.Status
	Queue string `json:"queue"` // path of its directory
}

// statuses returns the state of all queues in a directory. With an error it returns those
// that it can read.
func statuses(dir string) (all []queueStatus, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		s, failed := forward.Inspect(path)
		switch {
		case errors.Is(failed, fs.ErrNotExist): // not a queue
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("%s: %w", path, failed))
		default:
			all = append(all, queueStatus{s, path})
		}
	}
	return all, err
}

// PrintStatus prints the state of all queues to out, as text or json.
func (o *Options) PrintStatus(a *cli.App, out io.Writer, format string) error {
	dir, err := o.Directory()
	if err != nil {
		return err
	}
	all, failed := statuses(dir)
	if format == "json" {
		if all == nil {
			all = []queueStatus{}
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(all)
	} else {
		if len(all) == 0 && failed == nil {
			a.Log.Info("there is no queue in " + dir)
		}
		err = printTable(out, all)
	}
	if err != nil {
		return cli.WriteError(err)
	}
	if failed != nil {
		return unreadable(failed)
	}
	return nil
}

// unreadable returns the error for queues that cannot be read.
func unreadable(err error) error {
	return cli.NewError(cli.ExitFailure, fmt.Errorf("not all queues can be read: %s", cli.OneLine(oserr.File(err))), "")
}

func printTable(out io.Writer, all []queueStatus) error {
	if len(all) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tWAITING\tBYTES\tOLDEST\tDELIVERED\tDEAD\tDROPPED\tALREADY THERE\tLAST ERROR")
	for _, s := range all {
		oldest := "-"
		if s.Oldest != nil {
			oldest = time.Since(*s.Oldest).Round(time.Second).String()
		}
		lastError := "-"
		if s.LastError != "" {
			lastError = shortReason(s.LastError)
			if at := s.LastErrorAt; at != nil { // what was delivered since does not remove it
				lastError = max(time.Since(*at), 0).Round(time.Second).String() + " ago: " + lastError
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shortReason(s.Target), humanize.Comma(s.Waiting), humanize.IBytes(uint64(s.Bytes)), oldest,
			humanize.Comma(s.Delivered), humanize.Comma(s.Dead), humanize.Comma(s.Dropped), humanize.Comma(s.AlreadyThere), lastError)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		if s.DeadFile != "" {
			if _, err := fmt.Fprintf(out, "dead letters: %s\n", s.DeadFile); err != nil {
				return err
			}
		}
	}
	return nil
}

// DrainQueues delivers what waits in the queues of the targets. It goes on as long as
// something is delivered within --drain-timeout.
func (t *Targets) DrainQueues(ctx context.Context) error {
	for _, one := range t.targets {
		if _, err := os.Stat(filepath.Join(t.dir, one.dir)); errors.Is(err, fs.ErrNotExist) {
			return noQueue(one.name, t.dir)
		}
	}
	if err := t.Open(); err != nil {
		return err
	}
	left := t.drainOn(ctx)
	t.close(ctx)
	if left > 0 {
		return cli.NewError(cli.ExitFailure, fmt.Errorf("%s not delivered, and stay in the queue", cli.Plural(left, "event")), "--drain-timeout is how long to wait for a target")
	}
	return t.unknownError()
}

// drainOn delivers what waits as long as there is progress, and returns how many events
// wait then.
func (t *Targets) drainOn(ctx context.Context) int64 {
	var before int64
	for _, f := range t.open {
		before += f.Counts().Waiting
	}
	for {
		left := t.Drain(ctx)
		if left == 0 || ctx.Err() != nil || left == before {
			return left
		}
		before = left
	}
}

func noQueue(target, dir string) error {
	return cli.NewError(cli.ExitFailure, fmt.Errorf("%s has no queue in %s", target, dir), "'enswitch-events forward status' shows the queues; the target is written as for forward")
}

// RetryDead delivers the dead letters of the targets again.
func (t *Targets) RetryDead(ctx context.Context) error {
	var letters int64
	err := func() error {
		for _, one := range t.targets {
			dir := filepath.Join(t.dir, one.dir)
			l := &targetLog{log: t.a.Log, name: one.name, dead: dir, again: true}
			one.log = l
			l.hook(&one.options)
			f, n, err := forward.OpenRetry(dir, &one.options)
			if errors.Is(err, fs.ErrNotExist) {
				return noQueue(one.name, t.dir)
			}
			if err != nil {
				return queueError(one.name, dir, err)
			}
			l.before = f.Before()
			letters += n
			t.open, t.logs = append(t.open, f), append(t.logs, l)
		}
		return nil
	}()
	if err != nil {
		t.close(ctx)
		return err
	}
	left := t.drainOn(ctx)
	unreadable := int64(0)
	for i, f := range t.open {
		left += f.Counts().Dead - t.logs[i].before.Dead
		unreadable += f.Unreadable()
	}
	t.close(ctx)
	switch {
	case left == 0 && unreadable > 0:
		return cli.NewError(cli.ExitFailure, fmt.Errorf("%s in the files of dead letters left there: not to be read", cli.Plural(unreadable, "line")),
			"'enswitch-events forward status' names the file: mend or remove what is wrong in it")
	case left > 0:
		return cli.NewError(cli.ExitFailure, fmt.Errorf("%s of %s not delivered, and stay dead letters", cli.Plural(left, "event"), humanize.Comma(letters)), "")
	}
	return t.unknownError()
}
