package flags

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const day = 24 * time.Hour

// duration is the pflag value of a span of time, written like 500ms, 1h30m or 1d12h.
type duration time.Duration

// DurationVar adds a flag for a span of time to f, as pflag's does. The span may begin
// with days.
func DurationVar(f *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	f.Var((*duration)(p), name, usage)
	if value == 0 {
		f.Lookup(name).DefValue = "0" // help shows no default of 0
	}
}

// Set parses text.
func (d *duration) Set(text string) error {
	text, negative := strings.CutPrefix(text, "-")
	days, rest, err := parseDuration(text)
	if err != nil {
		return err
	}
	if rest += time.Duration(days) * day; negative {
		rest = -rest
	}
	*d = duration(rest)
	return nil
}

// String returns the span in hours, minutes and seconds.
func (d *duration) String() string { return time.Duration(*d).String() }

// Type returns the name of the type.
func (d *duration) Type() string { return "duration" }

// parseDuration parses a span of time that is not negative. It returns the days apart,
// because a day may be longer or shorter than 24 hours.
func parseDuration(text string) (days int, rest time.Duration, err error) {
	if n, after, ok := strings.Cut(text, "d"); ok {
		const maxDays = 1 << 16 // more than a Duration holds would have
		days, err = strconv.Atoi(n)
		switch {
		case errors.Is(err, strconv.ErrRange), err == nil && days >= maxDays:
			return 0, 0, errors.New("a time is at most 65535d")
		case err != nil || days < 0 || strings.HasPrefix(n, "+"):
			return 0, 0, errDuration
		}
		if text = after; text == "" {
			return days, 0, nil
		}
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil && text != "0" {
		return 0, 0, errors.New("a time needs a unit, as 10s, 5m, 2h or 1d")
	}
	rest, err = time.ParseDuration(text)
	if err != nil || rest < 0 || text[0] == '+' {
		return 0, 0, errDuration
	}
	return days, rest, nil
}

var errDuration = errors.New("a time is written like 500ms, 90s, 5m, 1h30m or 1d")
