// Package engine is the path of events through the program: from a source, live or
// a capture, to the output or whatever else a command makes of them.
//
// A [Source] hands out blocks of some hundred events each. Blocks are mapped, on all
// cores, and folded, one after the other in the order of the events:
//
//   - Map scans each event of a block, filters it, and does all further work of the
//     command that needs no earlier event, such as rendering.
//   - Fold writes the output of a block, counts its events in the [Ledger], and
//     does the work that depends on earlier events.
//
// A command is a [Sink], whose [Worker] maps events; [Text] is the sink that prints
// them. The engine itself knows when a run ends, joins several feeds so that each
// event comes once, and accounts for every event.
//
// A block that is mapped while earlier ones are not folded yet is mapped ahead: the
// sink works on a guess of the state that they leave, such as the time of the last
// event or the width of a column. If Fold finds that the guess was wrong, or the
// run ends inside the block because of its count, the block is mapped again in
// order, where the state is known. A block that comes alone is mapped in order at
// once by the goroutine that folds, so that nothing is added to the time from
// socket to output.
//
// The files: engine.go has the interfaces; mapper.go and lines.go are Map; fold.go,
// fold_block.go and write.go are Fold; run.go starts and ends a live run; buffer.go,
// feed.go, join.go, progress.go, spill.go and pace.go are the buffer behind live feeds;
// captures.go, merged.go and follow.go read captures; text.go and hide.go are the Text
// sink; absence.go watches for times without a kept event.
package engine

