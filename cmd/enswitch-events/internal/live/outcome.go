package live

import (
	"errors"
	"fmt"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
)

// disconnected warns of the feeds that are not connected when the run ends for another
// reason. If no feed ever was, it returns the error of the first one instead.
func (s *session) disconnected(end engine.End) (never *cli.Error) {
	switch end {
	case engine.EndFor, engine.EndIdle, engine.EndSignal, engine.EndOfInput:
	default:
		return nil
	}
	var said []*cli.Error
	anyEver := false
	for _, f := range s.feeds {
		ever, why := f.disconnected()
		anyEver = anyEver || ever
		if why != nil {
			said = append(said, why)
		}
	}
	if !anyEver && len(said) > 0 {
		never, said = said[0], said[1:]
	}
	for _, why := range said {
		s.a.Log.Warn(why.Error())
	}
	switch {
	case never == nil:
	case end == engine.EndFor, end == engine.EndIdle:
		never.Err = fmt.Errorf("%s: %w", s.end.TimeUp(end), never.Err)
	case s.awaiter != nil:
		never.Err = fmt.Errorf("interrupted: %w", never.Err)
	}
	return never
}

// quietHint is what to try if a feed was connected and no event came.
const quietHint = "no event came at all: is Enswitch's setting 'Send events to messaged' on, or 'Send events to URL' for POSTs?"

// outcome returns the error of a run that ended by end, with err as the engine returns it.
func (s *session) outcome(end engine.End, err error, ledger engine.Ledger) error {
	switch end {
	case engine.EndFailIf:
		failed := report.EndError(end, err, s.jq)
		if s.awaiter != nil {
			failed = cli.NewError(cli.ExitFailure, failed, s.awaiter.Seen())
		}
		return failed
	case engine.EndInput:
		return cli.Failure(err)
	case engine.EndOutput, engine.EndFault:
		return report.EndError(end, err, s.jq)
	case engine.EndStuck:
		lost, stuck := splitErrors(err)
		if lost != nil {
			s.a.Log.Error(lost.Error())
		}
		return report.EndError(end, stuck, s.jq)
	case engine.EndSlow:
		lost, slow := splitErrors(err)
		failed := report.EndError(end, slow, s.jq)
		if lost != nil {
			s.a.Log.Error(failed.Error())
			return cli.Failure(lost)
		}
		return failed
	case engine.EndFor, engine.EndIdle:
		err := report.Unmet(s.awaiter, cli.ExitTime, s.end.TimeUp(end))
		if err == nil {
			came, what := report.Counted(s.account, ledger)
			err = s.end.Unreached(end, came, what)
		}
		if e, ok := errors.AsType[*cli.Error](err); ok && ledger.Received == 0 {
			return cli.NewError(e.Code, e.Err, quietHint)
		}
		return err
	case engine.EndSignal, engine.EndOfInput:
		// A script must not take it for what it waited for.
		return report.Unmet(s.awaiter, cli.ExitFailure, "interrupted")
	}
	return nil
}

// splitErrors returns the two errors that err joins. If err joins no two errors, it
// returns nil and err.
func splitErrors(err error) (first, last error) {
	pair, ok := err.(interface{ Unwrap() []error })
	if !ok || len(pair.Unwrap()) != 2 {
		return nil, err
	}
	return pair.Unwrap()[0], pair.Unwrap()[1]
}
