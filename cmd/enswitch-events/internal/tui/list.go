package tui

import (
	"cmp"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// list is the calls that are shown, in their order, with a cursor that stays on its call.
type list struct {
	having  *filter.Filter
	match   *matcher // what was typed as filter; nil for all
	states  states
	cleared int64 // calls that were over up to this number are not shown

	columns  []*column // all there are
	hidden   map[*column]bool
	sort     *column
	reversed bool

	rows   []*call.Row
	cursor int
	number int64 // of the call under the cursor, 0 for none
	top    int   // the first row in sight
	follow bool
	marked map[int64]bool
	x      event.Index
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
	for _, c := range all {
		if c.name == "age" {
			l.sort = c
		}
		l.hidden[c] = c.extra
	}
	return l
}

// needsRecords reports whether the records of the calls are asked for.
func (l *list) needsRecords() bool { return l.having != nil || l.match != nil && l.match.where != nil }

// arrange fills the list from a snapshot.
func (l *list) arrange(s *call.Snapshot) {
	old := l.cursor - l.top
	clear(l.rows)
	l.rows = l.rows[:0]
	for _, rows := range [...][]*call.Row{s.Open, s.Over} {
		for _, r := range rows {
			if l.shows(r) {
				l.rows = append(l.rows, r)
			}
		}
	}
	slices.SortFunc(l.rows, l.compare)
	l.place()
	l.top = l.cursor - old
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

// compare compares two calls by the column that the list is sorted by.
func (l *list) compare(a, b *call.Row) int {
	n := l.sort.compare(a, b)
	if l.reversed {
		n = -n
	}
	return cmp.Or(n, cmp.Compare(b.Number, a.Number))
}

// place puts the cursor on its call, or on the newest one.
func (l *list) place() {
	if l.follow {
		l.number = 0
		for i, r := range l.rows {
			if r.Number > l.number {
				l.number, l.cursor = r.Number, i
			}
		}
	} else if i := slices.IndexFunc(l.rows, func(r *call.Row) bool { return r.Number == l.number }); i >= 0 {
		l.cursor = i
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
	return l.rows[l.cursor]
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
	for _, r := range m.snap.Over {
		m.list.cleared = max(m.list.cleared, r.Over)
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
		m.s.sink.Snapshot(&m.snap, true)
	}
	m.arrange()
}
