package filter

import (
	"errors"
	"strings"

	"github.com/itchyny/gojq"
)

// compileJQ parses and checks a jq expression. Every error is a SyntaxError.
func compileJQ(expr string, variables []string) (*gojq.Query, error) {
	bad := func(at int, reason string) (*gojq.Query, error) {
		return nil, &SyntaxError{Option: "JQ", Text: expr, Offset: at, Reason: printable(reason)}
	}
	ast, err := gojq.Parse(expr)
	if err != nil {
		if e, ok := errors.AsType[*gojq.ParseError](err); ok {
			return bad(parseFault(expr, e))
		}
		return bad(0, err.Error())
	}
	if at, reason := moduleFault(expr, ast); reason != "" {
		return bad(at, reason)
	}
	if off := outside(ast, variables); len(off) > 0 {
		name := off[0]
		return bad(locate(expr, name, func(changed, _ string) bool {
			ast, err := gojq.Parse(changed)
			return err == nil && len(outside(ast, variables)) < len(off)
		}), name+" is off: "+offReason(name))
	}
	// There is no module loader and no input iterator, so what needs one does not
	// compile.
	_, err = gojq.Compile(ast, gojq.WithVariables(variables))
	if err == nil {
		if at, reason := constantRegexpFault(expr, ast, variables); reason != "" {
			return bad(at, reason)
		}
		return ast, nil
	}
	kind, name, ok := strings.Cut(err.Error(), " not defined: ")
	if !ok {
		return bad(len(expr), strings.Replace(err.Error(), `missing query (try ".")`, "no expression: . keeps every event", 1))
	}
	name, arity, _ := strings.Cut(name, "/")
	at := locate(expr, name, func(changed, other string) bool {
		ast, err := gojq.Parse(changed)
		if err != nil {
			return false
		}
		_, err = gojq.Compile(ast, gojq.WithVariables(variables))
		return err != nil && strings.Contains(err.Error(), " not defined: "+other)
	})
	reason := "there is no " + kind + " " + name
	switch arity {
	case "", "0":
	case "1":
		reason += " of one argument"
	default:
		reason += " of " + arity + " arguments"
	}
	return bad(at, reason)
}

// parseFault returns the place and the reason of an error of gojq's parser.
func parseFault(expr string, e *gojq.ParseError) (at int, reason string) {
	at = min(e.Offset, len(expr))
	reason = e.Error()
	switch {
	case reason == "unexpected EOF":
		return len(expr), "the expression ends too soon"
	case strings.HasSuffix(expr[:at], e.Token):
		at -= len(e.Token)
	}
	return at, reason
}

// moduleFault finds the place of the words that load modules; reason is empty if there
// are none. They come before everything else. So their place is the first one where
// the text before it is a complete program.
func moduleFault(expr string, ast *gojq.Query) (at int, reason string) {
	words := []string{"import", "include"}
	switch {
	case ast.Meta != nil:
		words = []string{"module"}
	case len(ast.Imports) == 0:
		return 0, ""
	}
	for _, word := range words {
		for i := range occurrences(expr, word) {
			if before, err := gojq.Parse(expr[:i] + "."); err == nil && before.Meta == nil && before.Imports == nil && (before.Term != nil && before.Term.Type == gojq.TermTypeIdentity) {
				return i, "modules are off: an expression stands alone"
			}
		}
	}
	return 0, "modules are off: an expression stands alone"
}

// locate returns the offset in expr of the name that is at fault. gojq's syntax tree
// has no offsets. But if another name in a place moves or removes the fault, it is the
// right place.
func locate(expr, name string, moves func(changed, other string) bool) int {
	const maxTried = 50 // places; each costs a compilation
	sigil := 0
	for sigil < len(name) && !identByte(name[sigil]) {
		sigil++
	}
	other := name[:sigil]
	for _, c := range "_QZXqzx" {
		if other = name[:sigil] + strings.Repeat(string(c), len(name)-sigil); !strings.Contains(expr, other) {
			break
		}
	}
	first, n := -1, 0
	for i := range occurrences(expr, name) {
		if first < 0 {
			first = i
		}
		if moves(expr[:i]+other+expr[i+len(name):], other) {
			return i
		}
		if n++; n == maxTried {
			break
		}
	}
	return max(first, 0)
}

// occurrences returns the offsets in expr at which name is a word of its own.
func occurrences(expr, name string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for from := 0; ; {
			i := strings.Index(expr[from:], name)
			if i < 0 {
				return
			}
			i += from
			from = i + 1
			end := i + len(name)
			if i > 0 && identByte(expr[i-1]) && identByte(name[0]) || end < len(expr) && identByte(expr[end]) {
				continue
			}
			if !yield(i) {
				return
			}
		}
	}
}
