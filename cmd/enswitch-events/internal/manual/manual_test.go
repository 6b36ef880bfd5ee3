package manual

import (
	"strings"
	"testing"
)

// TestParse: what is a heading, a paragraph, a table, a command.
func TestParse(t *testing.T) {
	const text = `A paragraph that
goes on.

By class
  -c call      these
  -e start     and those

  Prose under a heading
  goes on, too.
  $ enswitch-events help
  no prose

As in this:
  [default]
  a = 1

- one
more
- two

Lines
    enswitch-events tail
`
	var got []string
	for _, b := range parse(text) {
		got = append(got, []string{"text", "heading", "item", "verbatim"}[b.kind]+": "+strings.Join(b.lines, "/"))
	}
	want := `text: A paragraph that goes on.
heading: By class
verbatim: -c call      these/-e start     and those
text: Prose under a heading goes on, too.
verbatim: $ enswitch-events help/no prose
text: As in this:
verbatim: [default]/a = 1
item: one more
item: two
heading: Lines
verbatim: enswitch-events tail`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestInline(t *testing.T) {
	known := map[string]bool{"jq": true, "cat": true}
	for text, want := range map[string]string{
		"with -W and --fail-if, a * b":           "with `-W` and `--fail-if`, a \\* b",
		"see 'help jq', or 'cat'":                "see [jq](jq.md), or `cat`",
		"see 'enswitch-events help jq'.":         "see [jq](jq.md).",
		"the system's and 'enswitch-events nix'": "the system's and `enswitch-events nix`",
		"there '!x' is":                          "there `'!x'` is",
		"a<b> -":                                 "a&lt;b> -",
	} {
		if got := inline(text, known); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestManLines: no line of help is a request of troff.
func TestManLines(t *testing.T) {
	for text, want := range map[string]string{
		".event == 1": `\&.event == 1`,
		`'x' \d a-b`:  `\(aqx\(aq \ed a\-b`,
	} {
		if got := line(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
