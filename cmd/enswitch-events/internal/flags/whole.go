package flags

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/whole"
)

// Whole are the flags that print whole calls.
type Whole struct {
	On    bool
	Calls Calls
}

// Bind adds the flags to cmd.
func (o *Whole) Bind(cmd *cobra.Command) {
	cli.AddFlagGroup(cmd, "Whole calls", func(f *pflag.FlagSet) {
		f.BoolVarP(&o.On, "whole-calls", "W", false, "keep every event of a call of which one event passes the filters, also those that came before it; events are printed as they came, also with --jq")
		o.Calls.Bind(f)
	})
}

// Compile returns what the flags say, nil without --whole-calls.
func (o *Whole) Compile() (*whole.Calls, error) {
	if !o.On {
		return nil, nil
	}
	m, options, err := o.Calls.Compile()
	if err != nil {
		return nil, err
	}
	return whole.New(m, options), nil
}
