package flags

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pseudonym"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Pseudonyms are the flags that replace originals by made-up values.
type Pseudonyms struct {
	On      bool
	fields  []string
	keyFile string
	// Map says which fields have the roles from and to.
	Map *call.Map

	compiled *pseudonym.Pseudonyms
}

// Bind adds the flags to cmd.
func (o *Pseudonyms) Bind(cmd *cobra.Command) {
	cli.AddFlagGroup(cmd, "Pseudonyms", func(f *pflag.FlagSet) {
		f.BoolVar(&o.On, "pseudonyms", false, "print made-up values instead of those of from and to, as --map names these fields, so that others can be shown the output; see 'enswitch-events help pseudonyms'")
		f.Var(List{&o.fields}, "pseudonym-fields", "print made-up values of these fields, too: `LIST` with commas; dots reach into objects")
		f.StringVar(&o.keyFile, "pseudonym-key-file", "", "make up the same values each time, with the secret in `FILE`, which is created if there is none (default: a secret for this run alone)")
	})
}

// Validate checks the flags. recording says that events are recorded.
func (o *Pseudonyms) Validate(recording bool) error {
	switch {
	case o.keyFile == "-":
		return cli.Usage("name a file", "--pseudonym-key-file -: the secret cannot come from standard input")
	case o.On && recording:
		return cli.Usage("record without --pseudonyms, and print the recording with 'cat --pseudonyms'", "--record keeps the original values, and --pseudonyms hides them")
	}
	return nil
}

// CompileMap sets Map to the map of calls, if it is needed and not set yet.
func (o *Pseudonyms) CompileMap(calls *Calls) (err error) {
	if o.On && o.Map == nil {
		o.Map, _, err = calls.Compile()
	}
	return err
}

// Hide makes text print made-up values, if the flags say so. It reads the secret, or creates
// it. f is the filters of text, vars the variables of their jq expression.
func (o *Pseudonyms) Hide(text *engine.Text, f *Filter, vars map[string]any) error {
	if !o.On {
		return nil
	}
	secret, err := settings.Secret("--pseudonym-key-file", o.keyFile)
	if err != nil {
		return cli.Usage(cli.FileHint(err), "%w", err)
	}
	o.compiled = pseudonym.New(secret, o.Map, o.fields)
	text.Pseudonyms = o.compiled
	if f.HasJQ() {
		query := Filter{JQ: f.JQ, jqFile: f.jqFile, Engine: f.Engine}
		text.NewQuery = func(onError func(error)) (*filter.Filter, error) { return query.compile(vars, onError) }
	}
	return nil
}

// Unseen returns the fields that were named and no event had, and whether no event had a
// field of from or to either.
func (o *Pseudonyms) Unseen() (fields []string, noRole bool) {
	if o.compiled == nil {
		return nil, false
	}
	return o.compiled.Unseen()
}
