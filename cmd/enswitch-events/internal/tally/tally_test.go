package tally

import (
	"fmt"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func scan(t testing.TB, raw string) *event.Index {
	t.Helper()
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	return &x
}

func TestEmpty(t *testing.T) {
	for _, row := range []struct {
		name                string
		class, event, where []string
		want                string
	}{
		{"no filters", nil, nil, nil, "none of 4 events was kept: 3 call.start, 1 message.sent"},
		{
			"each is met by another event",
			[]string{"call,message"},
			[]string{"start,message.sent"},
			[]string{"a=9", "b.c>9"},
			"none of 4 events was kept: 3 call.start, 1 message.sent",
		},
		{
			"nothing is",
			[]string{"cal", "m*x"},
			[]string{"call.strat, start, snet"},
			[]string{"custmer=5", "a.b~x", "gone!=1", "custmer<9"},
			"none of 4 events was kept: 3 call.start, 1 message.sent; no class 'cal' in 4 events: did you mean 'call'?; no class 'm*x' in 4 events; no event 'call.strat' in 4 events: did you mean 'call.start'?; no event 'snet' in 4 events: did you mean 'sent'?; no field 'custmer' in 4 events: did you mean 'customer'?; no field 'a.b' in 4 events",
		},
		{"what excludes", []string{"!call"}, []string{"!message.*"}, []string{"a!=1", "b!~."}, "none of 4 events was kept: 3 call.start, 1 message.sent"},
	} {
		all := New(row.class, row.event, row.where)
		parts := []*Tally{all, all.Part(), all.Part()}
		for i, raw := range []string{
			`{"class":"call","event":"start","a":1}`,
			`{"class":"call","event":"start","b":{"c":2}}`,
			`{"class":"message","event":"sent","customer":3}`,
			`{"class":"call","event":"start"}`,
		} {
			parts[i%len(parts)].Count(scan(t, raw))
		}
		if got := all.Empty(4); got != row.want {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, got, row.want)
		}
	}
	if got := New(nil, nil, nil).Empty(3); got != "" {
		t.Errorf("nothing was counted: %s", got)
	}
	some := New(nil, nil, []string{"a=1", "b=1"})
	some.Count(scan(t, `{"class":"x","event":"y"}`))
	some.Fit(scan(t, `{"b":2}`))
	if got, want := some.Empty(1000), "none of 1,000 events was kept; of 1 looked at: 1 x.y; no field 'a' in 1 event"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestSearched: where there is one filter, no event of the run matched it, also of those that
// were not counted. Names that are known from earlier are a hint, too.
func TestSearched(t *testing.T) {
	known := func() *Names { return &Names{Kinds: []string{"call.transfer"}, Fields: []string{"customer"}} }
	for _, c := range []struct {
		tally *Tally
		want  string
	}{
		{New(nil, []string{"anser"}, nil).Only(true), "no event 'anser' in 12,000 events: did you mean 'answer'?"},
		{New(nil, []string{"anser"}, nil), "no event 'anser' in 1 event: did you mean 'answer'?"},
		{New([]string{"cal"}, []string{"anser"}, nil).Only(true), "no class 'cal' in 1 event: did you mean 'call'?; no event 'anser' in 1 event: did you mean 'answer'?"},
		{New(nil, []string{"transfre"}, nil).Only(true).Know(known), "no event 'transfre' in 12,000 events: did you mean 'transfer'?"},
		{New(nil, []string{"call.transfer"}, nil).Only(true).Know(known), "no event 'call.transfer' in 12,000 events, which is known from earlier"},
		{New(nil, nil, []string{"custmer=1"}).Only(true).Know(known), "no field 'custmer' in 12,000 events: did you mean 'customer'?"},
	} {
		c.tally.Count(scan(t, `{"class":"call","event":"answer"}`))
		if got, want := c.tally.Empty(12000), "none of 12,000 events was kept; of 1 looked at: 1 call.answer; "+c.want; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestBounded: what comes from outside is bounded and safe to show.
func TestBounded(t *testing.T) {
	all := New(nil, nil, nil)
	for n := range 3 * maxKinds {
		all.Count(scan(t, fmt.Sprintf(`{"class":"\u001b[31m%d%s","event":"\n"}`, n, strings.Repeat("c", 5000))))
	}
	text := all.Empty(3*maxKinds) + all.Short()
	if len(all.kinds) > maxKinds || len(text) > 2*shownKinds*2*maxName || strings.ContainsAny(text, "\x1b\n") {
		t.Errorf("%d kinds, %d bytes: %q", len(all.kinds), len(text), text)
	}
	if want := fmt.Sprintf("%d of other kinds", 3*maxKinds-shownKinds); !strings.Contains(text, want) {
		t.Errorf("not in it: %q", want)
	}
}

func TestNoAllocations(t *testing.T) {
	all := New([]string{"never"}, nil, []string{"never=1"})
	x := scan(t, `{"class":"call","event":"start"}`)
	all.Count(x)
	if n := testing.AllocsPerRun(100, func() { all.Count(x) }); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}
