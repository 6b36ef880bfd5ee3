package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// TestSlow: filters are named as the cause, and --jq in the hint, only where there is a jq
// expression: a command of its own may be what took the time.
func TestSlow(t *testing.T) {
	for _, jq := range []bool{false, true} {
		failed, ok := errors.AsType[*cli.Error](EndError(engine.EndSlow, errors.New("5 events were not processed"), jq))
		if !ok || failed.Code != cli.ExitFailure || !strings.Contains(failed.Error(), "slow: 5 events were not processed") {
			t.Fatal(failed)
		}
		if strings.Contains(failed.Error(), "filters") != jq || strings.Contains(failed.Hint(), "--jq") != jq {
			t.Errorf("%t: %s; %s", jq, failed, failed.Hint())
		}
	}
}
