package filter

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"github.com/itchyny/gojq"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Limits for one event, of expressions that may run for ever. A step of gojq takes
// some tens of nanoseconds.
const (
	maxSteps  = 1_000_000
	maxTime   = 5 * time.Second
	maxMemory = 128 << 20 // bytes
)

// recycleBytes is after how many bytes of events an expression that computes regular
// expressions is compiled again, because gojq's code keeps all of them in memory.
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
// million steps, 5 seconds, or when it had taken 128 MiB of memory.
var ErrLimit = fmt.Errorf("took more than %d steps, %v or %d MiB on one event", maxSteps, maxTime, maxMemory>>20)

// budget is a context that ends after a number of steps, a time, or a growth of the heap.
// gojq calls Done before each step. Unlike a timer it costs nothing to start for each
// event.
type budget struct {
	context.Context
	max         time.Duration
	memory      uint64 // bytes by which the heap may grow
	steps, left int
	look        int // steps until the next look at the clock
	stride      int // steps between the last look and the next one
	careful     int // steps that still have a look each
	started     time.Time
	looked      time.Time
	heap        uint64        // bytes in the heap at the first slow step, 0 before it
	over        chan struct{} // nil, or closed once the budget is used up
}

// A look at the clock costs more than a step, so it is done once in lookSteps. Steps that
// take longer than slowStep work on large values: for some steps from there on, the clock is
// looked at before each, and the heap after each slow one. An expression that doubles a text
// forty times has a few hundred steps.
const (
	lookSteps = 32
	slowStep  = 5 * time.Microsecond
)

func (b *budget) reset() {
	if b.over != nil && b.heap > 0 {
		runtime.GC() // or what the event before has left behind would count for this one
	}
	b.left, b.look, b.stride, b.careful, b.over = b.steps, lookSteps, lookSteps, 0, nil
	b.started, b.heap = time.Time{}, 0
}

func (b *budget) Done() <-chan struct{} {
	b.left--
	if b.look--; b.look > 0 || b.over != nil {
		return b.over
	}
	now := time.Now()
	if b.started.IsZero() {
		b.started, b.looked = now, now
	}
	slow := now.Sub(b.looked) > time.Duration(b.stride)*slowStep
	b.looked, b.careful = now, b.careful-1
	if slow {
		b.careful = lookSteps
	}
	b.stride = lookSteps
	if b.careful > 0 {
		b.stride = 1
	}
	b.look = b.stride
	if b.left <= 0 || now.Sub(b.started) > b.max || slow && b.grown() {
		b.over = make(chan struct{})
		close(b.over)
	}
	return b.over
}

// grown reports whether the heap has grown by more than b.memory since it was first called
// for the event. What can be freed does not count.
func (b *budget) grown() bool {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if b.heap == 0 {
		b.heap = m.HeapAlloc
	}
	if m.HeapAlloc <= b.heap+b.memory {
		return false
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc > b.heap+b.memory
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
	if f.budget.reset(); f.loop == nil {
		ctx := context.Background()
		if f.loops {
			f.budget = budget{Context: ctx, max: maxTime, memory: maxMemory, steps: maxSteps}
			f.budget.reset()
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
