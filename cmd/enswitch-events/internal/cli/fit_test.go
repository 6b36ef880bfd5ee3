package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		text  string
		want  string
	}{
		{"prose is filled", 20, "one two three four five\nsix\n\nseven\n", "one two three four\nfive six\n\nseven\n"},
		{"a heading stays", 20, "one two three\n  a  b\n", "one two three\n  a  b\n"},
		{"a list", 12, "- one two three\n- four\n", "- one two\n  three\n- four\n"},
		{"the second column goes on below itself", 32, "  --a   one two three four five six\n  --b   seven\n", "  --a   one two three four five\n        six\n  --b   seven\n"},
		{"what goes on is one text", 32, "  --a   one two three four five\n        six seven eight nine ten\n", "  --a   one two three four five\n        six seven eight nine ten\n"},
		{"and is filled", 30, "  --a   one two three four\n        five six seven eight nine\n", "  --a   one two three four\n        five six seven eight\n        nine\n"},
		{"no room for the second column", 24, "  --a-long-flag   one two three\n", "  --a-long-flag\n      one two three\n"},
		{"a command stays", 10, "  $ one two three four\n  five six seven\n", "  $ one two three four\n  five six seven\n"},
		{"a flag at the beginning of a line is prose", 30, "Of two\n--one counts.\n", "Of two --one counts.\n"},
	} {
		if got := fit(c.text, c.width); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestTopicsAreFitting: at 80 columns the topics need no more than their prose filled,
// and at any width no word is lost.
func TestTopicsAreFitting(t *testing.T) {
	for _, topic := range Topics() {
		for _, width := range []int{minHelpWidth, 60, helpWidth, maxHelpWidth} {
			got := fit(topic.Text, width)
			if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(topic.Text), " ") {
				t.Errorf("%s at %d columns has other words", topic.Name, width)
			}
			for line := range strings.Lines(got) {
				if line[0] != ' ' && utf8.RuneCountInString(line)-1 > width {
					t.Errorf("%s at %d columns: %q", topic.Name, width, line)
				}
			}
		}
	}
}
