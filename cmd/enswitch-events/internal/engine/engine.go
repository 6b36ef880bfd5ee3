// Package engine is the path of an event through the program, from a source to
// what a command makes of it: a map over blocks of events, on all cores, and a
// fold of them in order.
//
// A [Source] hands out blocks: some hundred events in a row, of a live feed or of
// captures. Map scans each event, filters it and does whatever of the command's
// work needs no earlier event; several blocks are mapped at a time. Fold takes
// the blocks back in order, one at a time: it writes what they became and keeps
// the ledger. A [Sink] is what a command adds.
//
// Two ways of mapping give the same. A block may be mapped on another core while
// those before it are not folded yet: then the sink works on a guess of what
// they leave behind. If Fold finds the guess wrong, or the run ends within the
// block by what was kept before it, the block is mapped again in order, where
// everything is known. A block that comes alone is mapped in order straight away,
// by the goroutine that folds: the time from socket to stdout is that of the
// work.
package engine

import (
	"errors"
	"io"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// writeSize is how many bytes share a write when more events are waiting.
const writeSize = 64 << 10

// Source hands out blocks in order. It is used by one goroutine.
type Source interface {
	// Take returns the next block, or nil if none is to be had now; end says that
	// none will come. More says that the caller has blocks already, and needs
	// no small one that could still grow.
	Take(more bool) (b *Block, end bool)
	// Wake holds a value when there may be something to take.
	Wake() <-chan struct{}
	// Book books what became of events that were taken: as kept only those that
	// have been written.
	Book(Ledger)
	// Done gives a block back, folded.
	Done(*Block)
	// Name returns the name of a source by its number. It is safe for concurrent
	// use.
	Name(number int32) string
}

// Sink is what a command makes of the events.
type Sink interface {
	// Worker returns what maps, one for each goroutine.
	Worker(Mapping) (Worker, error)
	// InOrder says that all blocks are to be mapped in order, by one goroutine.
	InOrder() bool
	// Fold takes a block, or a piece of one, in order. It reports false if b was
	// mapped on a guess that was wrong: then b is mapped again in order. Again maps
	// a single event in order, into a block that is valid until the next call.
	Fold(b *Block, again func(Place) *Block) bool
}

// Mapping is what a worker tells the engine.
type Mapping interface {
	// Grown is to be called when something was written of an event and more of the
	// same one may follow. It reports false if the worker is to give the event up.
	Grown() bool
	// Write writes what there is so far, in a sink that is in order. It reports
	// false if that failed, and the worker is to give the event up.
	Write() bool
	// Failed counts the event as one that failed, and keeps the text of err.
	Failed(what string, err error)
}

// Worker maps events. It is used by one goroutine.
type Worker interface {
	// Begin begins a block or a piece of one. In order says that everything
	// before has been folded.
	Begin(b *Block, inOrder bool)
	// Event maps an event and reports whether it is kept.
	Event(e *Event) (kept bool)
	// Show writes an event though the filters drop it, the one that the run ends
	// at or the record of a gap, and reports whether that has written anything. It
	// does not write it twice.
	Show(e *Event) bool
	// End ends the block.
	End(b *Block)
}

// Config says what becomes of the events.
type Config struct {
	Sink Sink
	// Out gets what the sink writes, after Header.
	Out    io.Writer
	Header []byte

	// Count ends after so many kept events, 0 never.
	Count int64
	// For ends after that time, Idle after that time without any event.
	For, Idle time.Duration
	// Until ends after the first event for which it is true, FailIf too. That
	// event is written even if the filters drop it.
	Until, FailIf *filter.Query
	// From and To bound the timestamps of the events that are kept, from From
	// on and before To, in microseconds since 1970; zero is no bound. An event
	// without a timestamp is in no bounds.
	From, To int64
	// Needles are texts of which each line of a capture that the filters keep
	// has at least one. Lines without are counted as filtered and not looked at.
	// Until and FailIf see every line, so they must not go with it.
	Needles []string
	// Tally counts what is dropped as long as nothing is kept; nil does not. Of the
	// lines without a needle it counts a sample.
	Tally *tally.Tally
	// Workers is how many blocks are mapped at the same time. The default is the
	// number of processors, at most 8.
	Workers int
	// ReportGaps writes a record of class enswitch-events, event gap, where
	// the feed was away or events were dropped.
	ReportGaps bool

	// The functions are called in the order of the events, by one goroutine at a
	// time. Nil ones are not called.

	// OnReject is told of what is no event. Of very many lines that the reading of
	// a capture rejects in a row, as too long, it is told of the first 1,000.
	OnReject func(Rejected)
	// OnDamage is told of what could not be read of a capture.
	OnDamage func(error)
	// OnSkip is told how many bytes of a file are not read, because of bounds.
	OnSkip func(name string, bytes int64)
	// OnFailure is told of an expression or a template that failed on an event:
	// what it was, what kind of failure, and the text of this one.
	OnFailure func(what, kind, text string)
	// OnGap is told of a gap when its place in the stream is reached.
	OnGap func(Gap)
}

// Rejected is something received that is no event.
type Rejected struct {
	Source  string
	Excerpt []byte // its first bytes, valid during the call
	Size    int
	Offset  int64 // in the text of a capture
	Err     error
}

// ErrEnough is the cause of a feed's context when nothing more is wanted of
// it: what happens to the feed now is of no matter.
var ErrEnough = errors.New("enough events")

// End says why a run ended.
type End int

// The ends of a run.
const (
	EndOfInput End = iota
	EndCount
	EndUntil
	EndAwaited // what a sink has waited for has come
	EndFailIf
	EndFor
	EndIdle
	EndSignal // the context was cancelled
	EndClosed // the reader of the output has gone
	EndInput  // an input failed
	EndOutput // the output could not be written
	EndStuck  // the output took nothing until Drain was over
	EndSlow   // what waited could not be mapped until Drain was over
)

// outputEnd tells a reader that has gone from other failures to write.
func outputEnd(err error) End {
	if oserr.IsClosedPipe(err) {
		return EndClosed
	}
	return EndOutput
}
