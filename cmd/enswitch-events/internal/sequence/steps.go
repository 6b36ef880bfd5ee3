package sequence

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// step is one step of a sequence.
type step struct {
	text   string // as typed
	filter *filter.Filter
}

// parser reads a sequence: steps with > between them. A step is a list of events, as for
// --event, and may have conditions after it in brackets, as for --where, with commas
// between them. Blanks around all of these do not count. The value of a condition ends
// at a comma or ]. In a regular expression these belong to the value if they are inside
// its own brackets, braces or parentheses, or after a backslash. In " or ' a value is
// literal, up to the same quote.
type parser struct {
	text string
	at   int // what is before it has been read
}

// compileSteps compiles the steps of a sequence.
func compileSteps(text string) ([]step, error) {
	p := &parser{text: text}
	var steps []step
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		if p.at == len(text) {
			return steps, nil
		}
		p.at++ // the >
	}
}

const blanks = " \t\r\n"

func fault(text string, at int, reason string) error {
	return &caret.Error{Flag: "--sequence", Text: text, Offset: at, Reason: reason}
}

func (p *parser) fault(at int, reason string) error { return fault(p.text, at, reason) }

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) skipBlanks() { p.at = len(p.text) - len(strings.TrimLeft(p.rest(), blanks)) }

// find returns the offset of the next of these characters, or the end of the text.
func (p *parser) find(chars string) int {
	if i := strings.IndexAny(p.rest(), chars); i >= 0 {
		return p.at + i
	}
	return len(p.text)
}

// step reads a step up to the > after it or the end of the text.
func (p *parser) step() (step, error) {
	p.skipBlanks()
	begin, end := p.at, p.find(">[]")
	names := strings.TrimRight(p.text[begin:end], blanks)
	p.at = end
	switch {
	case strings.HasPrefix(p.rest(), "]"):
		return step{}, p.fault(end, "there is no [ before this")
	case names == "" && strings.HasPrefix(p.rest(), "["):
		return step{}, p.fault(end, "an event is missing before this: * is any")
	case names == "":
		return step{}, p.fault(end, "a step is missing here")
	case names[len(names)-1] == '-' && strings.HasPrefix(p.rest(), ">"):
		return step{}, p.fault(begin+len(names)-1, dash)
	}
	if err := p.checkNames(begin, names); err != nil {
		return step{}, err
	}
	var conditions []condition
	if strings.HasPrefix(p.rest(), "[") {
		var err error
		if conditions, err = p.conditions(); err != nil {
			return step{}, err
		}
	}
	o := filter.Options{Event: []string{names}}
	for _, c := range conditions {
		o.Where = append(o.Where, c.text())
	}
	f, err := filter.Compile(&o)
	if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
		at := begin + e.Offset
		if i := slices.Index(o.Where, e.Text); e.Option == "Where" && i >= 0 {
			at = conditions[i].offset(e.Offset)
		}
		return step{}, p.fault(at, e.Reason)
	}
	return step{strings.TrimRight(p.text[begin:p.at], blanks), f}, err
}

const dash = "steps have a > between them, without a dash"

// checkNames returns an error if names, which begin at that offset, have blanks where a > or
// a comma should be.
func (p *parser) checkNames(at int, names string) error {
	for item := range strings.SplitSeq(names, ",") {
		trimmed := strings.Trim(item, blanks)
		if space := strings.IndexAny(trimmed, blanks); space >= 0 {
			return p.fault(at+strings.Index(item, trimmed)+space, "a > or a comma is missing here")
		}
		at += len(item) + 1
	}
	return nil
}

// conditions reads what is in the brackets of a step, and the blanks after them.
func (p *parser) conditions() ([]condition, error) {
	var all []condition
	for more := true; more; {
		p.at++ // the [ or the comma
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		more = p.text[p.at] == ','
	}
	p.at++ // the ]
	p.skipBlanks()
	switch rest := p.rest(); {
	case rest == "", rest[0] == '>':
		return all, nil
	case rest[0] == ',', rest[0] == '[':
		return nil, p.fault(p.at, "the conditions of a step come once, after its last event")
	case strings.HasPrefix(rest, "->"):
		return nil, p.fault(p.at, dash)
	}
	return nil, p.fault(p.at, "a > is missing here")
}

