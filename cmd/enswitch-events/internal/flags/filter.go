// Package flags has the groups of flags that several commands share. Each group checks
// its flags and compiles them to the values that a run uses, before the first
// connection and before the first file is created.
package flags

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Filter are the flags that choose events.
type Filter struct {
	Class, Event, Where []string
	grep, notGrep       []string
	ignoreCase          bool
	JQ, jqFile          string
	args                []jqArg // --arg and --argjson, in order
	Engine              filter.Engine
}

// Bind adds the flags to f.
func (o *Filter) Bind(f *pflag.FlagSet) {
	f.VarP(patterns{List{&o.Class}}, "class", "c", "keep events of these classes: `LIST` with commas; * globs, !x excludes")
	f.VarP(patterns{List{&o.Event}}, "event", "e", "keep these events: `LIST` of event or class.event, as call.answer,message.*")
	f.StringArrayVarP(&o.Where, "where", "w", nil, "keep events for which `EXPR` holds: field=value, or with != ~ !~ < <= > >=; repeatable, all must hold")
	f.StringArrayVarP(&o.grep, "grep", "g", nil, "keep events with a value whose text matches `REGEXP`; repeatable, all must match")
	f.StringArrayVarP(&o.notGrep, "not-grep", "G", nil, "leave out events with a value whose text matches `REGEXP`; repeatable")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "i", false, "ignore case in --grep and --not-grep")
	f.StringVarP(&o.JQ, "jq", "q", "", "keep or change events with a jq `EXPR`: true keeps the event; false, null and no output drop it; any other value is printed instead")
	f.StringVar(&o.jqFile, "jq-file", "", "read the jq expression from `FILE`")
	f.Var(jqArgs{&o.args, "arg"}, "arg", "set $NAME in jq expressions to a text: `NAME VALUE`; repeatable, the first of a name counts")
	f.Var(jqArgs{&o.args, "argjson"}, "argjson", "set $NAME in jq expressions to a JSON value: `NAME VALUE`; repeatable, the first of a name counts")
	f.TextVar(&o.Engine, "jq-engine", filter.EngineAuto, "run jq expressions with `ENGINE`: native, gojq, or auto, which is native where the results are the same, and else gojq")
}

// jqArg is one --arg or --argjson; pair is NAME=VALUE.
type jqArg struct{ flag, pair string }

// jqArgs is the pflag value of --arg or --argjson. Both append to one list, because
// the first variable of a name counts, as in jq.
type jqArgs struct {
	all  *[]jqArg
	flag string
}

// Set adds a pair.
func (a jqArgs) Set(pair string) error { return a.Append(pair) }

// Type returns the name of the type.
func (a jqArgs) Type() string { return "list" }

// String returns the pairs, separated by commas.
func (a jqArgs) String() string {
	if a.all == nil {
		return ""
	}
	return strings.Join(a.GetSlice(), ",")
}

// Append adds a pair, as Set does.
func (a jqArgs) Append(pair string) error {
	*a.all = append(*a.all, jqArg{a.flag, pair})
	return nil
}

// Replace is not supported.
func (a jqArgs) Replace([]string) error { return errors.ErrUnsupported }

// GetSlice returns the pairs.
func (a jqArgs) GetSlice() (pairs []string) {
	for _, arg := range *a.all {
		if arg.flag == a.flag {
			pairs = append(pairs, arg.pair)
		}
	}
	return pairs
}

// Variables returns the jq variables of --arg and --argjson.
func (o *Filter) Variables() (map[string]any, error) {
	vars := map[string]any{}
	for _, arg := range o.args {
		name, value, ok := strings.Cut(arg.pair, "=")
		if !ok || !identifier().MatchString(name) {
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

var identifier = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

// doubledOperator matches a condition with an operator such as == or =~, where the
// second character belongs to the value.
var doubledOperator = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^!=~<>]+[!<>]?)=([=~])`) })

// turnedOperator matches a condition with => or =< for >= or <=.
var turnedOperator = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^!=~<>]+)=([<>])(.*)$`) })

// intendedOperator returns the field and operator that were probably meant by m, a
// match of doubledOperator.
func intendedOperator(m []string) string {
	if m[2] == "~" {
		return m[1] + "~"
	}
	return m[1] + "="
}

