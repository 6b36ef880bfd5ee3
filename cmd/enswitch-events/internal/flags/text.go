package flags

import (
	"io"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// NewTextSink returns the sink that prints the events that f keeps in the format of o.
// vars are the variables of jq expressions. onBlank is called for each event of which a
// template prints nothing.
func NewTextSink(a *cli.App, f *Filter, o *Output, vars map[string]any, onBlank func()) (*engine.Text, error) {
	keep, err := f.compile(vars, nil)
	if err != nil {
		return nil, err
	}
	if name := keep.Engine(); name != "" {
		a.Log.Debug("--jq runs by " + name)
	}
	return engine.NewText(
		func(onError func(error)) (*filter.Filter, error) { return f.compile(vars, onError) },
		func(onError func(error)) (*render.Renderer, error) { return o.compile(a.Out, onError, onBlank) },
	)
}

// Destination is where the output goes instead of stdout. The output is written with
// [engine.Config.Prompt].
type Destination struct {
	// Open opens it. It is called once all flags are checked.
	Open func() error
	// Out gets the output.
	Out io.Writer
	// Encoder is that of [engine.Text].
	Encoder func() engine.Encode
}

// Set makes d where the output of text goes in a run of c. A nil d changes nothing.
func (d *Destination) Set(c *engine.Config, text *engine.Text) {
	if d != nil {
		c.Out, c.Prompt, text.Encoder = d.Out, true, d.Encoder
	}
}
