package filter

import (
	"slices"

	"github.com/itchyny/gojq"
)

// traits are properties of an expression that the fallback needs. They are true if in
// doubt.
type traits struct {
	loops   bool // it may run for ever on one event
	raises  bool // it may raise an error whose value is not a text
	dynamic bool // it computes regular expressions, which gojq keeps
}

// traitsOf finds the traits in the syntax tree. variables have the same value for all
// events.
func traitsOf(q *gojq.Query, variables []string) traits {
	w := walk(q, variables)
	t := traits{loops: w.defines, raises: w.defines}
	fixed := func(q *gojq.Query) bool {
		if _, ok := literal(q); ok {
			return true
		}
		// Bindings and definitions may hide the variable.
		return !w.binds && !w.defines && q.Term != nil && q.FuncDefs == nil && q.Term.SuffixList == nil &&
			q.Term.Type == gojq.TermTypeFunc && slices.Contains(variables, q.Term.Func.Name)
	}
	for _, f := range w.calls {
		flags := 1 // index of the argument with the flags
		switch f.Name {
		case "recurse":
			t.loops = t.loops || len(f.Args) > 0
			continue
		case "repeat", "while", "until", "range", "_range", "combinations":
			t.loops = true
			continue
		case "error", "limit", "skip", "nth":
			t.raises = true
			continue
		case "sub", "gsub":
			flags = 2
		case "split":
			if len(f.Args) < 2 { // it splits by a text
				continue
			}
		case "test", "match", "capture", "scan", "splits", "_match":
		default:
			continue
		}
		for i, arg := range f.Args {
			t.dynamic = t.dynamic || (i == 0 || i == flags) && !fixed(arg)
		}
	}
	return t
}
