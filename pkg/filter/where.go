package filter

import (
	"regexp"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// condition is a compiled condition of [Options].Where.
type condition struct {
	field  string
	op     string
	value  string
	regexp *regexp.Regexp // for ~ and !~
	number event.Decimal  // for the orders
}

// operator returns the first operator in expr and its offset, -1 if there is none.
func operator(expr string) (at int, op string) {
	for i := range len(expr) {
		for _, op := range [...]string{"!=", "!~", "<=", ">=", "=", "~", "<", ">"} {
			if strings.HasPrefix(expr[i:], op) {
				return i, op
			}
		}
	}
	return -1, ""
}

func compileCondition(expr string) (condition, error) {
	bad := func(at int, reason string) (condition, error) {
		return condition{}, &SyntaxError{Option: "Where", Text: expr, Offset: at, Reason: reason}
	}
	at, op := operator(expr)
	if at < 0 {
		return bad(len(expr), "no operator: write field=value, or one of != ~ !~ < <= > >=")
	}
	c := condition{field: strings.TrimSpace(expr[:at]), op: op, value: expr[at+len(op):]}
	switch {
	case c.field == "":
		return bad(at, "the name of a field is missing here")
	case c.field[0] == '.':
		return bad(strings.IndexByte(expr, '.'), "the name of a field has no dot before it, unlike in jq")
	}
	if strings.TrimRight(expr[:at], " \t") != expr[:at] {
		c.value = strings.TrimLeft(c.value, " \t")
	}
	value := len(expr) - len(c.value)
	switch op {
	case "~", "!~":
		var err error
		if c.regexp, err = regexp.Compile(literalPlus(c.value)); err != nil {
			at, reason := regexpFault(c.value, err)
			return bad(value+at, reason)
		}
	case "<", "<=", ">", ">=":
		var ok bool
		if c.number, ok = event.ParseDecimal([]byte(c.value)); !ok {
			return bad(value, "a number must follow "+op)
		}
	}
	return c, nil
}

// holds reports whether a condition holds for the event.
func (f *Filter) holds(c *condition, x *event.Index) bool {
	v := x.Get(c.field)
	if v.Kind == event.Absent {
		return c.op[0] == '!'
	}
	var text []byte
	text, f.text = textOf(v, f.text)
	switch c.op {
	case "=":
		return string(text) == c.value
	case "!=":
		return string(text) != c.value
	case "~":
		return c.regexp.Match(text)
	case "!~":
		return !c.regexp.Match(text)
	}
	n, ok := event.ParseDecimal(text)
	if !ok {
		return false
	}
	order := n.Compare(c.number)
	switch c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}
