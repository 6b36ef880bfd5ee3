package tui

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// column is a column of the list.
type column struct {
	name  string // in the chooser and the help
	title string
	what  string // in the help: what sorting by it does
	width int    // of the cell; the least one if it grows
	grow  int    // its share of the columns that are left
	right bool   // numbers end at the right
	wide  bool   // only from wideFrom columns on
	extra bool   // hidden until it is chosen
	role  string // the name of the meaning, which may be a guess

	text    func(m *model, r *call.Row) string // clean
	compare func(a, b *call.Row) int
}

// wideFrom is the width of a terminal from which the list has all its columns.
const wideFrom = 120

// columnsOfList returns the columns, in their order.
func columnsOfList() []*column {
	text := func(get func(r *call.Row) string) func(a, b *call.Row) int {
		return func(a, b *call.Row) int { return strings.Compare(get(a), get(b)) }
	}
	number := func(get func(r *call.Row) int) func(a, b *call.Row) int {
		return func(a, b *call.Row) int { return cmp.Compare(get(a), get(b)) }
	}
	from := func(r *call.Row) string { return r.From }
	to := func(r *call.Row) string { return r.To }
	customer := func(r *call.Row) string { return r.Customer }
	cause := func(r *call.Row) string { return r.Cause }
	callid := func(r *call.Row) string { return r.CallID }
	legs := func(r *call.Row) int { return r.Legs }
	events := func(r *call.Row) int { return r.Events }
	show := func(get func(r *call.Row) string) func(m *model, r *call.Row) string {
		return func(_ *model, r *call.Row) string { return cell(get(r)) }
	}
	count := func(get func(r *call.Row) int) func(m *model, r *call.Row) string {
		return func(_ *model, r *call.Row) string { return strconv.Itoa(get(r)) }
	}
	return []*column{
		{name: "state", title: "STATE", what: "how far the call has come", width: stateColumns, text: (*model).stateCell, compare: func(a, b *call.Row) int { return cmp.Compare(stateOrder(a), stateOrder(b)) }},
		{name: "from", title: "FROM", what: "caller", width: 9, grow: 3, role: "from", text: show(from), compare: text(from)},
		{name: "to", title: "TO", what: "called party", width: 9, grow: 3, role: "to", text: show(to), compare: text(to)},
		{name: "machine", title: "M", what: "machines, the first one first", width: 4, text: machinesCell, compare: compareMachines},
		{name: "age", title: "AGE(TALK)", what: "age, the newest call first; silence, if that is shown", width: 15, right: true, text: (*model).ageCell, compare: newestFirst},
		{name: "legs", title: "LEGS", what: "legs", width: 4, right: true, text: count(legs), compare: number(legs)},
		{name: "events", title: "EV", what: "events", width: 4, right: true, text: count(events), compare: number(events)},
		{name: "customer", title: "CUSTOMER", what: "customer", width: 10, grow: 2, wide: true, role: "customer", text: show(customer), compare: text(customer)},
		{name: "last", title: "LAST EVENT", what: "name of the last event", width: 14, wide: true, text: func(_ *model, r *call.Row) string { return cell(lastEvent(r)) }, compare: text(lastEvent)},
		{name: "pdd", title: "PDD", what: "post-dial delay", width: 6, right: true, extra: true, text: pddCell, compare: func(a, b *call.Row) int { return cmp.Compare(a.PDD, b.PDD) }},
		{name: "cause", title: "CAUSE", what: "cause of the end", width: 10, grow: 1, extra: true, role: "cause", text: show(cause), compare: text(cause)},
		{name: "callid", title: "CALLID", what: "callid", width: 18, grow: 2, wide: true, text: func(_ *model, r *call.Row) string { return clean(end(r.CallID)) }, compare: text(callid)},
	}
}

// newestFirst compares two calls by their beginning, and latestFirst by their last event.
func newestFirst(a, b *call.Row) int { return cmp.Compare(b.Begin, a.Begin) }
func latestFirst(a, b *call.Row) int { return cmp.Compare(b.Last, a.Last) }

// The words for states, those of an open call in the order in which it goes through them.
var stateWords = [...]struct{ word, what string }{
	{"open", "nothing that has a known meaning has come yet"},
	{"start", "it has begun"},
	{"route", "it is being routed"},
	{"ring", "a phone rings"},
	{"up", "it was answered and goes on"},
	{"ending", "all its legs have ended; a new one may still come"},
	{"answered", "it has ended, and was answered"},
	{"unanswered", "it has ended without an answer"},
	{"lost", "nothing has come for --call-timeout, or there was no room for it"},
}

