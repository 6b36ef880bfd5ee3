package call

import (
	"iter"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Row is what a list shows of a call. It is a copy that nothing changes: snapshots share
// the rows of calls of which nothing new has come.
type Row struct {
	// Number is that of the call.
	Number int64
	// Over numbers the calls in the order in which they ended or were lost, from 1. It is
	// 0 as long as the call is open.
	Over  int64
	State State
	// Stage is the highest kind of event seen, other than End. Ending says that all legs
	// of an open call have ended, so that it ends with the linger.
	Stage  Kind
	Ending bool

	Answered, Partial, Doubtful, Chosen bool

	// CallID is the first one. All texts are as they came, and empty for none.
	CallID, From, To, Customer, Cause string
	// Machines are in the order seen.
	Machines []string
	// Legs and Events are counts; Up counts the legs that have not ended.
	Legs, Up, Events int
	// Begin is the time of the earliest event of class call, Last that of the newest
	// event, Answer and End those of the first answer and the last end, in microseconds
	// since 1970; 0 for none.
	Begin, Last, Answer, End int64
	// PDD is the post-dial delay in seconds, negative if it is not known.
	PDD float64
	// LastClass and LastEvent are those of the newest event, if the Tracker keeps events.
	LastClass, LastEvent string
	// Record is as AppendRecord writes it, nil unless Snapshot was asked for it.
	Record []byte
}

// Snapshot is a copy of what a Tracker follows at one moment.
type Snapshot struct {
	// Now is the feed's time: the newest timestamp that came, in microseconds since 1970.
	Now int64
	// Open are the open calls, at most 50,000, the one that was silent longest first.
	// Over are those that ended or were lost, at most 5,000, the oldest first.
	Open, Over []*Row
	// Gone is the number of chosen calls that were over and are not kept any more.
	Gone  int64
	Stats Stats
}

// Snapshot fills s, whose slices it uses again. With records the rows have them. It takes
// some 10 ns for a call, and a microsecond for one that is not as it was in the last
// snapshot. It may be called also after Finish.
func (t *Tracker) Snapshot(s *Snapshot, records bool) {
	s.Now, s.Stats, s.Gone = t.newest, t.Stats(), t.forgotten
	var x event.Index
	rows := func(rows []*Row, l *list) []*Row {
		clear(rows)
		rows = rows[:0]
		for c := l.first; c != nil; c = c.next {
			if c.row == nil || records && c.row.Record == nil {
				c.row = c.newRow(&x, records)
			}
			rows = append(rows, c.row)
		}
		return rows
	}
	s.Open, s.Over = rows(s.Open, &t.opened), rows(s.Over, &t.kept)
}

// newRow returns the row of the call as it is now. It uses x.
func (c *Call) newRow(x *event.Index, record bool) *Row {
	r := &Row{
		Number: c.number, State: c.state, Stage: c.stage, Ending: c.state == Open && c.ending != 0,
		Answered: c.Answered(), Partial: c.Partial(), Doubtful: c.doubt, Chosen: c.chosen,
		From: c.Text(From), To: c.Text(To), Customer: c.Text(Customer), Cause: c.Text(Cause),
		Legs: len(c.legs), Up: c.open, Events: c.count, Begin: c.first.at, Last: c.last, Answer: c.answer.at, End: c.end.at, PDD: -1,
	}
	if c.state != Open {
		r.Over = c.overNumber
	}
	if ids := inOrder(c.callids); len(ids) > 0 {
		r.CallID = string(valueOf(ids[0].json).Text())
	}
	for _, json := range c.known() {
		r.Machines = append(r.Machines, string(valueOf(json).Text()))
	}
	if pdd, ok := c.PDD(); ok {
		r.PDD = pdd
	}
	for _, e := range slices.Backward(c.events) {
		if e.Time == c.last {
			if x.Scan(e.json) == nil {
				r.LastClass, r.LastEvent = string(x.Class().Text()), string(x.Event().Text())
			}
			break
		}
	}
	if record {
		r.Record = c.AppendRecord(nil)
	}
	return r
}

// Row returns the row of the call as it is now, without a Record.
func (c *Call) Row() *Row {
	var x event.Index
	return c.newRow(&x, false)
}

// Calls returns the calls that are followed or kept: the open ones, the one that was
// silent longest first, then the others, the oldest first. They are valid until the next
// call of another method of t.
func (t *Tracker) Calls() iter.Seq[*Call] {
	return func(yield func(*Call) bool) {
		for _, l := range []*list{&t.opened, &t.kept} {
			for c := l.first; c != nil; c = c.next {
				if !yield(c) {
					return
				}
			}
		}
	}
}
