// Package filter decides which events are kept, and what is printed for them.
//
// There are five filters, and the cheap ones run first: class, event, fields and text are
// read from the event's bytes without decoding them, and a jq expression runs only on
// events that the others keep. [Compile] compiles them all before the first event. An
// expression that does not compile is a [*SyntaxError], which says where the fault is.
//
// # Lists
//
// A list of classes or events has items separated by commas. Space around an item
// does not count. A star in an item stands for any text, including none. An item that
// begins with an exclamation mark excludes what it matches. An event is kept if no
// excluding item matches and one of the others does, or if there are no others. An
// item of the event list that has a dot matches a class and an event, split at the
// first dot, and also an event whose name has that dot. A missing class or event
// matches nothing.
//
// # Fields
//
// A condition is a field name, an operator and a value, as in machine=1. The operator
// is the first of != !~ <= >= = ~ < > in it. Space around the name does not count. If
// there is space before the operator, the space after it does not count either.
//
// The operators = and != compare text: a string without its escapes, anything else as
// JSON, so machine=1 matches both 1 and "1". The orders < <= > >= compare numbers
// exactly, whatever their length, see [event.ParseDecimal]. They hold only if the event
// has a number or a string that is one. The operators ~ and !~ search for a regular
// expression of package regexp. A missing field fails =, ~ and the orders, and passes
// != and !~.
//
// A name with a dot reaches into an object, see [event.Index.Get].
//
// # Text
//
// A text filter is a regular expression of package regexp that is searched for in the
// text of every value of the event, also within objects and arrays: a string without
// its escapes, anything else as its JSON text. The names of fields are not searched.
//
// In all these regular expressions a + before a digit that has nothing to repeat, as in
// +44 or ^+44, is the sign itself.
//
// # jq
//
// If the jq expression gives true the event is kept. If it gives false, null or no
// value the event is dropped. Any other value is printed in place of the event, except
// the event itself, as select gives it: that is kept unchanged. Numbers keep their text
// until the expression computes with them. An expression cannot reach outside of the
// event: env, $ENV, input, inputs, debug, stderr, halt, modules and the names of input
// files are off.
//
// Expressions that compare, test and pick fields run on the event's bytes. All others
// run in gojq, with the same results, see [Engine]. For gojq only the fields that the
// expression can read are decoded.
//
// An expression that may run for ever (it has range, repeat, while, until,
// combinations, recurse with an argument, or a function definition) is limited to a
// million steps and 5 seconds for each event; then it fails with [ErrLimit]. The memory
// of a single step is not limited: an expression that doubles a text forty times runs
// out of memory. Regular expressions that are computed from events are kept in memory
// for at most 32 KiB of events.
package filter

