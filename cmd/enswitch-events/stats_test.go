//go:build unix

package main

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// TestStatsTruth compares the figures of a capture with those that were worked out by hand:
// see testdata/stats/README.md. They are the same wherever the events come from.
func TestStatsTruth(t *testing.T) {
	t.Parallel()
	const dir = "../../testdata/stats/"
	for _, from := range ways() {
		for want, more := range map[string][]string{"mixed.want.ndjson": nil, "mixed.want.machine.ndjson": {"--by", "machine"}} {
			t.Run(from.what+"/"+want, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(dir + want)
				if err != nil {
					t.Fatal(err)
				}
				command := append([]string{"stats", "-o", "ndjson", "--map", "cause=cause", "--call-timeout", "150s"}, more...)
				got := from.run(t, dir+"mixed.ndjson", command...)
				wanted := strings.Split(strings.TrimSpace(string(text)), "\n")
				if len(got) != len(wanted) {
					t.Fatalf("%d objects, want %d:\n%s", len(got), len(wanted), strings.Join(got, "\n"))
				}
				for i := range wanted {
					compareObjects(t, got[i], wanted[i], from.live)
				}
			})
		}
	}
}

// compareObjects compares two objects of stats: their fields, in order, the numbers within
// 1 %. Those of a live run are of another time.
func compareObjects(t *testing.T, got, want string, live bool) {
	t.Helper()
	g, w := fieldsInOrder(t, got), fieldsInOrder(t, want)
	if len(g) != len(w) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for i := range w {
		name := w[i].name
		if g[i].name != name {
			t.Fatalf("field %d is %s, want %s:\n%s", i, g[i].name, name, got)
		}
		if live && (name == "from" || name == "to" || name == "erlang") {
			continue
		}
		a, aIs := g[i].value.(float64)
		b, bIs := w[i].value.(float64)
		if aIs && bIs {
			if math.Abs(a-b) > 0.01*b || a != math.Trunc(a) && name == "events" {
				t.Errorf("%s is %v, want %v", name, a, b)
			}
			if b == math.Trunc(b) && b < 1e6 && a != b {
				t.Errorf("%s is %v, want %v", name, a, b)
			}
			continue
		}
		if x, y := mustJSON(t, g[i].value), mustJSON(t, w[i].value); x != y {
			t.Errorf("%s is %s, want %s", name, x, y)
		}
	}
}

// namedValue is a field of a JSON object.
type namedValue struct {
	name  string
	value any
}

func fieldsInOrder(t *testing.T, text string) (all []namedValue) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, namedValue{name.(string), v})
	}
	return all
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
