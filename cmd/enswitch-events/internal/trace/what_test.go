package trace

import (
	"fmt"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestWhat(t *testing.T) {
	for _, row := range []struct {
		what, event string
		want        bool
	}{
		{"from=+441632960001", `{"from":"+441632960001"}`, true},
		{"from=+441632960001", `{"from":"441632960001"}`, false},
		{"from=+441632960001", `{"to":"+441632960001"}`, false},
		{"leg.from=1", `{"leg":{"from":1}}`, true},
		{"n > 5", `{"n":"6"}`, true},
		{"from~632", `{"from":"+441632960001"}`, true},
		{"from!=x", `{"to":1}`, true},
		{"desk-101", `{"phone":"desk-101"}`, true},
		{"desk-101", `{"phone":"desk-1011"}`, false},
		{"desk-101", `{"a":[{"phone":"desk-101"}]}`, true},
		{"desk-101", `{"desk-101":1}`, false},
		{"a.b+c", `{"x":"a.b+c"}`, true},
		{"a.b+c", `{"x":"aXbbc"}`, false},
		{"1", `{"machine":1}`, true},
		{"1234567890.100000", `{"callid":"1234567890.100000"}`, true},
		{"1234567890.100000", `{"timestamp":"1234567890.100000"}`, true}, // its text
		{"M\u00fcller", `{"name":"M\u00fcller"}`, true},
		{"M\u00fcller", `{"name":"M` + `\u00fc` + `ller"}`, true},
		{"sip:a@b;user=phone", `{"from":"sip:a@b;user=phone"}`, true},
	} {
		expect(t, row.what, row.event, row.want)
	}
}

// TestNumber tries the rule for telephone numbers on a value, both ways round.
func TestNumber(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"+441632960001", "+441632960001", true},
		{"+441632960001", "441632960001", true},
		{"+441632960001", "00441632960001", true},
		{"+441632960001", "01632960001", true},
		{"+441632960001", "1632960001", true},
		{"+441632960001", "960001", true},
		{"+441632960001", "0960001", true},
		{"+441632960001", "00960001", true},
		{"+441632960001", "60001", false},
		{"+441632960001", "060001", false},
		{"+441632960001", "+44 (1632) 960-001", true},
		{"+441632960001", "+44.1632/960.001", true},
		{"+441632960001", "4 4 1 6 3 2 9 6 0 0 0 1", true},
		{"+441632960001", "(01632) 960001", true},
		{"+441632960001", "+441632960002", false},
		{"+441632960001", "+4416329600010", false},
		{"+441632960001", "x441632960001", false},
		{"+441632960001", "441632960001x", false},
		{"+441632960001", "44+1632960001", false},
		{"+441632960001", "++441632960001", false},
		{"+441632960001", "+001632960001", false},
		{"+441632960001", "+44_1632960001", false},
		{"+49301234567", "030/1234567", true},
		{"+49301234567", "030-123 45 67", true},
		{"+49301234567", "0301234568", false},
		{"123456", "123456", true},
		{"123456", "0123456", true},
		{"123456", "+123456", true},
		{"123456", "0000123456", true}, // ends with it
		{"000000123456", "123456", true},
		{"12345a", "12345", false},
		{"1-2-3-4-5-6", "12 34 56", true},
	} {
		for _, pair := range [][2]string{{row.a, row.b}, {row.b, row.a}} {
			expect(t, pair[0], fmt.Sprintf(`{"from":%q}`, pair[1]), row.want)
			expect(t, pair[0], fmt.Sprintf(`{"n":[{"from":%q}]}`, pair[1]), row.want)
		}
	}
	for _, row := range []struct {
		what, event string
		want        bool
	}{
		{"+441632960001", `{"from":441632960001}`, true},
		{"+441632960001", `{"a":{"from":441632960001}}`, true},
		{"+441632960001", `{"from":"\u002b44163296000\u0031"}`, true},
		{"+441632960001", `{"from":"01632\/960001"}`, true},
		{"+441632960001", `{"a":["01632\/960001"]}`, true},
		{"960001", `{"timestamp":"1234567890.960001"}`, false},
		{"960001", `{"callid":"1234567890.960001"}`, false},
		{"960001", `{"uniqueid":"1234567890.960001"}`, false},
		{"960001", `{"asteriskid":"1234567890.960001"}`, false},
		{"960001", `{"a":{"uniqueid":"1234567890.960001"}}`, false},
		{"960001", `{"a":{"uniqueid":1,"x":"1234567890.960001"}}`, true},
		{"960001", `{"phoneid":"1234567890.960001"}`, true},
		{"960001", `{"960001":"","a":{"960001":""}}`, false},
		{"960001", `{"a":true,"b":null,"c":[],"d":"","e":-1}`, false},
	} {
		expect(t, row.what, row.event, row.want)
	}
}

func expect(t *testing.T, what, raw string, want bool) {
	t.Helper()
	w, err := NewWhat(what)
	if err != nil {
		t.Errorf("%q: %v", what, err)
		return
	}
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if got := w.Clone().Matches(&x); got != want {
		t.Errorf("%q in %s: %v", what, raw, got)
	}
}

func TestWrongWhat(t *testing.T) {
	for _, text := range []string{"", " ", "from~(", "n<x"} {
		if _, err := NewWhat(text); err == nil {
			t.Errorf("%q is right", text)
		}
	}
}
