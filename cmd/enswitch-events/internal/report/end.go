package report

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// EndError returns the error of a run that ended by --fail-if, by stdout, or by filters
// that were too slow, with err as the engine returns it; for other ends nil.
func EndError(end engine.End, err error) error {
	switch end {
	case engine.EndFailIf:
		return cli.NewError(cli.ExitFailure, errors.New("--fail-if was true of the last event"), "")
	case engine.EndOutput:
		return cli.WriteError(err)
	case engine.EndStuck:
		return cli.NewError(cli.ExitOutput, err, "")
	case engine.EndSlow:
		return cli.NewError(cli.ExitFailure, err, slowFilterHint)
	}
	return nil
}