// checkOperators returns an error for the first condition, of that flag, whose operator
// is written as in other languages.
func checkOperators(flag string, conditions []string) error {
	for _, w := range conditions {
		if m := doubledOperator().FindStringSubmatch(w); m != nil {
			return cli.Usage("a value that begins with "+m[2]+" is found by a regular expression: "+strings.TrimRight(m[1], "!<>")+"~^"+m[2],
				"%s %s: did you mean %s?", flag, w, intendedOperator(m)+w[len(m[0]):])
		}
		if m := turnedOperator().FindStringSubmatch(w); m != nil {
			return cli.Usage("a value that begins with "+m[2]+" is found by a regular expression: "+m[1]+"~^"+m[2],
				"%s %s: did you mean %s%s=%s?", flag, w, m[1], m[2], m[3])
		}
	}
	return nil
}

// expressionHint returns what to try after a filter did not compile, or "".
func expressionHint(err error) string {
	e, ok := errors.AsType[*filter.SyntaxError](err)
	switch {
	case !ok:
		return ""
	case e.Option == "Class":
		return "name classes: --class call,message keeps both, --class '!registration' all others"
	case e.Option == "Event":
		return "name events: --event start,end keeps both, --event call.start those of one class"
	}
	if name, ok := strings.CutPrefix(e.Reason, "there is no variable $"); ok {
		return "--arg " + name + " VALUE sets it"
	}
	if name, ok := strings.CutPrefix(e.Reason, "there is no function "); ok && identifier().MatchString(name) {
		return fmt.Sprintf("a field is .%s, a text %q", name, name)
	}
	return ""
}

// compile returns the filter. vars are the variables of the jq expression. onError is
// called for each event on which the expression fails; it may be nil.
func (o *Filter) compile(vars map[string]any, onError func(error)) (*filter.Filter, error) {
	if err := checkOperators("--where", o.Where); err != nil {
		return nil, err
	}
	expr := o.JQ
	if o.jqFile != "" {
		if o.JQ != "" {
			return nil, cli.Usage("give one of them", "--jq and --jq-file cannot be used together")
		}
		text, err := os.ReadFile(o.jqFile)
		if err != nil {
			return nil, cli.FileError("jq-file", err)
		}
		if text, err = settings.Text(text); err != nil {
			return nil, cli.Usage("", "--jq-file %s: %w", o.jqFile, err)
		}
		expr = strings.TrimRight(string(text), "\r\n")
	}
	f, err := filter.Compile(&filter.Options{
		Class: o.Class, Event: o.Event, Where: o.Where,
		Grep: o.grep, NotGrep: o.notGrep, IgnoreCase: o.ignoreCase, JQ: expr, Args: vars, Engine: o.Engine, OnError: onError,
	})
	if err != nil {
		hint := expressionHint(err)
		if e, ok := errors.AsType[*filter.SyntaxError](err); ok && e.Option == "JQ" && o.jqFile != "" {
			return nil, cli.Usage(hint, "%w", caret.Wrap("--jq-file "+o.jqFile, err))
		}
		return nil, cli.Usage(hint, "%w", caret.WrapOptions(err))
	}
	return f, nil
}

// HasJQ reports whether there is a jq expression.
func (o *Filter) HasJQ() bool { return o.JQ != "" || o.jqFile != "" }

// Tally returns a counter of the events that come while the filters keep none. Its hints also
// have names that were learned.
func (o *Filter) Tally(a *cli.App) *tally.Tally {
	only := len(o.grep) == 0 && !o.HasJQ()
	return tally.New(o.Class, o.Event, o.Where).Only(only).Know(sync.OnceValue(func() *tally.Names { return LearnedNames(a).tallied() }))
}

// Needles returns texts of which each kept line contains at least one, or nil if there
// are no such texts.
func (o *Filter) Needles() []string {
	return needle.Of(&filter.Options{
		Class: o.Class, Event: o.Event, Where: o.Where, Grep: o.grep, IgnoreCase: o.ignoreCase, JQ: o.JQ,
	})
}

// JoinArgPairs returns args with --arg NAME VALUE, which jq has, written as
// --arg=NAME=VALUE, which pflag can parse; --argjson likewise.
func JoinArgPairs(args []string) []string {
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
