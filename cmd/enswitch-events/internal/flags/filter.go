// Package flags is the groups of flags that several commands have, and the values
// they compile to. Everything that can be wrong in a flag is found here, before
// the first connection and before the first file is made.
package flags

import (
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Filter is the flags that choose events.
type Filter struct {
	Class, Event, Where []string
	grep, notGrep       []string
	ignoreCase          bool
	Jq, jqFile          string
	args                []jqArg // of --arg and --argjson, in order
	Engine              filter.Engine
}

func (o *Filter) Bind(f *pflag.FlagSet) {
	f.VarP(patterns{List{&o.Class}}, "class", "c", "keep events of these classes: `LIST` with commas, * globs, !x excludes")
	f.VarP(patterns{List{&o.Event}}, "event", "e", "keep these events: `LIST` of event or class.event, as -e call.answer,message.*")
	f.StringArrayVarP(&o.Where, "where", "w", nil, "keep events whose field holds: `EXPR` is field=value, or with != ~ !~ < <= > >=; repeatable, all must hold")
	f.StringArrayVarP(&o.grep, "grep", "g", nil, "keep events in which the text of any value matches the `REGEXP`; repeatable, all must match")
	f.StringArrayVarP(&o.notGrep, "not-grep", "G", nil, "leave out events in which the text of any value matches the `REGEXP`; repeatable")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "i", false, "let --grep and --not-grep match upper and lower case alike")
	f.StringVarP(&o.Jq, "jq", "q", "", "keep or change events by a jq `EXPR`: true keeps, false, null and nothing drop, any other value is printed instead")
	f.StringVar(&o.jqFile, "jq-file", "", "read the jq expression from `FILE`")
	f.Var(jqArgs{&o.args, "arg"}, "arg", "in jq expressions, let $NAME be the text VALUE: `NAME VALUE`; repeatable, the first of a name counts")
	f.Var(jqArgs{&o.args, "argjson"}, "argjson", "in jq expressions, let $NAME be the JSON VALUE: `NAME VALUE`; repeatable, the first of a name counts")
	f.TextVar(&o.Engine, "jq-engine", filter.EngineAuto, "what runs jq expressions: `ENGINE` is native, gojq, or auto: native where that is exact, or else gojq")
}

// jqArg is what one --arg or --argjson says.
type jqArg struct{ flag, pair string }

// jqArgs is the value of one of the two flags. They share a list, because the
// first of the same name counts, as in jq.
type jqArgs struct {
	all  *[]jqArg
	flag string
}

func (a jqArgs) Set(pair string) error { return a.Append(pair) }

func (a jqArgs) Type() string { return "list" }

func (a jqArgs) String() string {
	if a.all == nil {
		return ""
	}
	return strings.Join(a.GetSlice(), ",")
}

// Append, Replace and GetSlice are for pflag and for config show.
func (a jqArgs) Append(pair string) error {
	*a.all = append(*a.all, jqArg{a.flag, pair})
	return nil
}

func (a jqArgs) Replace([]string) error { return errors.ErrUnsupported }

func (a jqArgs) GetSlice() (pairs []string) {
	for _, arg := range *a.all {
		if arg.flag == a.flag {
			pairs = append(pairs, arg.pair)
		}
	}
	return pairs
}

// Variables returns what --arg and --argjson bind.
func (o *Filter) Variables() (map[string]any, error) {
	vars := map[string]any{}
	for _, arg := range o.args {
		name, value, ok := strings.Cut(arg.pair, "=")
		if !ok || !identifier.MatchString(name) {
			return nil, cli.Usage("write --"+arg.flag+" NAME VALUE, and $NAME in the expression", "--%s %q: no name and value", arg.flag, arg.pair)
		}
		var v any = value
		if arg.flag == "argjson" {
			var err error
			if v, err = filter.ParseJSONArg(name, value); err != nil {
				return nil, cli.Usage("the value is JSON: a text needs quotes, or use --arg", "%w", caret.Wrap("--argjson", err))
			}
		}
		if _, bound := vars[name]; !bound {
			vars[name] = v
		}
	}
	return vars, nil
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// doubled finds == in a condition, where it means a value that begins with =.
var doubled = regexp.MustCompile(`^([^!=~<>]+[!<>]?)=([=~])`)

// meant is what the beginning of such a condition should have been.
func meant(m []string) string {
	if m[2] == "~" {
		return m[1] + "~"
	}
	return m[1] + "="
}

// Compile returns the filter. onError is told of jq errors at run time.
func (o *Filter) Compile(vars map[string]any, onError func(error)) (*filter.Filter, error) {
	for _, w := range o.Where {
		if m := doubled.FindStringSubmatch(w); m != nil {
			return nil, cli.Usage("a value that begins with "+m[2]+" is found by a regular expression: "+strings.TrimRight(m[1], "!<>")+"~^"+m[2],
				"--where %s: did you mean %s?", w, meant(m)+w[len(m[0]):])
		}
	}
	expr := o.Jq
	if o.jqFile != "" {
		if o.Jq != "" {
			return nil, cli.Usage("give one of them", "--jq and --jq-file exclude each other")
		}
		text, err := os.ReadFile(o.jqFile)
		if err != nil {
			return nil, cli.Usage("", "--jq-file: %w", err)
		}
		expr = string(text)
	}
	f, err := filter.Compile(&filter.Options{
		Class: o.Class, Event: o.Event, Where: o.Where,
		Grep: o.grep, NotGrep: o.notGrep, IgnoreCase: o.ignoreCase, JQ: expr, Args: vars, Engine: o.Engine, OnError: onError,
	})
	if err != nil {
		return nil, cli.Usage("", "%w", caret.WrapOptions(err))
	}
	return f, nil
}

// Tally returns what counts the events that come while the filters keep none.
func (o *Filter) Tally() *tally.Tally { return tally.New(o.Class, o.Event, o.Where) }

// Needles returns texts of which every line that the filters keep has one, nil if they
// require none.
func (o *Filter) Needles() []string {
	return needle.Of(&filter.Options{
		Class: o.Class, Event: o.Event, Where: o.Where, Grep: o.grep, IgnoreCase: o.ignoreCase, JQ: o.Jq,
	})
}

// JoinPairs makes one word of the two that follow --arg and --argjson, which
// take a name and a value as in jq.
func JoinPairs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i:]...)
		}
		if (args[i] == "--arg" || args[i] == "--argjson") && i+2 < len(args) && !strings.Contains(args[i+1], "=") {
			out = append(out, args[i]+"="+args[i+1]+"="+args[i+2])
			i += 2
			continue
		}
		out = append(out, args[i])
	}
	return out
}
