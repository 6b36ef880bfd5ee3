package flags

import (
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
