package tui

import (
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// TestFit: whatever a text is, its cell is as wide as it is to be, and holds nothing that a
// terminal acts on or that is not seen.
func TestFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z\x00-\x20\x{300}-\x{303}\x{200b}-\x{202e}\x{1f3fb}-\x{1f469}日本é]{0,20}`)).Draw(t, "text")
		width := rapid.IntRange(1, 12).Draw(t, "width")
		var b strings.Builder
		fit(&b, clean(text), width, rapid.Bool().Draw(t, "right"))
		n := 0
		for _, r := range b.String() {
			n += ansi.StringWidthWc(string(r))
		}
		if n != width {
			t.Fatalf("%q is %d columns wide", b.String(), n)
		}
		for _, r := range b.String() {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
				t.Fatalf("%q has %q", b.String(), r)
			}
		}
	})
}

// TestCut: whatever the width is, also less than one column, what is cut fits in it.
func TestCut(t *testing.T) {
	for _, text := range []string{"", "call", "日本語", "é日"} {
		for width := -6; width < 6; width++ {
			if got := cut(text, width); columns(got) > max(width, 0) {
				t.Errorf("cut(%q, %d) = %q", text, width, got)
			}
		}
	}
}

func TestSaysLight(t *testing.T) {
	for colors, want := range map[string]bool{"": false, "15;0": false, "0;15": true, "0;7": true, "0;default;15": true, "0;default": false, "12;8": false} {
		if got := saysLight(colors); got != want {
			t.Errorf("COLORFGBG=%s: %v", colors, got)
		}
	}
}

// TestLongCell: of a text as long as an event only as much is looked at as a cell can show, and
// the cell is as it would be of the whole text.
func TestLongCell(t *testing.T) {
	for _, part := range []string{"a", "é", "日本", "x\x1b[2J", "a\u0301\u0302", "\xff"} {
		text := strings.Repeat(part, 8<<10)
		if n := len(cell(text)); n > 4*maxCell {
			t.Errorf("%q: %d bytes for a cell", part, n)
		}
		for _, width := range []int{1, 18, 160} {
			var whole, got strings.Builder
			fit(&whole, clean(text), width, false)
			fit(&got, cell(text), width, false)
			if got.String() != whole.String() {
				t.Errorf("%q: cell %q, of the whole text %q", part, got.String(), whole.String())
			}
			if got, want := cutFront(clean(end(text)), width), cutFront(clean(text), width); got != want {
				t.Errorf("%q: end %q, of the whole text %q", part, got, want)
			}
		}
	}
}
