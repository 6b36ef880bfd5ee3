package flags

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Calls are the flags for which events are one call, and what they mean.
type Calls struct {
	meanings        []string // NAME=LIST each
	linger, timeout time.Duration
}

// Bind adds the flags to f.
func (o *Calls) Bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.meanings, "map", nil, "events or fields of these names have the meaning NAME: `NAME=LIST`, NAME one of "+strings.Join(call.Names(), ", ")+"; repeatable")
	DurationVar(f, &o.linger, "linger", 2*time.Second, "a call ends this `TIME` after the end of its last leg; also how much too late or too early an event may come")
	DurationVar(f, &o.timeout, "call-timeout", 4*time.Hour, "give up a call as lost after this `TIME` without an event of it")
}

// Compile returns the map and the options of a tracker, without its functions.
func (o *Calls) Compile() (*call.Map, call.Options, error) {
	switch {
	case o.linger < 0:
		return nil, call.Options{}, cli.Usage("write it like 2s", "--linger %v: must not be negative", o.linger)
	case o.timeout <= 0:
		return nil, call.Options{}, cli.Usage("write it like 4h or 1d", "--call-timeout %v: must be more than 0", o.timeout)
	}
	options := call.Options{Linger: o.linger, Timeout: o.timeout}
	if o.linger == 0 {
		options.Linger = -1 // 0 is the default
	}
	var given []string
	for _, text := range o.meanings { // one a line, in a variable of the environment
		given = append(given, strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })...)
	}
	for _, text := range given {
		name, _, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); ok && !slices.Contains(call.Names(), name) {
			return nil, options, cli.Usage(spelling.OneOf(name, call.Names()), "--map %s: %q is no name", text, name)
		}
	}
	m, err := call.NewMap(given...)
	if err != nil {
		return nil, options, cli.Usage("calls --print-map prints the map in use", "--map: %w", err)
	}
	return m, options, nil
}
