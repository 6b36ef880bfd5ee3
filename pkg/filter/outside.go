package filter

import (
	"slices"
	"strconv"

	"github.com/itchyny/gojq"
)

// offReason returns why a name that reaches outside of the event is off. It is empty
// for any other name. env and $ENV would give away keys in the environment.
func offReason(name string) string {
	switch name {
	case "env", "$ENV":
		return "an expression sees nothing but the event and its own variables"
	case "input", "inputs":
		return "an expression sees one event at a time"
	case "input_filename", "input_line_number":
		return "an event comes from no file"
	case "debug", "stderr":
		return "an expression only gives values"
	case "halt", "halt_error":
		return "an expression cannot end the program"
	case "modulemeta", "get_search_list":
		return "there are no modules"
	}
	return ""
}

// outside returns the names that are off, in the order in which an expression uses
// them. A name that the expression or variables define may be used.
func outside(q *gojq.Query, variables []string) []string {
	return walk(q, variables).uses
}

// walk walks a syntax tree.
func walk(q *gojq.Query, variables []string) *walker {
	w := &walker{defined: slices.Clone(variables)}
	w.query(q)
	return w
}

// walker walks a syntax tree and keeps track of what is defined in each place.
type walker struct {
	defined []string // "$x" is a variable, "f/1" a function of one argument
	uses    []string // names that are off
	calls   []*gojq.Func
	binds   bool // a pattern binds variables
	defines bool // there are definitions of functions
}

func (w *walker) use(name string, args int) {
	if offReason(name) == "" {
		return
	}
	if name[0] != '$' {
		if slices.Contains(w.defined, name+"/"+strconv.Itoa(args)) {
			return
		}
	} else if slices.Contains(w.defined, name) {
		return
	}
	w.uses = append(w.uses, name)
}

// scope calls body and then removes what body has defined.
func (w *walker) scope(body func()) {
	n := len(w.defined)
	body()
	w.defined = w.defined[:n]
}

func (w *walker) query(q *gojq.Query) {
	if q == nil {
		return
	}
	w.scope(func() {
		for _, fd := range q.FuncDefs {
			w.defines = true
			w.defined = append(w.defined, fd.Name+"/"+strconv.Itoa(len(fd.Args)))
			w.scope(func() {
				for _, arg := range fd.Args {
					if arg[0] == '$' {
						w.defined = append(w.defined, arg)
						arg = arg[1:]
					}
					w.defined = append(w.defined, arg+"/0")
				}
				w.query(fd.Body)
			})
		}
		w.term(q.Term)
		w.query(q.Left)
		w.patterns(q.Patterns)
		w.query(q.Right)
	})
}

func (w *walker) term(t *gojq.Term) {
	if t == nil {
		return
	}
	w.index(t.Index)
	if t.Func != nil {
		w.calls = append(w.calls, t.Func)
		w.use(t.Func.Name, len(t.Func.Args))
		for _, arg := range t.Func.Args {
			w.query(arg)
		}
	}
	w.object(t.Object)
	if t.Array != nil {
		w.query(t.Array.Query)
	}
	if t.Unary != nil {
		w.term(t.Unary.Term)
	}
	w.str(t.Str)
	if t.If != nil {
		w.query(t.If.Cond)
		w.query(t.If.Then)
		for _, e := range t.If.Elif {
			w.query(e.Cond)
			w.query(e.Then)
		}
		w.query(t.If.Else)
	}
	if t.Try != nil {
		w.query(t.Try.Body)
		w.query(t.Try.Catch)
	}
	if r := t.Reduce; r != nil {
		w.query(r.Query)
		w.query(r.Start)
		w.scope(func() {
			w.patterns(r.Patterns)
			w.query(r.Update)
		})
	}
	if f := t.Foreach; f != nil {
		w.query(f.Query)
		w.query(f.Start)
		w.scope(func() {
			w.patterns(f.Patterns)
			w.query(f.Update)
			w.query(f.Extract)
		})
	}
	if t.Label != nil {
		w.query(t.Label.Body)
	}
	w.query(t.Query)
	for _, s := range t.SuffixList {
		w.index(s.Index)
	}
}

func (w *walker) object(o *gojq.Object) {
	if o == nil {
		return
	}
	for _, kv := range o.KeyVals {
		if kv.Key != "" && kv.Key[0] == '$' {
			w.use(kv.Key, 0)
		}
		w.str(kv.KeyString)
		w.query(kv.KeyQuery)
		w.query(kv.Val)
	}
}

func (w *walker) index(x *gojq.Index) {
	if x != nil {
		w.str(x.Str)
		w.query(x.Start)
		w.query(x.End)
	}
}

func (w *walker) str(s *gojq.String) {
	if s != nil {
		for _, q := range s.Queries {
			w.query(q)
		}
	}
}

// patterns defines the variables of patterns in the current scope.
func (w *walker) patterns(ps []*gojq.Pattern) {
	for _, p := range ps {
		w.binds = true
		if p.Name != "" {
			w.defined = append(w.defined, p.Name)
		}
		w.patterns(p.Array)
		for _, o := range p.Object {
			if o.Key != "" && o.Key[0] == '$' {
				w.defined = append(w.defined, o.Key)
			}
			w.str(o.KeyString)
			w.query(o.KeyQuery)
			if o.Val != nil {
				w.patterns([]*gojq.Pattern{o.Val})
			}
		}
	}
}
