package tui

import (
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/calls"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// TestTimes: the list is sorted by the times that it shows.
func TestTimes(t *testing.T) {
	m := newModel(&Screen{})
	m.list.update(&call.Changes{All: true, Rows: []*call.Row{
		{Number: 1, Chosen: true, Begin: 100, Last: 900}, {Number: 2, Chosen: true, Begin: 200, Last: 300}, {Number: 3, Chosen: true, Begin: 300, Last: 500},
	}})
	for _, want := range [][]int64{{3, 2, 1}, {3, 2, 1}, {1, 3, 2}, {3, 2, 1}} { // age, time of day, silence, age
		var got []int64
		for _, e := range m.list.rows {
			got = append(got, e.number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("times %d: %v, want %v", m.times, got, want)
		}
		m.nextTimes()
	}
}

// TestOpenForgotten: a call that was forgotten since the picture was drawn is not opened: nothing
// could be said of it.
func TestOpenForgotten(t *testing.T) {
	events, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	s := &Screen{}
	s.sink = calls.New(&calls.Options{Map: events, Screen: s.Hooks(), Log: log.New(io.Discard, log.Options{})})
	m := newModel(s)
	m.list.update(&call.Changes{All: true, Rows: []*call.Row{{Number: 1, Chosen: true}}})
	m.openCurrent()
	if m.mode != listMode || m.open != nil || !strings.Contains(m.message, "not kept any more") {
		t.Errorf("the mode is %d, the message %q", m.mode, m.message)
	}
}

// TestUpdate: a list that takes changes one after the other is as one that is filled anew,
// whatever it is sorted by and shows; and the cursor stays on its call.
func TestUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newList(nil)
		l.sort = rapid.SampledFrom(l.columns).Draw(t, "column")
		l.reversed, l.follow, l.states = rapid.Bool().Draw(t, "reversed"), rapid.Bool().Draw(t, "follow"), states(rapid.IntRange(0, int(statesCount)-1).Draw(t, "states"))
		over := int64(0)
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			c := call.Changes{All: len(l.known) == 0}
			had := l.number
			for _, n := range rapid.SliceOfNDistinct(rapid.Int64Range(1, 40), 0, 30, rapid.ID[int64]).Draw(t, "calls") {
				if l.known[n] != nil && rapid.IntRange(0, 4).Draw(t, "left") == 0 {
					c.Left = append(c.Left, n)
					continue
				}
				r := &call.Row{Number: n, Chosen: rapid.IntRange(0, 5).Draw(t, "chosen") > 0, Begin: rapid.Int64Range(0, 3).Draw(t, "begin"), From: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "from")}
				r.Answered, r.Legs, r.Machines = rapid.Bool().Draw(t, "answered"), int(r.Begin), []string{r.From}
				if r.State = call.State(rapid.IntRange(0, 2).Draw(t, "state")); r.State != call.Open {
					over++
					r.Over = over
				}
				c.Rows = append(c.Rows, r)
			}
			l.update(&c)
			got := slices.Clone(l.rows)
			if l.cursor > 0 && l.cursor >= len(got) || l.number > 0 && got[l.cursor].number != l.number {
				t.Fatalf("the cursor is on %d of %d, for call %d", l.cursor, len(got), l.number)
			}
			if e := l.known[had]; !l.follow && e != nil && e.shown && l.number != had {
				t.Fatalf("the cursor was on %d and is on %d", had, l.number)
			}
			l.arrange()
			if !slices.Equal(got, l.rows) {
				t.Fatalf("%d rows, anew %d", len(got), len(l.rows))
			}
			for i := range got[:max(len(got)-1, 0)] {
				if l.compare(got[i], got[i+1]) >= 0 {
					t.Fatalf("row %d is not in order", i)
				}
			}
			if len(got) > 0 && !l.follow {
				l.take(rapid.IntRange(0, len(got)-1).Draw(t, "cursor"))
			}
		}
	})
}
