//go:build unix

package main

import (
	"strings"
	"testing"
)

// atEnd waits until the capture is read.
func (p *terminal) atEnd() {
	p.t.Helper()
	p.shows("capture read to its end")
}

// TestScreens compares screens with goldens: the list and an open call, narrow and wide, in
// 256 colours, in 16 and in none, on light and on dark, whatever COLORFGBG says.
func TestScreens(t *testing.T) {
	t.Parallel()
	file := madeUpCalls(t, 600)
	for _, c := range []struct {
		name string
		size size
		env  []string
	}{
		{"80x24", small, nil},
		{"160x50", large, nil},
		{"80x24", small, []string{"COLORFGBG=0;15"}}, // the terminal answers that it is dark
		{"80x24_light", small, []string{white}},
		{"160x50_light", large, []string{white, "COLORFGBG=0;15"}},
		{"80x24_16_colours", small, []string{"TERM=xterm"}},
		{"80x24_no_colour", small, []string{"NO_COLOR=1"}},
		{"160x50_no_colour", large, []string{"NO_COLOR=1"}},
	} {
		t.Run(c.name+strings.Join(c.env, " "), func(t *testing.T) {
			t.Parallel()
			p := onScreen(t, c.size, c.env, "calls", "--read", file)
			p.atEnd()
			p.golden("list_" + c.name)
			p.press("j", "j", "j", "Enter")
			p.shows("event 1 of")
			p.golden("call_" + c.name)
			if c.env != nil && c.env[0] == "NO_COLOR=1" && hasColor(p.styled()) {
				t.Errorf("there are colours:\n%s", p.styled())
			}
			p.press("q", "q")
			if code := p.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// hasColor reports whether a styled text sets a colour.
func hasColor(text string) bool {
	for part := range strings.SplitSeq(text, "␛[") {
		parameters, _, _ := strings.Cut(part, "m")
		for n := range strings.SplitSeq(parameters, ";") {
			if len(n) == 2 && (n[0] == '3' || n[0] == '4' || n[0] == '9') && n != "39" && n != "49" {
				return true
			}
		}
	}
	return false
}