// condition is a condition of a step. Its parts are not next to each other where there
// are blanks or quotes.
type condition struct {
	field, op, value       string
	fieldAt, opAt, valueAt int
}

// text returns the condition as --where has it.
func (c *condition) text() string { return c.field + c.op + c.value }

// offset returns the offset in the sequence of an offset in text.
func (c *condition) offset(at int) int {
	switch {
	case at < len(c.field):
		return c.fieldAt + at
	case at < len(c.field+c.op):
		return c.opAt + at - len(c.field)
	}
	return c.valueAt + at - len(c.field+c.op)
}

// beforeValue matches what comes before the value of a condition, with the field and the
// operator.
var beforeValue = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^],]*?)(!=|!~|<=|>=|[=~<>])[ \t\r\n]*`) })

// condition reads a condition up to the comma or ] after it.
func (p *parser) condition() (c condition, err error) {
	p.skipBlanks()
	c.fieldAt = p.at
	m := beforeValue().FindStringSubmatchIndex(p.rest())
	if m == nil {
		end := p.find(",]")
		c.field = strings.TrimRight(p.text[p.at:end], blanks)
		c.opAt = c.fieldAt + len(c.field)
		c.valueAt, p.at = c.opAt, end
		switch {
		case end == len(p.text):
			return c, p.fault(end, unclosed)
		case c.field == "":
			return c, p.fault(end, "a condition is missing here")
		}
		return c, nil // what is missing is said as for --where
	}
	c.field = strings.TrimRight(p.rest()[:m[3]], blanks)
	c.op = p.rest()[m[4]:m[5]]
	c.opAt = p.at + m[4]
	p.at += m[1]
	if next := p.rest(); m[1] == m[5] && strings.HasSuffix(c.op, "=") && next != "" && (next[0] == '=' || next[0] == '~') {
		meant := c.op
		if next[0] == '~' {
			meant = strings.TrimSuffix(c.op, "=") + "~"
		}
		return c, p.fault(p.at, "did you mean "+c.field+meant+"…? a value that begins with "+next[:1]+" goes in quotes")
	}
	return c, p.value(&c)
}

const unclosed = "the ] after the conditions is missing"

// value reads the value of a condition and the blanks after it.
func (p *parser) value(c *condition) error {
	c.valueAt = p.at
	if rest := p.rest(); rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return p.fault(p.at, "the quote that ends this value is missing")
		}
		c.valueAt++
		c.value = rest[1 : 1+end]
		p.at += len(c.value) + 2
		p.skipBlanks()
		switch rest := p.rest(); {
		case rest == "":
			return p.fault(p.at, unclosed)
		case rest[0] != ',' && rest[0] != ']':
			return p.fault(p.at, "a comma or ] is missing here")
		}
		return nil
	}
	end := p.find(",]")
	if strings.HasSuffix(c.op, "~") {
		end = p.at + regexpEnd(p.rest())
	}
	c.value = strings.TrimRight(p.text[p.at:end], blanks)
	if p.at = end; end == len(p.text) {
		return p.fault(end, unclosed)
	}
	return nil
}

// repetition matches a repetition of a regular expression, like {2,3}.
var repetition = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\{\d+(,\d*)?\}`) })

// regexpEnd returns the offset of the comma or ] that ends a regular expression, or the
// length of text if there is none.
func regexpEnd(text string) int {
	depth := 0 // of parentheses
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '[':
			i += classEnd(text[i:])
		case '{':
			i += max(len(repetition().FindString(text[i:]))-1, 0)
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				return i
			}
		case ']':
			return i
		}
	}
	return len(text)
}

// classEnd returns the offset of the ] that ends the character class at the beginning of
// text, or the length of text if there is none.
func classEnd(text string) int {
	i := 1
	if strings.HasPrefix(text[i:], "^") {
		i++
	}
	if strings.HasPrefix(text[i:], "]") { // the first is a character like others
		i++
	}
	for ; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], "[:"):
			if end := strings.Index(text[i:], ":]"); end > 0 {
				i += end + 1
			}
		case text[i] == ']':
			return i
		}
	}
	return len(text)
}
