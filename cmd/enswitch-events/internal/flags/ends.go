package flags

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Ends are the flags that end a run.
type Ends struct {
	Count         int64
	Duration      time.Duration
	Idle          time.Duration
	Until, FailIf string
	// OwnCount and OwnFailIf say that the command has a --count or --fail-if of its own,
	// which is not checked here.
	OwnCount, OwnFailIf bool
}

// Bind adds the flags to f.
func (o *Ends) Bind(f *pflag.FlagSet) {
	f.Int64VarP(&o.Count, "count", "n", 0, "end after `N` kept events")
	o.BindTimes(f)
	f.StringVar(&o.Until, "until", "", "end after the first event, kept or not, for which the jq `EXPR` is true, and print that event")
	f.StringVar(&o.FailIf, "fail-if", "", "end after the first event for which the jq `EXPR` is true, print that event, and exit with code 1")
}

// BindTimes adds to f the flags of the times alone.
func (o *Ends) BindTimes(f *pflag.FlagSet) {
	DurationVar(f, &o.Duration, "for", 0, "end after this `TIME`, such as 90s, 5m or 1d")
	DurationVar(f, &o.Idle, "idle-timeout", 0, "end after this `TIME` without any event")
}

// Validate checks the values. changed reports whether a flag was given.
func (o *Ends) Validate(changed func(string) bool) error {
	switch {
	case changed("until") && strings.TrimSpace(o.Until) == "":
		return cli.Usage("leave it out to go on for ever", "--until: the expression is empty")
	case !o.OwnFailIf && changed("fail-if") && strings.TrimSpace(o.FailIf) == "":
		return cli.Usage("leave it out to go on for ever", "--fail-if: the expression is empty")
	case !o.OwnCount && changed("count") && o.Count <= 0:
		return cli.Usage("leave it out to go on for ever", "--count %d: must be at least 1", o.Count)
	case changed("for") && o.Duration <= 0:
		return cli.Usage("write it like 90s, 5m or 1d", "--for %v: must be more than 0", o.Duration)
	case changed("idle-timeout") && o.Idle <= 0:
		return cli.Usage("write it like 90s, 5m or 1d", "--idle-timeout %v: must be more than 0", o.Idle)
	}
	return nil
}

// Queries compiles --until and --fail-if; a query is nil if its flag was not given.
// vars are the variables of the expressions.
func (o *Ends) Queries(vars map[string]any, with filter.Engine) (until, failIf *filter.Query, err error) {
	for _, q := range [][2]string{{"until", o.Until}, {"fail-if", o.FailIf}} {
		if _, err := parseMoment(q[1], time.Now()); err == nil {
			return nil, nil, cli.Usage("it takes a jq expression; for a time cat and replay have --until-time, the others --for 10m", "--%s %s: this is a time", q[0], q[1])
		}
	}
	if o.Until != "" {
		if until, err = filter.CompileQuery(o.Until, vars, with); err != nil {
			return nil, nil, cli.Usage(expressionHint(err), "%w", caret.Wrap("--until", err))
		}
	}
	if o.FailIf != "" {
		if failIf, err = filter.CompileQuery(o.FailIf, vars, with); err != nil {
			return nil, nil, cli.Usage(expressionHint(err), "%w", caret.Wrap("--fail-if", err))
		}
	}
	return until, failIf, nil
}

// TimeUp returns which time ran out at end, which is EndFor or EndIdle.
func (o *Ends) TimeUp(end engine.End) string {
	if end == engine.EndIdle {
		return fmt.Sprintf("no event for %v", o.Idle)
	}
	return fmt.Sprintf("time ran out after %v", o.Duration)
}

// Unreached returns the error of a run whose time was up before --count or --until was reached.
// It returns nil if neither was given, or if what the sink added at the end was enough. came is
// the number so far of what --count counts, what the name of that in the singular.
func (o *Ends) Unreached(end engine.End, came int64, what string) error {
	switch {
	case o.Count > 0 && came >= o.Count:
		return nil
	case o.Count > 0:
		return cli.NewError(cli.ExitTime, fmt.Errorf("%s: %s of %s came", o.TimeUp(end), humanize.Comma(came), cli.Plural(o.Count, what)), "")
	case o.Until != "":
		return cli.NewError(cli.ExitTime, fmt.Errorf("%s: --until was not reached", o.TimeUp(end)), "")
	}
	return nil
}
