package flags

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Having is the flag that chooses calls by their records.
type Having struct{ conditions []string }

// Bind adds the flag to f.
func (o *Having) Bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.conditions, "having", nil, "keep calls for whose record `EXPR` holds, written as for --where: state=lost, duration>60; repeatable, all must hold")
}

// Compile returns a filter of records as call.Call.AppendRecord writes them, nil if
// there are no conditions.
func (o *Having) Compile() (*filter.Filter, error) {
	if len(o.conditions) == 0 {
		return nil, nil
	}
	if err := checkOperators("--having", o.conditions); err != nil {
		return nil, err
	}
	f, err := filter.Compile(&filter.Options{Where: o.conditions})
	if err != nil {
		return nil, cli.Usage("", "%w", caret.Wrap("--having", err))
	}
	for _, text := range o.conditions {
		name := strings.TrimSpace(text[:strings.IndexAny(text, "!=~<>")])
		if !slices.Contains(call.Fields(), name) {
			return nil, unknownCallField("having", name)
		}
	}
	return f, nil
}

// unknownCallField returns the error that the record of a call has no field of that name.
func unknownCallField(flag, name string) error {
	fields := call.Fields()
	return cli.Usage(strings.TrimSpace(spelling.Hint(name, fields)+" the fields are "+strings.Join(fields, ", ")), "--%s: the record of a call has no field %q", flag, name)
}
