package serve

import (
	"io"
	"os"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// ReadScenario reads the scenario in the file called name. It returns nil if name is
// empty.
func ReadScenario(name string) (*enswitchtest.Scenario, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, cli.FileError("scenario", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, enswitchtest.MaxScenario+1))
	if err != nil {
		return nil, cli.FileError("scenario", err)
	}
	s, err := enswitchtest.ParseScenario(text)
	if err != nil {
		return nil, cli.Usage("see the example in 'enswitch-events help scenarios'", "--scenario %s: %w", name, err)
	}
	return s, nil
}
