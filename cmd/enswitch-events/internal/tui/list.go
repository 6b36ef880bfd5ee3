package tui

import (
	"cmp"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// list is the calls that are shown, in their order, with a cursor that stays on its call. A
// change of some calls costs about as much as these alone, however many there are.
type list struct {
	having  *filter.Filter
	match   *matcher // what was typed as filter; nil for all
	states  states
	cleared int64 // calls that were over up to this number are not shown

	columns  []*column // all there are
	hidden   map[*column]bool
	sort     *column
	reversed bool

	known  map[int64]*entry // all calls, by number
	rows   []*entry         // those that are shown
	fresh  []*entry         // those that are put into rows; kept for its memory
	cursor int
	number int64 // of the call under the cursor, 0 for none
	top    int   // the first row in sight
	follow bool
	marked map[int64]bool
	x      event.Index
}

// entry is a call that the list knows.
type entry struct {
	row    *call.Row
	number int64
	shown  bool // it is in rows, at its place
}

// states is a group of states of calls.
type states uint8

const (
	allStates states = iota
	openStates
	answeredStates
	unansweredStates
	lostStates
	statesCount
)

func (s states) String() string {
	return [...]string{"all", "open", "answered", "unanswered", "lost"}[s]
}

// has reports whether the call is in one of the states.
func (s states) has(r *call.Row) bool {
	switch s {
	case openStates:
		return r.State == call.Open
	case answeredStates:
		return r.State == call.Ended && r.Answered
	case unansweredStates:
		return r.State == call.Ended && !r.Answered
	case lostStates:
		return r.State == call.Lost
	}
	return true
}

func newList(having *filter.Filter) list {
	all := columnsOfList()
	l := list{having: having, columns: all, hidden: map[*column]bool{}, marked: map[int64]bool{}, follow: true}
	l.sort = l.column("age")
	for _, c := range all {
		l.hidden[c] = c.extra
	}
	return l
}

// column returns the column with that name.
func (l *list) column(name string) *column {
	return l.columns[slices.IndexFunc(l.columns, func(c *column) bool { return c.name == name })]
}

// needsRecords reports whether the records of the calls are asked for.
func (l *list) needsRecords() bool { return l.having != nil || l.match != nil && l.match.where != nil }

// update takes what is new about the calls.
func (l *list) update(c *call.Changes) {
	if c.All {
		l.known = make(map[int64]*entry, len(c.Rows))
		for _, r := range c.Rows {
			l.known[r.Number] = &entry{row: r, number: r.Number}
		}
		l.arrange()
		return
	}
	moved := false
	for _, n := range c.Left {
		if e := l.known[n]; e != nil {
			delete(l.known, n)
			moved, e.shown = moved || e.shown, false
		}
	}
	l.fresh = l.fresh[:0]
	for _, r := range c.Rows {
		e, shows := l.known[r.Number], l.shows(r)
		switch {
		case e != nil && e.shown && shows && l.compareRows(e.row, r) == 0:
			e.row = r // where it is
			continue
		case e != nil && e.shown:
			moved, e.shown = true, false
		}
		e = &entry{r, r.Number, shows}
		if l.known[r.Number] = e; shows {
			l.fresh = append(l.fresh, e)
		}
	}
	if moved {
		l.rows = slices.DeleteFunc(l.rows, func(e *entry) bool { return !e.shown })
	}
	l.insert(l.fresh)
	clear(l.fresh)
	l.replace()
}

// insert puts entries into rows, at their places.
func (l *list) insert(entries []*entry) {
	slices.SortFunc(entries, l.compare)
	end := len(l.rows) // of the rows that have not moved up yet
	l.rows = slices.Grow(l.rows, len(entries))[:end+len(entries)]
	for i, e := range slices.Backward(entries) {
		at, _ := slices.BinarySearchFunc(l.rows[:end], e, l.compare)
		copy(l.rows[at+i+1:], l.rows[at:end])
		l.rows[at+i], end = e, at
	}
}

// arrange fills the list again after a change of what it shows or of how it is sorted.
func (l *list) arrange() {
	clear(l.rows)
	l.rows = l.rows[:0]
	for _, e := range l.known {
		if e.shown = l.shows(e.row); e.shown {
			l.rows = append(l.rows, e)
		}
	}
	slices.SortFunc(l.rows, l.compare)
	l.replace()
}

// replace puts the cursor on its call, which stays in its line of the screen.
func (l *list) replace() {
	line := l.cursor - l.top
	l.place()
	l.top = l.cursor - line
}

// shows reports whether the call is shown.
func (l *list) shows(r *call.Row) bool {
	if !r.Chosen || !l.states.has(r) || r.State != call.Open && r.Over <= l.cleared {
		return false
	}
	if l.having != nil && (l.x.Scan(r.Record) != nil || !l.having.Keeps(&l.x)) {
		return false
	}
	return l.match == nil || l.match.has(r)
}

// compare compares two calls by the column that the list is sorted by. Two are never equal.
func (l *list) compare(a, b *entry) int {
	return cmp.Or(l.compareRows(a.row, b.row), cmp.Compare(b.number, a.number))
}

func (l *list) compareRows(a, b *call.Row) int {
	if l.reversed {
		return l.sort.compare(b, a)
	}
	return l.sort.compare(a, b)
}

// place puts the cursor on its call, or on the newest one.
func (l *list) place() {
	if l.follow {
		l.number = 0
		for i, e := range l.rows {
			if e.number > l.number {
				l.number, l.cursor = e.number, i
			}
		}
	} else if e := l.known[l.number]; e != nil && e.shown {
		l.cursor, _ = slices.BinarySearchFunc(l.rows, e, l.compare)
	}
	l.take(l.cursor)
}

// take puts the cursor on row i, or the nearest there is.
func (l *list) take(i int) {
	l.cursor = max(min(i, len(l.rows)-1), 0)
	l.number = 0
	if r := l.current(); r != nil {
		l.number = r.Number
	}
}

// move moves the cursor.
func (l *list) move(by int) {
	l.follow = false
	l.take(l.cursor + by)
}

// current returns the call under the cursor, nil for none.
func (l *list) current() *call.Row {
	if l.cursor >= len(l.rows) {
		return nil
	}
	return l.rows[l.cursor].row
}

// scroll moves the window, which has that many rows, so that the cursor is in it.
func (l *list) scroll(rows int) {
	l.top = min(l.top, l.cursor, max(len(l.rows)-rows, 0))
	l.top = max(l.top, l.cursor-rows+1, 0)
}

// shown returns the columns that fit: those for a width, but for the hidden ones.
func (l *list) shown(width int) (all []*column) {
	for _, c := range l.columns {
		if !l.hidden[c] && (!c.wide || width >= wideFrom) {
			all = append(all, c)
		}
	}
	return all
}

func (m *model) mark() {
	l := &m.list
	if l.number == 0 {
		return
	}
	if l.marked[l.number] {
		delete(l.marked, l.number)
	} else {
		l.marked[l.number] = true
	}
	m.move(1)
}

// sortBy sorts by the next column to the left or to the right.
func (m *model) sortBy(step int) {
	all := m.list.shown(m.width)
	if len(all) == 0 {
		return
	}
	i := slices.Index(all, m.list.sort)
	if i < 0 && step > 0 {
		i = -1
	}
	m.list.sort = all[(i+step+len(all))%len(all)]
	m.list.reversed = false
	m.arrange()
}

func (m *model) reverse() {
	m.list.reversed = !m.list.reversed
	m.arrange()
}

func (m *model) nextStates() {
	m.list.states = (m.list.states + 1) % statesCount
	m.arrange()
}

func (m *model) clearEnded() {
	for _, e := range m.list.known {
		m.list.cleared = max(m.list.cleared, e.row.Over)
	}
	m.arrange()
}

// askFilter asks for the filter.
func (m *model) askFilter() {
	text := ""
	if m.list.match != nil {
		text = m.list.match.text
	}
	m.prompt = newPrompt("filter", text, func(text string) bool {
		match, err := newMatcher(text)
		if err != nil {
			m.say(err.Error())
			return false
		}
		m.list.match = match
		m.refilter()
		return true
	})
}

// clearFilter shows all calls again.
func (m *model) clearFilter() {
	if m.list.match != nil || m.list.states != allStates {
		m.list.match, m.list.states = nil, allStates
		m.refilter()
	}
}

// refilter fills the list again; a filter may need records that the snapshot has not.
func (m *model) refilter() {
	if m.list.needsRecords() {
		m.fetch(true)
		return
	}
	m.arrange()
}
