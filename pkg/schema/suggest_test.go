package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

const german = `flows:
  - name: angenommen
    weight: 6
    fields:
      mandant: ["17", "23"]
      rufnummer_a: ["+441632960001", "+441632960123", "+12125550101", "+4930123456", "+4930123499"]
      rufnummer_b: ["+441632960642", "+441632960703"]
    steps:
      - event: eingang
      - {event: vermittelt, after: 20ms..200ms}
      - {event: eingang, after: 10ms..80ms, leg: 1}
      - {event: klingelt, after: 200ms..1s, leg: 1}
      - event: abgehoben
        after: 1s..6s
        leg: 1
        odds: 20
        otherwise:
          - {event: aufgelegt, after: 15s..25s, leg: 1}
          - {event: aufgelegt, after: 5ms}
      - event: gehalten
        after: 2s..30s
        leg: 1
        odds: 70
        otherwise:
          - {event: aufgelegt, after: 20s..90s, leg: 1}
          - {event: aufgelegt, after: 5ms}
      - {event: aufgelegt, after: 10s..40s, leg: 1}
      - {event: aufgelegt, after: 5ms}
  - name: besetzt
    weight: 1
    fields:
      rufnummer_a: "+441632960001"
      rufnummer_b: "+441632960642"
    steps:
      - event: eingang
      - {event: besetztzeichen, after: 300ms..1s}
  - name: text
    class: nachricht
    weight: 2
    steps:
      - event: da
`

// generated returns what is learned from the first n events of a scenario.
func generated(t testing.TB, scenario string, n int) *Schema {
	t.Helper()
	o := &enswitchtest.GeneratorOptions{Seed: 7, Rate: 20}
	if scenario != "" {
		var err error
		if o.Scenario, err = enswitchtest.ParseScenario([]byte(scenario)); err != nil {
			t.Fatal(err)
		}
	}
	g := enswitchtest.NewGenerator(o)
	var lines []string
	for range n {
		lines = append(lines, string(g.Next().Raw))
	}
	return learn(t, &Options{Calls: NewCalls()}, lines...)
}

// TestSuggest: the meanings are found by structure where no name is usual, and the usual
// names are found.
func TestSuggest(t *testing.T) {
	for name, c := range map[string]struct{ scenario, want string }{
		"german": {german, "start=call.eingang(structure) ring=call.klingelt(structure) answer=call.abgehoben(structure) " +
			"end=call.aufgelegt(structure) end=call.besetztzeichen(structure) from=rufnummer_a(structure) to=rufnummer_b(structure) "},
		"usual":    {"", "start=call.start(documented) ring=call.ring(name) answer=call.answer(name) end=call.end(name) from=from(name) to=to(name) "},
		"no calls": {"flows: [{name: x, steps: [{event: da}], class: nachricht}]", "start=() ring=() answer=() end=() from=() to=() "},
	} {
		var got strings.Builder
		for _, s := range generated(t, c.scenario, 5000).Suggest() {
			fmt.Fprintf(&got, "%s=%s(%s) ", s.Meaning, s.Item, s.By)
			if s.Evidence == "" {
				t.Errorf("%s: no evidence for %s", name, s.Meaning)
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", name, got.String(), c.want)
		}
	}
}
