// Package filter decides which events are kept, and what is printed of them.
//
// There are five filters, the cheap ones first: the class, the event, the
// fields and the text are read from the event's bytes without decoding them; a jq
// expression sees only what the others kept. Everything is compiled before the
// first event, and what does not compile is a [*SyntaxError] that points at
// the fault.
//
// # Lists
//
// A list of classes or events has items separated by commas; space around an
// item does not count. A star in an item stands for any text, also none. An
// item that begins with an exclamation mark excludes. An event is kept when
// one of the other items matches, or there are none, and no exclusion does. An
// item of the event list that has a dot is a class and an event, split at the
// first dot, or else the whole of an event's name. An absent class or event
// matches nothing.
//
// # Fields
//
// A condition is a field's name, an operator and a value: machine=1. The
// operator is the first of != !~ <= >= = ~ < > after the name. Space around the
// name does not count; where there is some before the operator, space after it
// does not count either. Values compare as text: a string without its escapes,
// anything else as its JSON text, so that machine=1 matches 1 and "1". The
// orders < <= > >= compare exact decimal numbers of any length, and hold only
// where the event has a number, or a string that reads as one. The operators ~
// and !~ search for a regular expression of package regexp. An absent field
// fails = and ~ and the orders, and passes != and !~.
//
// A name with a dot that no field has reaches into an object: the text before
// the first dot names it, and the rest is looked up in it in the same way.
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
// An expression that gives true keeps the event; false, null and no value
// drop it; any other value takes its place, except the event itself, as from
// select, which is kept as it is. Numbers keep their text until they are
// computed with. What reaches outside the event is off: env, $ENV, input,
// inputs, debug, stderr, halt, modules and the names of input files.
//
// Expressions that compare, test and pick fields run on the event's bytes, all
// others in gojq, with the same results, see [Engine]. For gojq only those
// fields are decoded that the expression can be seen to read.
//
// An expression that may go on for ever (it has range, repeat, while, until,
// combinations, recurse with an argument, or a function of its own) gets a
// million steps and 5 seconds on an event; then it fails on that event. What a
// single step makes is not bounded: an expression that doubles a text forty
// times runs out of memory. Regular expressions that are computed of events are
// not kept for longer than 32 KiB of events.
package filter

import (
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Options says what to keep. The zero Options keeps every event.
type Options struct {
	Class []string // lists of classes, see the package's Lists
	Event []string // lists of events, or of class.event
	Where []string // conditions, all of which must hold, see the package's Fields
	// Grep are regular expressions, each of which must be found in the event, and
	// NotGrep some of which none may be, see the package's Text. IgnoreCase is for both.
	Grep, NotGrep []string
	IgnoreCase    bool

	JQ     string         // a jq expression, empty for none
	Args   map[string]any // values of the expression's variables by name, without the dollar: nil, bool, int, float64, json.Number, string, []any, map[string]any
	Engine Engine         // what runs the jq expression
	// OnError is told why the expression failed on an event, which is then
	// dropped: a [*Failure], or [ErrTooLong]. The text may hold parts of the
	// event as they came: it is not safe to show on a terminal as it stands.
	// Clones share OnError and may call it at the same time. It may be nil.
	OnError func(error)
}

// Filter is what Options compiles to. It is not for concurrent use, since it
// has scratch space; its clones are.
type Filter struct {
	class, event *list // nil keeps all
	where        []condition
	grep, not    []search
	jq           *Query // nil for none
	onError      func(error)
	text         []byte // an unescaped value
	text2        []byte
}

// Output is one thing to print for an event.
type Output struct {
	// Event says that it is the event itself, from its original bytes.
	Event bool
	// JSON is the value that takes the event's place, valid JSON in valid
	// UTF-8 on one line. It is nil for the event itself and valid until emit
	// returns.
	JSON []byte
}

// Compile compiles the options, which may be nil. An expression that is wrong
// is a [*SyntaxError]; a value of Args of a type that jq does not know is
// another error.
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

// Clone returns a filter that does the same and can be used at the same time.
func (f *Filter) Clone() *Filter {
	c := &Filter{class: f.class, event: f.event, where: f.where, grep: f.grep, not: f.not, onError: f.onError}
	if f.jq != nil {
		c.jq = f.jq.Clone()
	}
	return c
}

// Native reports whether the jq expression runs natively; false without one.
func (f *Filter) Native() bool { return f.jq != nil && f.jq.Native() }

// Engine says in words what runs the jq expression, as [Query.Engine] does; it is
// empty without one.
func (f *Filter) Engine() string {
	if f.jq == nil {
		return ""
	}
	return f.jq.Engine()
}

// Run calls emit for each thing to print for the event that x has scanned:
// nothing if it is dropped, usually once, more often if a jq expression gives
// several values. However often it gives true, that is the event once. When
// emit returns false, Run returns. Values that came before an error have been
// emitted; an error ends the event and goes to OnError.
//
// Without a jq expression, or with a native one, Run does not allocate, but for
// the events that the native engine leaves to gojq.
func (f *Filter) Run(x *event.Index, emit func(Output) bool) {
	if err := f.run(x, emit); err != nil && f.onError != nil {
		f.onError(err)
	}
}

// Keeps reports whether Run prints anything for the event that x has scanned.
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

// cheap reports whether all but the jq expression keep the event.
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

// textOf returns the value's text, nil if it is absent, and buf, which may have
// grown to hold it.
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
