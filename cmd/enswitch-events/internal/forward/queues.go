package forward

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// Open returns how many events of a queue are to be delivered, and what is said of them.
type Open func(s *queueStatus) (events int64, what string)

// CompileAll is Compile. Without --to it returns the targets of all queues in which
// open finds something, as far as the queue knows how its events are delivered. With alone a
// queue that another process uses is an error.
func (o *Options) CompileAll(a *cli.App, open Open, alone bool) (*Targets, error) {
	if len(o.To) > 0 {
		return o.compile(a)
	}
	dir, err := o.Directory()
	if err != nil {
		return nil, err
	}
	all, err := statuses(dir)
	if err != nil {
		return nil, unreadable(err)
	}
	var unknown int
	for i := range all {
		s := &all[i]
		n, what := open(s)
		if n == 0 {
			continue
		}
		if one, err := parseTarget(&pflag.FlagSet{}, s.Spec); s.Spec != "" && err == nil && one.dir == filepath.Base(s.Queue) {
			o.To = append(o.To, s.Spec)
			continue
		}
		if err := checkQueue(s.Queue); alone && errors.Is(err, spool.ErrInUse) {
			return nil, queueError(cmp.Or(s.Target, s.Queue), s.Queue, err)
		}
		unknown++
		a.Log.Warn(fmt.Sprintf("%s: %s, and cannot be delivered: its user, password, query, headers or arguments are not kept with the queue", cmp.Or(s.Target, s.Queue), what),
			"target", s.Target, "events", n, log.HintKey, "name it by --to, written as for forward")
	}
	if len(o.To)+unknown == 0 {
		a.Log.Info("there is nothing to deliver in " + dir)
	}
	t, err := o.compile(a)
	if err == nil {
		t.unknown = unknown
	}
	return t, err
}

// Waiting returns how many events wait in a queue.
func Waiting(s *queueStatus) (events int64, what string) { return s.Waiting, waiting(s.Waiting) }

// Dead returns how many dead letters a queue has.
func Dead(s *queueStatus) (events int64, what string) {
	return s.Dead, "it has " + cli.Plural(s.Dead, "dead letter")
}

func waiting(n int64) string {
	if n == 1 {
		return "1 event waits"
	}
	return cli.Plural(n, "event") + " wait"
}

// unknownError returns the error for the queues that CompileAll could not deliver.
func (t *Targets) unknownError() error {
	if t.unknown == 0 {
		return nil
	}
	return cli.NewError(cli.ExitFailure, fmt.Errorf("%s left alone", cli.Plural(int64(t.unknown), "queue")), "'enswitch-events forward status' shows the queues")
}

// others returns the queues whose targets are not given.
func (t *Targets) others() []queueStatus {
	given := map[string]bool{}
	for _, one := range t.targets {
		given[one.dir] = true
	}
	all, _ := statuses(t.dir) // status says what is wrong with one
	return slices.DeleteFunc(all, func(s queueStatus) bool { return given[filepath.Base(s.Queue)] })
}

// alone returns an error if another forward uses one of these queues.
func alone(others []queueStatus) error {
	for _, s := range others {
		if err := checkQueue(s.Queue); errors.Is(err, spool.ErrInUse) {
			return queueError(cmp.Or(s.Target, s.Queue), filepath.Dir(s.Queue), err)
		}
	}
	return nil
}

// nameOthers names those of the queues that hold something.
func (t *Targets) nameOthers(others []queueStatus) {
	for _, s := range others {
		if s.Waiting > 0 || s.Dead > 0 {
			left, hint := waiting(s.Waiting)+" in its queue", "'enswitch-events forward drain' delivers what waits"
			if s.Waiting == 0 {
				left, hint = "its queue holds "+cli.Plural(s.Dead, "dead letter"), "'enswitch-events forward retry-dead' sends dead letters again"
			}
			t.a.Log.Warn(fmt.Sprintf("%s is no longer a target, and %s", cmp.Or(s.Target, s.Queue), left),
				"target", s.Target, "waiting", s.Waiting, "dead", s.Dead, log.HintKey, hint)
		}
	}
}
