package render

import (
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
)

// check finds what is wrong in a template for every event: calls with another
// number of arguments than the function has, or with a first one that it cannot
// take, and templates that are not defined.
type check struct {
	u     *userTemplate
	all   *template.Template
	funcs template.FuncMap
	tree  *parse.Tree
}

func (c *check) errorf(n parse.Node, format string, args ...any) error {
	place, context := c.tree.ErrorContext(n)
	if !strings.HasPrefix(context, "{{") {
		context = "{{" + context + "}}"
	}
	return fmt.Errorf("--template: at %s, %s: %s", strings.TrimPrefix(place, ":"), context, fmt.Sprintf(format, args...))
}

// node checks a node and what is in it.
func (c *check) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := c.node(child); err != nil {
				return err
			}
		}
	case *parse.ActionNode:
		return c.pipe(n.Pipe)
	case *parse.IfNode:
		return c.branch(&n.BranchNode)
	case *parse.RangeNode:
		return c.branch(&n.BranchNode)
	case *parse.WithNode:
		return c.branch(&n.BranchNode)
	case *parse.TemplateNode:
		if t := c.all.Lookup(n.Name); t == nil || t.Tree == nil {
			return c.errorf(n, "there is no template %q", n.Name)
		}
		if n.Pipe != nil {
			return c.pipe(n.Pipe)
		}
	}
	return nil
}

func (c *check) branch(b *parse.BranchNode) error {
	if err := c.pipe(b.Pipe); err != nil {
		return err
	}
	if err := c.node(b.List); err != nil {
		return err
	}
	return c.node(b.ElseList)
}

func (c *check) pipe(p *parse.PipeNode) error {
	for i, cmd := range p.Cmds {
		if err := c.command(cmd, min(i, 1)); err != nil {
			return err
		}
	}
	return nil
}

// command checks a command, which gets piped values besides its own arguments.
func (c *check) command(cmd *parse.CommandNode, piped int) error {
	for _, arg := range cmd.Args {
		if chain, ok := arg.(*parse.ChainNode); ok {
			arg = chain.Node
		}
		if p, ok := arg.(*parse.PipeNode); ok {
			if err := c.pipe(p); err != nil {
				return err
			}
		}
	}
	n := len(cmd.Args) - 1 + piped
	called, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		if n > 0 {
			return c.errorf(cmd, "%s is no function and takes no arguments", cmd.Args[0])
		}
		return nil
	}
	name := called.Ident
	if name == "call" {
		return c.errorf(cmd, "an event holds nothing that could be called")
	}
	least, most := c.arity(name)
	if n < least || most >= 0 && n > most {
		return c.errorf(cmd, "%s takes %s, not %d%s", name, arguments(least, most), n, asIn(name))
	}
	if name == showFunc || len(cmd.Args) < 2 {
		return nil
	}
	first, literal := literal(cmd.Args[1])
	if name == "time" && (!literal || first == "delta" || first == "" && c.u.clock.style == "delta") {
		c.u.ordered = true
	}
	if !literal {
		return nil
	}
	if err := c.u.takes(name, first, n-1); err != nil {
		return c.errorf(cmd, "%v%s", err, asIn(name))
	}
	return nil
}

// takes reports what is wrong with the first argument of a function, which is the
// same for every event; others come after it.
func (u *userTemplate) takes(name string, first any, others int) (err error) {
	switch name {
	case "color":
		_, err = u.color(first, nil)
	case "time":
		_, err = u.time(first, nil)
	case "pad", "padleft", "trunc":
		_, err = integer(first)
	case "printf":
		format, ok := first.(string)
		if !ok {
			return fmt.Errorf("%v is no format", first)
		}
		// A * takes a value of its own, which has to be a number.
		if strings.Contains(format, "*") || strings.Contains(format, "%!") {
			return nil
		}
		values := make([]any, others)
		for i := range values {
			values[i] = anyValue{}
		}
		if _, fault, bad := strings.Cut(fmt.Sprintf(format, values...), "%!"); bad {
			fault, _, _ = strings.Cut(fault, "=")
			err = fmt.Errorf("the format and its %d values do not go together: %%!%s", others, fault)
		}
	}
	return err
}

// anyValue stands for a value of which nothing is known but that it goes with
// the verbs of printf.
type anyValue struct{}

// Format prints nothing, or what package fmt does for a verb that there is not.
func (anyValue) Format(s fmt.State, verb rune) {
	if !strings.ContainsRune(numberVerbs+"svqxXt", verb) {
		fmt.Fprintf(s, "%%!%c", verb)
	}
}

// arity is how many arguments a function takes, most of them -1 if there is no
// end to them.
func (c *check) arity(name string) (least, most int) {
	switch name {
	case "and", "or", "index", "slice":
		return 1, -1
	case "len", "not":
		return 1, 1
	}
	f := c.funcs[name]
	if f == nil {
		return 0, -1
	}
	t := reflect.TypeOf(f)
	if t.IsVariadic() {
		return t.NumIn() - 1, -1
	}
	return t.NumIn(), t.NumIn()
}

func arguments(least, most int) string {
	words := fmt.Sprintf("%d arguments", least)
	if least == 1 {
		words = "1 argument"
	}
	if most < 0 {
		return words + " or more"
	}
	return words
}

func asIn(name string) string {
	if usage := usages()[name]; usage != "" {
		return ", as in " + usage
	}
	return ""
}

// literal returns the value of a node that is a constant.
func literal(n parse.Node) (v any, ok bool) {
	switch n := n.(type) {
	case *parse.StringNode:
		return n.Text, true
	case *parse.NumberNode:
		if n.IsInt {
			return int(n.Int64), true
		}
		return n.Float64, true
	case *parse.BoolNode:
		return n.True, true
	case *parse.NilNode:
		return nil, true
	}
	return nil, false
}
