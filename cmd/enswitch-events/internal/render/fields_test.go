package render

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestFields(t *testing.T) {
	const raw = `{"asteriskid":"a","callid":"c","class":"call","caller":{"name":"Ann"},"event":"start","machine":1,"x\u002ay":2,"callid":"d"}`
	for _, row := range []struct {
		fields, want string
		seen         []int
	}{
		{"event,callid", `{"event":"start","callid":"d"}`, []int{0, 1}},
		{"caller.name", `{"caller.name":"Ann"}`, []int{0}},
		{"c*", `{"class":"call","caller":{"name":"Ann"},"callid":"d"}`, []int{0}},
		{"c*,nosuch", `{"class":"call","caller":{"name":"Ann"},"callid":"d"}`, []int{0}},
		{"call*,c*", `{"caller":{"name":"Ann"},"callid":"d","class":"call"}`, []int{0, 1}},
		{"machine,*,callid", `{"machine":1,"asteriskid":"a","class":"call","caller":{"name":"Ann"},"event":"start","x\u002ay":2,"callid":"d"}`, []int{0, 1, 2}},
		{"!call*,!*id", `{"class":"call","event":"start","machine":1,"x\u002ay":2}`, nil},
		{"event,machine,!m*", `{"event":"start"}`, []int{0}},
		{"x*y", `{"x\u002ay":2}`, []int{0}},
		{"*.name", `{}`, nil},
	} {
		var seen []int
		r, err := New(&Options{Format: "ndjson", Fields: strings.Split(row.fields, ","), OnField: func(i int) { seen = append(seen, i) }})
		if err != nil {
			t.Errorf("%s: %v", row.fields, err)
			continue
		}
		var x event.Index
		if err := x.Scan([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		ev := &event.Event{Raw: []byte(raw)}
		for range 2 {
			if got := string(r.Event(nil, ev, &x)); got != row.want+"\n" {
				t.Errorf("%s: got %s, want %s", row.fields, got, row.want)
			}
		}
		if slices.Sort(seen); !slices.Equal(seen, row.seen) {
			t.Errorf("%s: fields %v seen, want %v", row.fields, seen, row.seen)
		}
		out := r.Event(nil, ev, &x)
		if n := testing.AllocsPerRun(100, func() { out = r.Event(out[:0], ev, &x) }); n > 0 {
			t.Errorf("%s: %v allocations", row.fields, n)
		}
	}
	for _, fields := range []string{"a,!a", "!*", "!", "a,,b", "a,a", "ab*,!a*"} {
		if _, err := New(&Options{Format: "line", Fields: strings.Split(fields, ",")}); err == nil {
			t.Errorf("%s: no error", fields)
		}
	}
	for _, fields := range []string{"a*", "a,!b"} {
		if _, err := New(&Options{Format: "csv", Fields: strings.Split(fields, ",")}); err == nil || !strings.Contains(fmt.Sprint(err), "whole names") {
			t.Errorf("csv, %s: %v", fields, err)
		}
	}
}