// stateOrder returns the index of the word for the state of a call.
func stateOrder(r *call.Row) int {
	const ending, answered, unanswered, lost = 5, 6, 7, 8
	switch {
	case r.State == call.Lost:
		return lost
	case r.State == call.Ended && r.Answered:
		return answered
	case r.State == call.Ended:
		return unanswered
	case r.Ending:
		return ending
	}
	return int(r.Stage) // None to Answer
}

func stateWord(r *call.Row) string { return stateWords[stateOrder(r)].word }

// The signs after the word for a state.
const (
	guessSign    = "*" // its meaning is a guess
	doubtfulSign = "?" // events may be missing
	partialSign  = "<" // it began before the first event here
)

// stateColumns is how wide the cell of the state is.
const stateColumns = 11

// stateCell is the word for the state, with the signs. There is always room for the signs.
func (m *model) stateCell(r *call.Row) string {
	signs := ""
	if m.guessed.state(r) {
		signs += guessSign
	}
	if r.Partial {
		signs += partialSign
	}
	if r.Doubtful {
		signs += doubtfulSign
	}
	return cut(stateWord(r), stateColumns-len(signs)) + signs
}

// guesses are the names of meanings that rest on a guess.
type guesses map[string]bool

func newGuesses(names []string) guesses {
	g := guesses{}
	for _, name := range names {
		g[name] = true
	}
	return g
}

// state reports whether the word for the state of a call rests on a guess.
func (g guesses) state(r *call.Row) bool {
	switch {
	case r.State == call.Lost || r.Stage == call.None && r.State == call.Open && !r.Ending:
		return false
	case r.State == call.Ended || r.Ending:
		return g[call.End.String()] || r.Answered && g[call.Answer.String()]
	}
	return g[r.Stage.String()]
}

func machinesCell(_ *model, r *call.Row) string { return cell(strings.Join(r.Machines, ",")) }

// compareMachines compares the first machines, as numbers if they are.
func compareMachines(a, b *call.Row) int {
	first := func(r *call.Row) (string, int) {
		if len(r.Machines) == 0 {
			return "", -1
		}
		n, err := strconv.Atoi(r.Machines[0])
		if err != nil {
			n = 1 << 30
		}
		return r.Machines[0], n
	}
	s, i := first(a)
	t, j := first(b)
	return cmp.Or(cmp.Compare(i, j), strings.Compare(s, t))
}

func pddCell(_ *model, r *call.Row) string {
	if r.PDD < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fs", r.PDD)
}

// lastEvent is the name of the last event, with its class unless that is call.
func lastEvent(r *call.Row) string {
	if r.LastClass == "call" || r.LastClass == "" {
		return r.LastEvent
	}
	return r.LastClass + "." + r.LastEvent
}

// ageCell is how long the call is or was, and in brackets since when it is or was answered; or
// when it began; or how long nothing has come of it.
func (m *model) ageCell(r *call.Row) string {
	end := r.End
	switch {
	case r.State == call.Open && !r.Ending:
		end = m.now()
	case r.State == call.Lost:
		end = r.Last
	}
	switch m.times {
	case ofDay:
		if r.Begin == 0 { // no event had a timestamp yet
			return "-"
		}
		return time.UnixMicro(r.Begin).In(m.s.o.Location).Format("15:04:05")
	case sinceLast:
		return span(m.now() - r.Last)
	}
	text := span(end - r.Begin)
	if r.Answered {
		text += " (" + span(end-r.Answer) + ")"
	}
	return text
}

// span is a time in microseconds, as 0:05, 12:34, 1:02:03 or 3d 04:05.
func span(usec int64) string {
	n := max(usec, 0) / 1_000_000
	switch {
	case n < 3600:
		return fmt.Sprintf("%d:%02d", n/60, n%60)
	case n < 100*3600:
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%dd %02d:%02d", n/86400, n/3600%24, n/60%60)
}

// titleOf is the title of a column as it is now.
func (m *model) titleOf(c *column) string {
	text := c.title
	if c.name == "age" {
		text = [...]string{"AGE(TALK)", "START", "SILENT"}[m.times]
	}
	if m.guessed[c.role] {
		text += guessSign
	}
	if c == m.list.sort {
		if m.list.reversed {
			return text + "▼"
		}
		return text + "▲"
	}
	return text
}
