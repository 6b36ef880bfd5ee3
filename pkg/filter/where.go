package filter

import (
	"regexp"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// condition is one compiled --where.
type condition struct {
	field  string
	op     string
	value  string
	regexp *regexp.Regexp // of ~ and !~
	number decimal        // of the orders
}

// operator returns the place and the text of the first operator in expr.
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
		return condition{}, &SyntaxError{Flag: "--where", Text: expr, Offset: at, Reason: reason}
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
		if c.regexp, err = regexp.Compile(c.value); err != nil {
			at, reason := regexpFault(c.value, err)
			return bad(value+at, reason)
		}
	case "<", "<=", ">", ">=":
		var ok bool
		if c.number, ok = parseDecimal([]byte(c.value)); !ok {
			return bad(value, "a number must follow "+op)
		}
	}
	return c, nil
}

// holds reports whether the event meets a condition.
func (f *Filter) holds(c *condition, x *event.Index) bool {
	v := f.find(c.field, x)
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
	n, ok := parseDecimal(text)
	if !ok {
		return false
	}
	order := n.compare(c.number)
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

// find returns the value of a field; a name with a dot that no field has
// reaches into an object.
func (f *Filter) find(name string, x *event.Index) event.Value {
	for {
		v := x.Get(name)
		if v.Kind != event.Absent {
			return v
		}
		object, rest, ok := strings.Cut(name, ".")
		if !ok {
			return v
		}
		// The value points into the event, not into the index that found it,
		// so one index does for every depth.
		v = x.Get(object)
		if v.Kind != event.Object || f.nested.Scan(v.JSON) != nil {
			return event.Value{}
		}
		x, name = &f.nested, rest
	}
}