import (
	"errors"
	"io"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// writeSize is the number of bytes that share a write while more events wait.
const writeSize = 64 << 10

// Source hands out blocks in order. It is used by one goroutine.
type Source interface {
	// Take returns the next block, nil if there is none now; end says that there will
	// be none. More says that the caller has other blocks to work on, so that a small
	// block can wait for more events.
	Take(more bool) (b *Block, end bool)
	// Wake holds a value when there may be a block to take.
	Wake() <-chan struct{}
	// Book adds to the ledger what became of events that were taken. Events count as
	// kept once they are written.
	Book(Ledger)
	// Done gives back a block that was folded.
	Done(*Block)
	// Name returns the name with that number. It is safe for concurrent use.
	Name(number int32) string
}

// Sink is what a command does with the events.
type Sink interface {
	// Worker returns a worker. Each goroutine that maps has its own.
	Worker(Mapping) (Worker, error)
	// InOrder says that all blocks must be mapped in order, by one goroutine.
	InOrder() bool
	// Fold is called with each block, or each piece of one, in order. It reports
	// false if b was mapped on a wrong guess: then b is mapped again in order. Remap
	// maps a single event again in order, into a block that is valid until the next
	// call.
	Fold(b *Block, remap func(Place) *Block) bool
}

// Ticker is a Sink that also writes when no event comes. Its methods are called by the
// goroutine that calls Fold.
type Ticker interface {
	Sink
	// Tick is called when everything that has come is folded and written, with how long
	// nothing has come, and again after next unless an event comes before; 0 is never.
	// It writes to out, and ends the run unless end is EndOfInput.
	Tick(quiet time.Duration, out *Output) (next time.Duration, end End)
	// Finish writes what follows the last event: at the end of the input, and when the
	// time is up or after a signal, unless the events before cannot be written in time.
	// It writes a large output in portions and calls Flush after each.
	// It is not called if the run ends by an event, or by what Tick returns.
	Finish(out *Output)
}

// Mapping is the engine as a worker sees it.
type Mapping interface {
	// Continue must be called when a part of an event's output was written and another
	// one may follow. If it reports false the worker gives up the event.
	Continue() bool
	// Flush writes the output to stdout now. Only a sink that is InOrder may call it.
	// If it reports false the write failed and the worker gives up the event.
	Flush() bool
	// Failed counts the event as failed. What is the flag whose expression or
	// template failed; the texts of err must stay valid.
	Failed(what string, err error)
}

// Worker maps events. It is used by one goroutine.
type Worker interface {
	// Begin begins a block, or a piece of one. InOrder says that everything before it
	// has been folded.
	Begin(b *Block, inOrder bool)
	// Event maps an event and reports whether it is kept.
	Event(e *Event) (kept bool)
	// Show writes an event that the filters drop: the one at which the run ends, or
	// the record of a gap. It writes nothing if Event has written the event already,
	// and reports whether anything was written by either.
	Show(e *Event) bool
	// End ends what Begin began.
	End(b *Block)
}

// Sampler is a Worker that also gets a sample of the lines of a capture that contain no
// needle: about one line for each 16 KiB, and the last line of each block, in order.
type Sampler interface {
	Worker
	// Sample is called with a line of the sample. It counts as filtered.
	Sample(e *Event)
}

// Config says what to do with the events and when to end.
type Config struct {
	Sink Sink
	// Out gets Header and then the output of the sink.
	Out    io.Writer
	Header []byte

	// Prompt writes the output of each block when it is folded. Otherwise small outputs
	// share a write, and wait for it, for 50 ms at most.
	Prompt bool

	// Count is the number of kept events after which the run ends; 0 is no limit.
	Count int64
	// For is the time after which a live run ends, Idle the time without any event
	// after which it ends; 0 is no limit.
	For, Idle time.Duration
	// Until and FailIf end the run after the first event for which they are true. That
	// event is written even if the filters drop it.
	Until, FailIf *filter.Query
	// From and To bound the timestamps of kept events: not before From, and before To,
	// in microseconds since 1970; 0 is no bound. With a bound, events without a
	// timestamp are dropped.
	From, To int64
	// Needles are texts of which every line of a capture that the filters keep
	// contains at least one. Lines that contain none are counted as filtered without
	// a look at them. Until and FailIf look at every line, so Needles must then be nil.
	Needles []string
	// Digits are digits of a telephone number that such lines contain instead of a
	// needle: see needle.NewSearch.
	Digits string
	// Tally counts the events that are dropped until one is kept; nil counts nothing.
	// Of the lines that contain no needle it counts a sample.
	Tally *tally.Tally
	// Workers is the number of goroutines that map. The default is the number of
	// processors, at most 8.
	Workers int
	// ReportGaps writes a record of class enswitch-events, event gap, where events
	// are missing or may be missing.
	ReportGaps bool
	// Absence is for live runs; nil watches for none.
	Absence *Absence

	// Behind reports, for live runs, whether the events that come are old because a feed
	// catches up with a stream. Until it has caught up, no time passes for a Ticker and for
	// Absence. It must be safe for concurrent use; nil is never behind. See [Buffer.Poke].
	Behind func() bool

	// Turn is called at the beginning of each turn of the loop that folds; nil is not
	// called. See [Buffer.Poke].
	Turn func()
	// Look is called with the first of every few events that are mapped, by several
	// goroutines at a time; nil is not called. The event is valid during the call.
	Look func(e *Event)

	// The following functions are called by one goroutine at a time, in the order of
	// the events. They may be nil.

	// OnReject is called for each line or frame that is no event. Of the lines of a
	// block that are too long only the first 1,000 are reported.
	OnReject func(Rejected)
	// OnDamage is called for each part of a capture that could not be read.
	OnDamage func(error)
	// OnSkip is called with the number of bytes of a file that are not read because
	// they are outside of the bounds.
	OnSkip func(name string, bytes int64)
	// OnChange is called when a file that is followed was replaced, cut, or the like.
	OnChange func(name string, c capture.Change)
	// OnFailure is called when an expression or a template failed on an event, with
	// its flag, the kind of the failure, and its text.
	OnFailure func(what, kind, text string)
	// OnGap is called when a gap is reached.
	OnGap func(Gap)
}

// Rejected is a line or frame that is no event.
type Rejected struct {
	Source  string
	Excerpt []byte // its first bytes, valid during the call
	Size    int
	Offset  int64 // in a capture, uncompressed
	Err     error
}

// ErrEnough is the cause of the inputs' context when the run has reached an end and
// needs no more events: a connection that is lost then is not worth a message.
var ErrEnough = errors.New("enough events")

// End says why a run ended.
type End int

// The ends of a run.
const (
	EndOfInput End = iota
	EndCount
	EndUntil
	EndAwaited // the event or sequence that the sink waited for has come
	EndFailIf
	EndFor
	EndIdle
	EndSignal // the context was cancelled
	EndClosed // the reader of the output closed it
	EndInput  // an input failed
	EndOutput // the output could not be written
	EndStuck  // after a signal the output took nothing for 5 s
	EndSlow   // after a signal the events that waited could not be mapped and folded within 5 s
	EndFault  // the program has a fault
)

// outputEnd returns the end that belongs to a failure to write.
func outputEnd(err error) End {
	if oserr.IsClosedPipe(err) {
		return EndClosed
	}
	return EndOutput
}
