package call

import "iter"

// Row is what a list shows of a call. It is an immutable copy: a call about which nothing new
// has come keeps the same Row.
type Row struct {
	// Number is the number of the call.
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
	// Record is as AppendRecord writes it, nil unless Changes was asked for it.
	Record []byte
}

// appendRows returns the rows of the calls of a list, in the memory of rows.
func appendRows(rows []*Row, l *list, records bool) []*Row {
	clear(rows)
	rows = rows[:0]
	for c := l.first; c != nil; c = c.next {
		rows = append(rows, c.currentRow(records))
	}
	return rows
}

// Changes is what is new about the calls of a Tracker.
type Changes struct {
	// Now is the feed's time: the newest timestamp that came, in microseconds since 1970.
	Now int64
	// Gone is the number of chosen calls that were over and are not kept any more.
	Gone int64
	// All says that Rows has all calls: earlier calls that are not among them are no longer
	// kept.
	All bool
	// Rows are the calls that are new or have changed, each once. If All is set, the open calls
	// come first, at most 50,000, the longest silent one first, and then those that ended or
	// were lost, at most 5,000, the oldest first.
	Rows []*Row
	// Left has the numbers of the calls that are no longer kept, or became part of another
	// call. Some of them may never have been in Rows.
	Left []int64
}

// Changes fills c, whose slices it uses again, with what is new since it was called last. That
// is everything the first time, if all is set, and after very many changes. With records the
// rows have them. It is for one reader of the Tracker, and may be called also after Finish. It
// takes time for the calls that changed, and none for the others.
func (t *Tracker) Changes(c *Changes, all, records bool) {
	clear(c.Rows)
	*c = Changes{Now: t.newest, Gone: t.forgotten, All: all || !t.watched, Rows: c.Rows[:0], Left: append(c.Left[:0], t.left...)}
	if c.All {
		c.Left = c.Left[:0]
		c.Rows = appendRows(c.Rows, &t.opened, records)
		c.Rows = append(c.Rows, appendRows(nil, &t.kept, records)...)
	}
	for _, one := range t.changed {
		if !c.All && one.changed {
			c.Rows = append(c.Rows, one.currentRow(records))
		}
		one.changed = false
	}
	clear(t.changed)
	t.watched, t.changed, t.left = true, t.changed[:0], t.left[:0]
}

// maxNoted bounds the changes that are noted for Changes.
const maxNoted = 2 * maxOpen

// noteChange notes that c has changed.
func (t *Tracker) noteChange(c *Call) {
	c.current = false
	if t.watched && !c.changed && t.roomToNote() {
		c.changed = true
		t.changed = append(t.changed, c)
	}
}

// noteLeft notes that c is not kept any more.
func (t *Tracker) noteLeft(c *Call) {
	c.changed = false
	if t.watched && t.roomToNote() {
		t.left = append(t.left, c.number)
	}
}

// roomToNote reports whether there is room for one more change. If there is none, Changes
// will return all calls.
func (t *Tracker) roomToNote() bool {
	if len(t.changed)+len(t.left) < maxNoted {
		return true
	}
	for _, c := range t.changed {
		c.changed = false
	}
	t.watched, t.changed, t.left = false, nil, nil
	return false
}

// currentRow returns the row of the call as it is now, which may be the one before.
func (c *Call) currentRow(record bool) *Row {
	if !c.current || record && c.row.Record == nil {
		c.row, c.current = c.newRow(record), true
	}
	return c.row
}

// newRow returns a new row of the call. It shares texts that have not changed with the row
// before.
func (c *Call) newRow(record bool) *Row {
	old := c.row
	if old == nil {
		old = &Row{}
	}
	r := &Row{
		Number: c.number, State: c.state, Stage: c.stage, Ending: c.state == Open && c.ending != 0,
		Answered: c.Answered(), Partial: c.Partial(), Doubtful: c.doubt, Chosen: c.chosen,
		From: c.sameText(From, old.From), To: c.sameText(To, old.To), Customer: c.sameText(Customer, old.Customer), Cause: c.sameText(Cause, old.Cause),
		Legs: len(c.legs), Up: c.open, Events: c.count, Begin: c.first.at, Last: c.last, Answer: c.answer.at, End: c.end.at, PDD: -1,
		Machines: c.sameMachines(old.Machines),
	}
	if c.state != Open {
		r.Over = c.overNumber
	}
	if ids := inOrder(c.callids); len(ids) > 0 {
		r.CallID = same(valueOf(ids[0].json).Text(), old.CallID)
	}
	if pdd, ok := c.PDD(); ok {
		r.PDD = pdd
	}
	for i := len(c.events) - 1; i >= 0; i-- {
		if e := c.events[i]; e.Time == c.last {
			r.LastClass, r.LastEvent = same(e.value(e.class).Text(), old.LastClass), same(e.value(e.name).Text(), old.LastEvent)
			break
		}
	}
	if record {
		r.Record = c.AppendRecord(nil)
	}
	return r
}

// same returns text, which is old if that is the same.
func same(text []byte, old string) string {
	if string(text) == old {
		return old
	}
	return string(text)
}

// sameText is like Text, but returns old, without an allocation, if the text is the same.
func (c *Call) sameText(r Role, old string) string {
	text, _ := c.text(r)
	return same(text, old)
}

// sameMachines returns the names of the machines, in the order seen: old, without an allocation,
// if that is the same.
func (c *Call) sameMachines(old []string) []string {
	n := 0
	for _, s := range inOrder(c.machines) {
		if len(s.json) == 0 {
			continue
		}
		if n == len(old) || string(valueOf(s.json).Text()) != old[n] {
			return c.machineNames()
		}
		n++
	}
	if n < len(old) {
		return c.machineNames()
	}
	return old
}

func (c *Call) machineNames() (names []string) {
	for _, json := range c.known() {
		names = append(names, string(valueOf(json).Text()))
	}
	return names
}

// Row returns the row of the call as it is now, without a Record.
func (c *Call) Row() *Row {
	return c.newRow(false)
}

// Calls returns the calls that are followed or kept: the open ones, the longest
// silent one first, then the others, the oldest first. They are valid until the next
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
