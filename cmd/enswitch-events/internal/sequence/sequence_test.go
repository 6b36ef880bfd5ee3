package sequence

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func awaiting(t testing.TB, sequence, same string) (*Sequence, *[]string) {
	t.Helper()
	said := &[]string{}
	w, err := New(sequence, same, tally.New(nil, nil, nil), func(msg string, _ ...any) { *said = append(*said, msg) })
	if err != nil {
		t.Fatal(err)
	}
	return w, said
}

// give gives events to w until they match, and returns the field n of each that
// does, with commas. What was given is overwritten at once, as the pipeline does.
func give(t testing.TB, w *Sequence, events []string) string {
	t.Helper()
	var x event.Index
	for _, text := range events {
		raw := []byte(text)
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		var numbers []string
		for _, ev := range w.match(&event.Event{Raw: raw}, &x, true) {
			var m event.Index
			if err := m.Scan(ev.Raw); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, string(m.Get("n").Text()))
		}
		if numbers != nil {
			return strings.Join(numbers, ",")
		}
		clear(raw)
	}
	return ""
}

// TestSequence writes an event as EVENT/CALL, numbered from 1.
func TestSequence(t *testing.T) {
	for _, row := range []struct{ sequence, same, events, want string }{
		{"", "", "start/a end/a", "1"},
		{"start > end", "", "end/a start/a ring/b end/c", "2,4"},
		{"call.start>call.end", "", "start/a end/a", "1,2"},
		{"start > end", "callid", "start/a start/b ring/a end/b end/a", "2,4"},
		{"start > answer > end", "callid", "start/a start/b end/a answer/b answer/a end/b", "2,4,6"},
		{"start > start", "callid", "start/a start/b start/b", "2,3"},
		{"start > *", "callid", "start/a ring/b hold/a", "1,3"},
		{"start > answer,end", "callid", "start/a ring/a end/a", "1,3"},
		{"start > !ring", "callid", "start/a ring/a hold/a", "1,3"},
		{"start > end", "callid", "start/ end/", ""},
		{"start > end", "nothing", "start/a end/a", ""},
		{"start > end", "callid", "start/a end/b", ""},
		{"message.* > end", "", "start/a end/a", ""},
		{"ring", "callid", "start/a ring/a", "2"},
	} {
		w, _ := awaiting(t, row.sequence, row.same)
		var events []string
		for i, text := range strings.Fields(row.events) {
			name, call, _ := strings.Cut(text, "/")
			events = append(events, fmt.Sprintf(`{"class":"call","event":%q,"n":%d,"callid":%q}`, name, i+1, call))
		}
		if got := give(t, w, events); got != row.want {
			t.Errorf("%q, same %q: %s: got %q, want %q", row.sequence, row.same, row.events, got, row.want)
		}
	}
}

// TestSequenceTypes: the number of the websocket is the text of a POST, and null
// is no value.
func TestSequenceTypes(t *testing.T) {
	w, _ := awaiting(t, "a > b", "id")
	if got := give(t, w, []string{`{"event":"a","id":null,"n":1}`, `{"event":"b","id":null,"n":2}`, `{"event":"a","id":7,"n":3}`, `{"event":"b","id":"\u0037","n":4}`}); got != "3,4" {
		t.Errorf("got %q", got)
	}
}

// TestSequenceProperty: among calls that overlap, that one is found whose own
// events first make the sequence.
func TestSequenceProperty(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom(names), 1, 4).Draw(t, "steps")
		calls := rapid.SliceOf(rapid.IntRange(0, 3)).Draw(t, "calls")
		var events []string
		want := ""
		progress := map[int][]string{}
		for i, call := range calls {
			name := rapid.SampledFrom(names).Draw(t, "event")
			events = append(events, fmt.Sprintf(`{"event":%q,"callid":"x%d","n":%d}`, name, call, i))
			if want == "" && name == steps[len(progress[call])] {
				if progress[call] = append(progress[call], fmt.Sprint(i)); len(progress[call]) == len(steps) {
					want = strings.Join(progress[call], ",")
				}
			}
		}
		w, err := New(strings.Join(steps, ">"), "callid", tally.New(nil, nil, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		var x event.Index
		got := ""
		for _, text := range events {
			raw := []byte(text)
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			if all := w.match(&event.Event{Raw: raw}, &x, true); all != nil {
				var numbers []string
				for _, ev := range all {
					_, n, _ := strings.Cut(string(ev.Raw), `"n":`)
					numbers = append(numbers, strings.TrimSuffix(n, "}"))
				}
				got = strings.Join(numbers, ",")
				break
			}
		}
		if got != want {
			t.Fatalf("%v in %v: got %q, want %q", steps, events, got, want)
		}
	})
}

// TestSequenceBounds: the oldest go, by number and by size, and that is said once.
func TestSequenceBounds(t *testing.T) {
	w, said := awaiting(t, "start > end", "callid")
	var events []string
	for n := range maxPartial + 2 {
		events = append(events, fmt.Sprintf(`{"event":"start","callid":"%d","n":%d}`, n, n))
	}
	events = append(events, `{"event":"end","callid":"1","n":"gone"}`, `{"event":"end","callid":"2","n":"there"}`)
	if got := give(t, w, events); got != "2,there" {
		t.Errorf("got %q", got)
	}
	if len(*said) != 1 || w.givenUp != 2 || len(w.partial) != maxPartial || len(w.order) != maxPartial {
		t.Errorf("said %q, %d given up, %d partial", *said, w.givenUp, len(w.partial))
	}

	w, _ = awaiting(t, "start > end", "callid")
	events = nil
	for n := range 5 {
		events = append(events, fmt.Sprintf(`{"event":"start","callid":"%d","text":%q}`, n, strings.Repeat("x", maxPartialBytes/3)))
	}
	give(t, w, events)
	if w.bytes > maxPartialBytes || len(w.partial) != 2 || w.partial["4"] == nil {
		t.Errorf("%d bytes, %d partial", w.bytes, len(w.partial))
	}
	give(t, w, []string{fmt.Sprintf(`{"event":"start","callid":"x","text":%q}`, strings.Repeat("x", maxPartialBytes))})
	if w.bytes != 0 || len(w.partial) != 0 || len(w.order) != 0 {
		t.Errorf("%d bytes, %d partial", w.bytes, len(w.partial))
	}
}

// TestInsteadIsShort: what is said of hostile events is bounded and safe to
// show.
func TestInsteadIsShort(t *testing.T) {
	w, _ := awaiting(t, "* > never", "callid")
	var events []string
	for n := range 300 {
		events = append(events, fmt.Sprintf(`{"class":"\u001b[31m%d%s","event":"\n","callid":"\u202e%d%s"}`, n, strings.Repeat("c", 5000), n, strings.Repeat("i", 5000)))
	}
	give(t, w, events)
	text := w.Seen()
	if lines := strings.Count(text, "\n") + 1; lines > 20 || len(text) > 8000 {
		t.Errorf("%d lines, %d bytes", lines, len(text))
	}
	if strings.ContainsAny(text, "\x1b\u202e\r") {
		t.Errorf("not safe: %q", text)
	}
}

func BenchmarkAwait(b *testing.B) {
	w, _ := awaiting(b, "call.start > call.end", "callid")
	raw := []byte(`{"asteriskid":"1234567890.123","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`)
	var x event.Index
	if err := x.Scan(raw); err != nil {
		b.Fatal(err)
	}
	ev := &event.Event{Raw: raw}
	b.ReportAllocs()
	for b.Loop() {
		w.match(ev, &x, true)
	}
}
