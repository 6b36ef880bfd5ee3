package report

import (
	"errors"
	"fmt"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// EndError returns the error of a run that ended by --fail-if, by stdout, or because it
// was too slow after a signal, with err as the engine returns it; for other ends nil. With
// jq the run has a jq expression, which is then what took the time.
func EndError(end engine.End, err error, jq bool) error {
	switch end {
	case engine.EndFailIf:
		return cli.NewError(cli.ExitFailure, errors.New("--fail-if was true of the last event"), "")
	case engine.EndOutput:
		return cli.WriteError(err)
	case engine.EndFault:
		return cli.Failure(err)
	case engine.EndStuck:
		return cli.NewError(cli.ExitOutput, err, "")
	case engine.EndSlow:
		if jq {
			return cli.NewError(cli.ExitFailure, fmt.Errorf("the filters were too slow: %w", err), "a simpler --jq, or filters before it (-c, -e, -w), take less time")
		}
		return cli.NewError(cli.ExitFailure, fmt.Errorf("too slow: %w", err), "")
	}
	return nil
}
