package live

import (
	"errors"
	"fmt"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// missing says which feeds are not connected at an end that does not come from the
// feed itself. If none ever was, it says nothing of the first and returns why.
func (l *session) missing(end engine.End) (never *cli.Error) {
	switch end {
	case engine.EndFor, engine.EndIdle, engine.EndSignal, engine.EndOfInput:
	default:
		return nil
	}
	var said []*cli.Error
	anyEver := false
	for _, f := range l.feeds {
		ever, why := f.missing()
		anyEver = anyEver || ever
		if why != nil {
			said = append(said, why)
		}
	}
	if !anyEver && len(said) > 0 {
		never, said = said[0], said[1:]
	}
	for _, why := range said {
		l.a.Log.Warn(why.Error())
	}
	switch {
	case never == nil:
	case end == engine.EndFor, end == engine.EndIdle:
		never.Err = fmt.Errorf("%s: %w", l.over(end), never.Err)
	case l.await != nil:
		never.Err = fmt.Errorf("interrupted: %w", never.Err)
	}
	return never
}

// over says which time ran out.
func (l *session) over(end engine.End) string {
	if end == engine.EndIdle {
		return fmt.Sprintf("no event for %v", l.end.Idle)
	}
	return fmt.Sprintf("time ran out after %v", l.end.Duration)
}

func (l *session) outcome(end engine.End, err error, ledger engine.Ledger) error {
	switch end {
	case engine.EndFailIf:
		hint := ""
		if l.await != nil {
			hint = l.await.Instead()
		}
		return cli.NewError(cli.ExitFailure, errors.New("--fail-if was true of the last event"), hint)
	case engine.EndInput:
		return cli.Wrap(err)
	case engine.EndOutput:
		return cli.WriteError(err)
	case engine.EndStuck:
		lost, stuck := both(err)
		if lost != nil {
			l.a.Log.Error(lost.Error())
		}
		return cli.NewError(cli.ExitOutput, stuck, "")
	case engine.EndSlow:
		lost, slow := both(err)
		if lost != nil {
			l.a.Log.Error(slow.Error())
			return cli.Wrap(lost)
		}
		return cli.NewError(cli.ExitFailure, slow, report.TooSlow)
	case engine.EndFor, engine.EndIdle:
		why := l.over(end)
		switch {
		case l.await != nil:
			return cli.NewError(cli.ExitTime, fmt.Errorf("%s: %s", why, l.await.Missing()), l.await.Instead())
		case l.end.Count > 0:
			return cli.NewError(cli.ExitTime, fmt.Errorf("%s: %d of %s came", why, ledger.Kept, cli.Plural(l.end.Count, "event")), "")
		case l.end.Until != "":
			return cli.NewError(cli.ExitTime, fmt.Errorf("%s: --until was not reached", why), "")
		}
	case engine.EndSignal, engine.EndOfInput:
		if l.await != nil { // a script must not take it for what it waited for
			return cli.NewError(cli.ExitFailure, errors.New("interrupted: "+l.await.Missing()), l.await.Instead())
		}
	}
	return nil
}

// both returns the two errors that err wraps; of one that wraps no two the first
// is nil.
func both(err error) (first, last error) {
	pair, ok := err.(interface{ Unwrap() []error })
	if !ok || len(pair.Unwrap()) != 2 {
		return nil, err
	}
	return pair.Unwrap()[0], pair.Unwrap()[1]
}
