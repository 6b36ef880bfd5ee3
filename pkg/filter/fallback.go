package filter

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Limits for one event, for expressions that may never end. A step of gojq takes some tens of
// nanoseconds.
const (
	maxSteps = 1_000_000
	maxTime  = 5 * time.Second
)

// recycleBytes is the number of bytes of events after which an expression that computes
// regular expressions is compiled again: gojq's code keeps all of them in memory.
const recycleBytes = 32 << 10

// plan is an expression for gojq. It does not change, so clones share it.
type plan struct {
	traits
	ast       *gojq.Query
	first     bool     // only the first value is needed
	fields    []string // the fields that are decoded, unless whole is set
	whole     bool     // the whole event is decoded
	variables []string
	values    []any
}

// program compiles the expression in a loop over events, because starting gojq for
// each event takes longer than most expressions do:
//
//	events | (try (EXPR) catch a failure), the end
//
// The input of the loop is the *fallback, so clones share the code. The functions of
// the loop have names with blanks, which no expression can call, and definitions in the
// expression are valid only inside of it.
func (p *plan) program() (*gojq.Code, error) {
	call := func(name string, args ...*gojq.Query) *gojq.Query {
		return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
	}
	body := p.ast
	if p.first {
		body = call("first", body)
	}
	if !p.raises { // else an error ends the loop, and begin starts it again
		body = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeTry, Try: &gojq.Try{Body: body, Catch: call("a failure")}}}
	}
	body = &gojq.Query{Op: gojq.OpComma, Left: body, Right: call("the end")}
	return gojq.Compile(&gojq.Query{Op: gojq.OpPipe, Left: call("the events"), Right: body},
		gojq.WithVariables(p.variables),
		gojq.WithIterFunction("the events", 0, 0, func(f any, _ []any) gojq.Iter { return events{f.(*fallback)} }),
		gojq.WithFunction("the end", 0, 0, func(any, []any) any { return end{} }),
		gojq.WithFunction("a failure", 0, 0, func(v any, _ []any) any { return failure{v} }))
}

// events is the iterator of the loop. It returns the current event of a fallback, which
// begin has set before gojq asks for the next one.
type events struct{ f *fallback }

func (e events) Next() (any, bool) { return e.f.event, true }

// end is the value that follows those of an event.
type end struct{}

// failure is the value for an error, because an error itself would end the loop.
type failure struct{ text any }

// fallback runs an expression in gojq.
type fallback struct {
	*plan
	code   *gojq.Code
	loop   gojq.Iter // nil before the first event, and after an error that ended it
	used   int       // bytes of events since code was compiled
	input  decoder
	event  map[string]any
	budget budget
}

// ErrLimit is the error of a jq expression that was stopped on an event, after a
// million steps or 5 seconds.
var ErrLimit = fmt.Errorf("took more than %d steps or %v on one event", maxSteps, maxTime)

// budget is a context that ends after a number of steps or a time. gojq calls Done
// before each step. Unlike a timer it costs nothing to start for each event.
type budget struct {
	context.Context
	max         time.Duration
	steps, left int
	started     time.Time
	over        chan struct{} // nil, or closed once the budget is used up
}

func (b *budget) reset() { b.left, b.over = b.steps, nil }

func (b *budget) Done() <-chan struct{} {
	const stride = 1 << 12 // steps between looks at the clock, each of which costs as much as a step
	if b.left--; b.left&(stride-1) == 0 && b.over == nil {
		switch {
		case b.steps-b.left <= stride:
			b.started = time.Now()
		case b.left <= 0 || time.Since(b.started) > b.max:
			b.over = make(chan struct{})
			close(b.over)
		}
	}
	return b.over
}

func (b *budget) Err() error {
	if b.over == nil {
		return nil
	}
	return ErrLimit
}

// clone returns a copy for another goroutine. The code of an expression that computes
// regular expressions grows, so it is not shared.
func (f *fallback) clone() fallback {
	if f.dynamic {
		return fallback{plan: f.plan}
	}
	return fallback{plan: f.plan, code: f.code}
}

// begin sets the event that next works on.
func (f *fallback) begin(x *event.Index) error {
	if f.dynamic {
		if f.used += len(x.JSON()); f.used > recycleBytes {
			f.used, f.code, f.loop = len(x.JSON()), nil, nil
		}
	}
	if f.code == nil {
		var err error
		if f.code, err = f.program(); err != nil {
			return err // impossible: the same expression has compiled before
		}
	}
	if f.whole {
		f.event = f.input.object(x.JSON())
	} else {
		f.event = f.input.fieldsOf(x, f.fields)
	}
	f.budget.reset()
	if f.loop == nil {
		ctx := context.Background()
		if f.loops {
			f.budget = budget{Context: ctx, max: maxTime, steps: maxSteps, left: maxSteps}
			ctx = &f.budget
		}
		f.loop = f.code.RunWithContext(ctx, f, f.values...)
	}
	return nil
}

// next returns the next value that the expression gives for the event; more is
// false after the last one and after an error.
func (f *fallback) next() (v any, more bool, err error) {
	v, _ = f.loop.Next()
	switch v := v.(type) {
	case end:
		return nil, false, nil
	case failure:
		text, _ := v.text.(string)
		f.drain()
		return nil, false, builtinFailure(text)
	case error:
		f.loop = nil
		return nil, false, newFailure(v)
	}
	return v, true, nil
}

// drain moves the loop from the last value to the end of the event.
func (f *fallback) drain() {
	if v, _ := f.loop.Next(); v != any(end{}) {
		f.loop = nil
	}
}

// is reports whether a value is the event itself.
func (f *fallback) is(v map[string]any) bool {
	return reflect.ValueOf(v).Pointer() == reflect.ValueOf(f.event).Pointer()
}
