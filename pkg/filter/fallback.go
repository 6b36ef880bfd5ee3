package filter

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// What one event may take of gojq, for the expressions that may go on for ever:
// a step is some tens of nanoseconds.
const (
	mostSteps = 1_000_000
	mostTime  = 5 * time.Second
)

// recycleBytes is after how many bytes of events gojq's code is made anew for
// an expression that computes regular expressions: the code keeps all of them.
const recycleBytes = 32 << 10

// plan is an expression as gojq runs it. It does not change, so that clones
// share it.
type plan struct {
	traits
	ast       *gojq.Query
	first     bool     // only the first value is asked for
	fields    []string // what is decoded of an event, if whole is false
	whole     bool
	variables []string
	values    []any
}

// program is the expression in a loop over events, because to begin anew with
// each costs more than most expressions do:
//
//	events | (try (EXPR) catch a failure), the end
//
// Its input is the *fallback, so that clones share the code. The names of the
// functions cannot be written in an expression, and its own definitions are in
// force only inside of it.
func (p *plan) program() (*gojq.Code, error) {
	call := func(name string, args ...*gojq.Query) *gojq.Query {
		return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
	}
	body := p.ast
	if p.first {
		body = call("first", body)
	}
	if !p.raises { // else an error ends the loop, which then begins anew
		body = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeTry, Try: &gojq.Try{Body: body, Catch: call("a failure")}}}
	}
	body = &gojq.Query{Op: gojq.OpComma, Left: body, Right: call("the end")}
	return gojq.Compile(&gojq.Query{Op: gojq.OpPipe, Left: call("the events"), Right: body},
		gojq.WithVariables(p.variables),
		gojq.WithIterFunction("the events", 0, 0, func(f any, _ []any) gojq.Iter { return events{f.(*fallback)} }),
		gojq.WithFunction("the end", 0, 0, func(any, []any) any { return end{} }),
		gojq.WithFunction("a failure", 0, 0, func(v any, _ []any) any { return failure{v} }))
}

// events is the event of a fallback, again and again: when it is asked for one,
// the next has been set.
type events struct{ f *fallback }

func (e events) Next() (any, bool) { return e.f.event, true }

// end is a value that stands behind those of an event.
type end struct{}

// failure is a value that stands for an error, which would end the loop.
type failure struct{ text any }

// fallback runs an expression in gojq.
type fallback struct {
	*plan
	code   *gojq.Code
	loop   gojq.Iter // nil before the first event, and after one that broke it
	used   int       // bytes of events since code was made
	input  decoder
	event  map[string]any
	budget budget
}

// ErrTooLong is the error of an event on which an expression does not come to an
// end.
var ErrTooLong = fmt.Errorf("took more than %d steps or %v on one event", mostSteps, mostTime)

// budget is a context that ends after a number of steps, and a time: gojq asks it
// before each step. Unlike a timer it costs nothing to set for each event.
type budget struct {
	context.Context
	most        time.Duration
	steps, left int
	started     time.Time
	over        chan struct{} // closed when the budget is spent, else nil
}

func (b *budget) reset() { b.left, b.over = b.steps, nil }

func (b *budget) Done() <-chan struct{} {
	const stride = 1 << 12 // to look at the clock costs as much as a step
	if b.left--; b.left&(stride-1) == 0 && b.over == nil {
		switch {
		case b.steps-b.left <= stride:
			b.started = time.Now()
		case b.left <= 0 || time.Since(b.started) > b.most:
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
	return ErrTooLong
}

// clone returns a fallback that can be used at the same time.
// The code of computed regular expressions is each one's own, as it grows.
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
			return err // cannot be, the same has compiled before
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
			f.budget = budget{Context: ctx, most: mostTime, steps: mostSteps, left: mostSteps}
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

// drain brings the loop, after the last value, to the end of the event.
func (f *fallback) drain() {
	if v, _ := f.loop.Next(); v != any(end{}) {
		f.loop = nil
	}
}

// is reports whether a value is the event itself.
func (f *fallback) is(v map[string]any) bool {
	return reflect.ValueOf(v).Pointer() == reflect.ValueOf(f.event).Pointer()
}