import (
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Options are the filters. The zero Options keeps every event.
type Options struct {
	Class []string // lists of classes; see Lists in the package comment
	Event []string // lists of events, or of class.event
	Where []string // conditions that must all hold; see Fields in the package comment
	// Grep are regular expressions that must all be found in the event, and NotGrep
	// some of which none may be found; see Text in the package comment. IgnoreCase is
	// for both.
	Grep, NotGrep []string
	IgnoreCase    bool

	JQ string // a jq expression, empty for none
	// Args holds the values of the expression's variables by their names, without
	// the dollar: nil, bool, int, float64, *big.Int, json.Number, string, []any and
	// map[string]any. They must stay unchanged.
	Args   map[string]any
	Engine Engine // what runs the jq expression
	// OnError is called when the jq expression fails on an event, which is then
	// dropped. The error is a [*Failure] or [ErrLimit]. Its text may hold parts of
	// the event, so it is not safe to print on a terminal unescaped. Clones share
	// OnError and may call it concurrently. It may be nil.
	OnError func(error)
}

// Filter is a compiled filter. It is not safe for concurrent use, because it has
// buffers: use a Clone for each goroutine.
type Filter struct {
	class, event *list // nil keeps all
	where        []condition
	grep, not    []search
	jq           *Query // nil for none
	onError      func(error)
	text         []byte // buffers for values with escapes
	text2        []byte
}

// Output is one thing to print for an event.
type Output struct {
	// Event is set if the event itself is to be printed, from its original bytes.
	Event bool
	// JSON is the value to print in place of the event: valid JSON in valid UTF-8 on
	// one line. It is nil for the event itself, and valid until emit returns.
	JSON []byte
}

// Compile compiles the options, which may be nil. The error is a [*SyntaxError] if an
// expression is wrong. Names and values in Args that jq does not know are other errors.
func Compile(o *Options) (*Filter, error) {
	if o == nil {
		o = &Options{}
	}
	f := &Filter{onError: o.OnError}
	var err error
	if f.class, err = compileList("Class", o.Class, false); err != nil {
		return nil, err
	}
	if f.event, err = compileList("Event", o.Event, true); err != nil {
		return nil, err
	}
	for _, expr := range o.Where {
		c, err := compileCondition(expr)
		if err != nil {
			return nil, err
		}
		f.where = append(f.where, c)
	}
	if f.grep, err = compileSearches("Grep", o.Grep, o.IgnoreCase); err != nil {
		return nil, err
	}
	if f.not, err = compileSearches("NotGrep", o.NotGrep, o.IgnoreCase); err != nil {
		return nil, err
	}
	if o.JQ != "" {
		if f.jq, err = compileQuery(o.JQ, o.Args, o.Engine, false); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Clone returns a copy of the filter for use by another goroutine.
func (f *Filter) Clone() *Filter {
	c := &Filter{class: f.class, event: f.event, where: f.where, grep: f.grep, not: f.not, onError: f.onError}
	if f.jq != nil {
		c.jq = f.jq.Clone()
	}
	return c
}

// Engine describes what runs the jq expression, as [Query.Engine] does. It is empty
// without one.
func (f *Filter) Engine() string {
	if f.jq == nil {
		return ""
	}
	return f.jq.Engine()
}

// Run calls emit for each thing to print for the event that x has scanned: not at all
// if the event is dropped, once if it is kept, and several times if a jq expression
// gives several values. An expression that gives true several times prints the event
// once. If emit returns false, Run returns. If the expression fails, Run calls OnError
// and returns; values that came before the error have been emitted.
//
// Without a jq expression Run does not allocate, and neither does it with a native one,
// except for an event that the native engine leaves to gojq.
func (f *Filter) Run(x *event.Index, emit func(Output) bool) {
	if err := f.run(x, emit); err != nil && f.onError != nil {
		f.onError(err)
	}
}

// Keeps reports whether Run prints anything for the event that x has scanned. Like Run
// it calls OnError if the jq expression fails.
func (f *Filter) Keeps(x *event.Index) (kept bool) {
	f.Run(x, func(Output) bool { kept = true; return false })
	return kept
}

func (f *Filter) run(x *event.Index, emit func(Output) bool) error {
	if !f.cheap(x) {
		return nil
	}
	if f.jq == nil {
		emit(Output{Event: true})
		return nil
	}
	return f.jq.run(x, emit)
}

// cheap reports whether all filters but the jq expression keep the event.
func (f *Filter) cheap(x *event.Index) bool {
	if f.class != nil {
		var class []byte
		if class, f.text = textOf(x.Class(), f.text); !f.class.keeps(nil, class) {
			return false
		}
	}
	if f.event != nil {
		var class, name []byte
		class, f.text = textOf(x.Class(), f.text)
		name, f.text2 = textOf(x.Event(), f.text2)
		if !f.event.keeps(class, name) {
			return false
		}
	}
	for i := range f.where {
		if !f.holds(&f.where[i], x) {
			return false
		}
	}
	for i := range f.grep {
		if !f.found(&f.grep[i], x) {
			return false
		}
	}
	for i := range f.not {
		if f.found(&f.not[i], x) {
			return false
		}
	}
	return true
}

// textOf returns the text of a value, nil if it is absent. It uses buf if the value has
// escapes, and returns it as scratch, perhaps grown.
func textOf(v event.Value, buf []byte) (text, scratch []byte) {
	if v.Kind == event.Absent {
		return nil, buf
	}
	if v.Escaped {
		buf = v.AppendText(buf[:0])
		return buf, buf
	}
	return v.Text(), buf
}
