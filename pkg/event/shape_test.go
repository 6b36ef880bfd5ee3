package event

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func names(x *Index) string {
	var all []string
	for i := range x.Len() {
		all = append(all, string(x.Key(i).Text()))
	}
	return strings.Join(all, "\x00")
}

// TestShape: one number for the same names in the same order.
func TestShape(t *testing.T) {
	var x Index
	numbers := map[uint32]string{}
	for _, tt := range []struct {
		text string
		want bool
	}{
		{`{"a":1,"b":2}`, true},
		{`{"a":"x","b":[{"c":3}]}`, true},
		{`{"a":1,"bb":2}`, true},
		{`{"b":1,"a":2}`, true},
		{`{"a":1}`, true},
		{`{"a":1,"b":2,"a":3}`, true},
		{`{ "a": 1, "b" :2 }`, true},
		{`{ "a":  1, "b":2 }`, true},
		{`{"` + strings.Repeat("a", maxLead) + `":1}`, false},
		{`{"\u0061":1}`, false},
		{"{\"Zo\xeb\":1}", true}, // as it is when it has been repaired
		{"{\n\"a\":1}", false},
		{`{}`, false},
		{`{"a":1,"b":2`, false},
	} {
		for range 3 {
			err := x.Scan([]byte(tt.text))
			number, ok := x.Shape()
			if ok != tt.want {
				t.Errorf("%s (%v): has a number: %v", tt.text, err, ok)
			}
			if !ok {
				continue
			}
			if before, seen := numbers[number]; seen && before != names(&x) {
				t.Errorf("%s: number %d was for %q", tt.text, number, before)
			}
			numbers[number] = names(&x)
		}
	}
	if len(numbers) != 8 { // where the blanks are others, so is the number
		t.Errorf("%d numbers: %v", len(numbers), numbers)
	}
}

// TestShapesForgotten: a feed that sends new names all the time gets no memory, and no number
// comes again.
func TestShapesForgotten(t *testing.T) {
	var x Index
	numbers := map[uint32]string{}
	for n := range 5 * maxLeads {
		if n%1500 == 1499 {
			x.shapes.events = forgetAfter // sending that number of events would take a while
		}
		for range 2 {
			if err := x.Scan(fmt.Appendf(nil, `{"name %d":1,"class":"call"}`, n)); err != nil || !x.Class().Is("call") || x.Len() != 2 {
				t.Fatal(n, err)
			}
			if number, ok := x.Shape(); ok {
				if before, seen := numbers[number]; seen && before != names(&x) {
					t.Fatalf("%d: number %d was for %q", n, number, before)
				}
				numbers[number] = names(&x)
			}
		}
		if x.shapes.leads > maxLeads {
			t.Fatalf("%d leads are kept", x.shapes.leads)
		}
	}
	if len(numbers) < 2*maxLeads/2 {
		t.Errorf("only %d shapes had a number", len(numbers))
	}
}

// TestSeenBefore: what an event reads as does not depend on those before it.
func TestSeenBefore(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"{", "}", ",", ":", " ", `"`, `"a"`, `"ab"`, `"class"`, `"event"`, `"a long name, longer than sixteen bytes"`, `"cl\u0061ss"`, "\"Zo\xeb\"", "\n",
		`{"a":`, `{"class":"call"`, `,"event":`, `,"event": `, `, "event":`, `,"a":"`, `"call"`, "1", "[1]", `{"class":"x"}`, "-0.5e3", "null", "plain text of some length",
		`{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call"`, `,"timestamp":"1234567890.123456","uniqueid":"1"}`,
	})
	rapid.Check(t, func(t *rapid.T) {
		var warm Index
		for _, parts := range rapid.SliceOfN(rapid.SliceOfN(part, 1, 8), 1, 20).Draw(t, "events") {
			raw := []byte(strings.Join(parts, ""))
			var fresh Index
			got, want := warm.Scan(raw), fresh.Scan(raw)
			if fmt.Sprint(got) != fmt.Sprint(want) || string(warm.JSON()) != string(fresh.JSON()) || warm.Len() != fresh.Len() ||
				warm.Repaired() != fresh.Repaired() || warm.OneLine() != fresh.OneLine() || warm.class != fresh.class || warm.event != fresh.event {
				t.Fatalf("%q: %v, not %v", raw, got, want)
			}
			for i := range warm.fields {
				if warm.fields[i] != fresh.fields[i] || warm.Shadowed(i) != fresh.Shadowed(i) {
					t.Fatalf("%q: field %d is %+v, not %+v", raw, i, warm.fields[i], fresh.fields[i])
				}
			}
		}
	})
}
