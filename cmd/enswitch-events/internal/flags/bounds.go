package flags

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// Bounds are the flags that limit the times of the events of a capture, and the length
// of its lines.
type Bounds struct {
	since, until string
	MaxLine      Size
}

// Bind adds the flags to f.
func (o *Bounds) Bind(f *pflag.FlagSet) {
	o.MaxLine = capture.DefaultMaxLine
	o.bindTimes(f)
	f.Var(&o.MaxLine, "max-message", "reject longer lines")
}

func (o *Bounds) bindTimes(f *pflag.FlagSet) {
	f.StringVar(&o.since, "since", "", "leave out events before this `TIME`: RFC 3339, 15:04, 2026-11-22, 10m or 1d ago, yesterday, monday, or a timestamp")
	f.StringVar(&o.until, "until-time", "", "leave out events at this `TIME` or later, written as for --since")
}

// Range returns the bounds in microseconds since 1970: events at from and later, and
// before to. Zero means no bound.
func (o *Bounds) Range() (from, to int64, err error) {
	if o.MaxLine < 1 || o.MaxLine > 1<<30 {
		return 0, 0, cli.Usage("the default is 16MiB", "--max-message: must be from 1 byte to 1GiB")
	}
	now := time.Now()
	if from, err = moment("since", o.since, now); err != nil {
		return 0, 0, err
	}
	if to, err = moment("until-time", o.until, now); err != nil {
		return 0, 0, err
	}
	if from != 0 && to != 0 && from >= to {
		return 0, 0, cli.Usage("no event is in between", "--since %s is not before --until-time %s", o.since, o.until)
	}
	return from, to, nil
}

// moment returns the time text, the value of a flag, in microseconds since 1970, or 0
// if text is empty.
func moment(flag, text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := parseMoment(text, now)
	if err != nil {
		return 0, cli.Usage(momentHint(text, err), "--%s %q is no time", flag, text)
	}
	// A timestamp is a time after 1970, and zero means no bound.
	return max(t.UnixMicro(), 1), nil
}
