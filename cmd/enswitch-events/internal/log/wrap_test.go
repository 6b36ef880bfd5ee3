package log

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestWrap(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"short", "short"},
		{"the key was rejected by ws://10.0.0.5:4875", "the key was rejected by\n  ws://10.0.0.5:4875"},
		{"a " + strings.Repeat("w", 60) + " b", "a\n  " + strings.Repeat("w", 60) + "\n  b"},
		{"see 'enswitch-events tail --help', please", "see\n  'enswitch-events tail --help', please"},
		{"two  blanks stay, and  so do these here", "two  blanks stay, and  so do\n  these here"},
		{"messaged's port is not 'a b", "messaged's port is not 'a b"},
		{"日本語の名前 日本語の名前 日本語の名前", "日本語の名前 日本語の名前\n  日本語の名前"},
	} {
		got := wrap(row.text, 10, 40, "  ")
		if got != row.want {
			t.Errorf("%q: got %q, want %q", row.text, got, row.want)
		}
	}
	if got := wrap(strings.Repeat("word ", 30), 0, 0, "  "); strings.Contains(got, "\n") {
		t.Errorf("no terminal: %q", got)
	}
}

// TestWrappedMessage holds that messages fit the terminal, and excerpts stay as they are.
func TestWrappedMessage(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Options{Width: func() int { return 50 }})
	caret := "    " + strings.Repeat(".class == ", 8) + "\n    " + strings.Repeat(" ", 70) + "^"
	l.Error(strings.Repeat("word ", 20)+"end", slog.String(HintKey, caret+"\n"+strings.Repeat("try ", 20)+"this"))
	l.Close()
	if !strings.Contains(out.String(), "  "+strings.ReplaceAll(caret, "\n", "\n  ")+"\n") {
		t.Errorf("the excerpt was changed:\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "      ") && ansi.StringWidth(strings.TrimSuffix(line, "\n")) > 50 {
			t.Errorf("too wide: %q", line)
		}
	}
}
