//go:build unix

package main

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is keys that are pressed, and what is on the screen then.
type step struct {
	keys  []string
	shown []string
	gone  string
}

// keySteps presses each key of the help, on the 6 calls of testdata/events/calls.ndjson.
var keySteps = []step{
	// The newest call is the first, and the cursor follows it until it moves.
	{[]string{"j"}, []string{"\n>  ring*                        204", "1–6 of 6\n"}, ""},
	{[]string{"↓"}, []string{"\n>  up*                          203"}, ""},
	{[]string{"k"}, []string{"\n>  ring*                        204"}, ""},
	{[]string{"↑"}, []string{"\n>  up*                          205"}, ""},
	{[]string{"PgDn"}, []string{"\n>  up*                          200"}, ""},
	{[]string{"PgUp"}, []string{"\n>  up*                          205"}, ""},
	{[]string{"G"}, []string{"\n>  up*                          200"}, ""},
	{[]string{"g"}, []string{"\n>  up*                          205"}, ""},
	{[]string{"End"}, []string{"\n>  up*                          200"}, ""},
	{[]string{"Home"}, []string{"\n>  up*                          205"}, ""},
	{[]string{"A"}, []string{"1–6 of 6 ↥"}, ""},

	{[]string{"f"}, []string{"[open]", "1–6 of 6"}, ""},
	{[]string{"f"}, []string{"[answered]", "no call passes the filter"}, ""},
	{[]string{"f"}, []string{"[unanswered]"}, ""},
	{[]string{"f"}, []string{"[lost]"}, ""},
	{[]string{"f"}, []string{"1–6 of 6 ↥"}, "[lost]"},

	{[]string{"/", "203"}, []string{"filter: 203▏"}, ""},
	{[]string{"Enter"}, []string{"[/203]", "1–1 of 1", "up*                          203"}, "204"},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/203]"},
	{[]string{"/", "\x1b[200~2\n0\x1b[2J2\x1b[201~"}, []string{"filter: 202▏"}, ""}, // pasted
	{[]string{"Esc"}, []string{"1–6 of 6"}, "filter:"},
	{[]string{"/", "!20", "3", "Enter"}, []string{"1–5 of 5", "204"}, "  203 "},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/"},
	{[]string{"/", "state=open", "Enter"}, []string{"[/state=open]", "1–6 of 6"}, ""},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/"},
	{[]string{"/", "to~20[01]$", "Enter"}, []string{"1–2 of 2", " 200 ", " 201 "}, " 202 "},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/"},
	{[]string{"/", "!machine=1", "Enter"}, []string{"1–4 of 4"}, ""},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/"},
	{[]string{"/", "nosuch=1", "Enter"}, []string{"the record of a call has no field"}, ""},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "[/"},
	{[]string{"/", "to~(", "Enter"}, []string{"to~(: "}, ""},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "filter:"},
	{[]string{"/", "q20", "Backspace", "Home", "q"}, []string{"filter: q▏q2"}, ""}, // q is a letter there
	{[]string{"Esc"}, []string{"1–6 of 6"}, "filter:"},

	{[]string{"<"}, []string{"M▲ ", "\n>  up*                          205"}, "AGE(TALK)▲"},
	{[]string{"R"}, []string{"M▼ ", "\n>  up*                          205"}, "M▲"},
	{[]string{">"}, []string{"AGE(TALK)▲"}, "M▼"},

	{[]string{"w"}, []string{"START▲", "14:13:55"}, "AGE"},
	{[]string{"w"}, []string{"SILENT▲"}, "START"},
	{[]string{"w"}, []string{"AGE(TALK)▲"}, "SILENT"},

	{[]string{"g", "j", "Space"}, []string{"\n + ring*                        204", "[1 marked]", "\n>  up*                          203"}, ""},
	{[]string{"s"}, []string{"save 1 marked call to: calls-"}, ""},
	{[]string{"Esc"}, []string{"[1 marked]"}, "save"},
	{[]string{"k", "Space"}, []string{"1–6 of 6"}, "marked"},

	{[]string{"t", "Space"}, []string{"[ ] STATE", "[ ] PDD"}, ""},
	{[]string{"j", "j", "k", "j", "Space", "Esc"}, []string{"FROM", "AGE"}, "[ ] STATE"},
	{[]string{"t", "Space", "↓", "↓", "Space", "q"}, []string{"STATE", "TO"}, "[x]"},
	{[]string{"m"}, []string{"mouse on"}, ""},
	{[]string{"\x1b[<0;10;5M"}, []string{"\n>  ring*                        204"}, ""},  // a click
	{[]string{"\x1b[<65;10;5M"}, []string{"\n>  ring*                        201"}, ""}, // the wheel
	{[]string{"m"}, []string{"mouse off"}, ""},
	{[]string{"y"}, []string{"callid 1790000007.100001 copied"}, ""},
	{[]string{"^L"}, []string{"1–6 of 6"}, ""}, // none has ended

	{[]string{"Enter"}, []string{"call 1790000007.100001", "event 1 of 4", "SINCE START  1", `"event":"start"`}, ""},
	{[]string{"j"}, []string{"event 2 of 4", `"event":"route"`}, ""},
	{[]string{"A"}, []string{"event 4 of 4"}, ""},
	{[]string{"k"}, []string{"event 3 of 4"}, ""},
	{[]string{"g"}, []string{"event 1 of 4"}, ""},
	{[]string{"w"}, []string{"TIME OF DAY", "14:13:27"}, ""},
	{[]string{"Tab"}, []string{`"event":"start"`}, ""},
	{[]string{"Tab", "?"}, []string{"a page up"}, ""},
	{[]string{"G"}, []string{"callid (from 120 columns on)"}, "a page up"},
	{[]string{"Esc"}, []string{"event 1 of 4"}, ""},
	{[]string{"q"}, []string{"1–6 of 6"}, "event 1 of"},
	{[]string{"Enter"}, []string{"event 1 of"}, ""},
	{[]string{"Esc"}, []string{"1–6 of 6"}, "event 1 of"},

	{[]string{"p"}, []string{"the capture is at its end: [ goes back"}, ""},
	{[]string{"["}, []string{"stopped 2026-09-21 14:13:50 ━", "1–5 of 5"}, "to its end"},
	{[]string{"["}, []string{"stopped 2026-09-21 14:13:40 ━", "1–3 of 3"}, ""},
	{[]string{"]"}, []string{"stopped 2026-09-21 14:13:50 ━", "1–5 of 5"}, ""},
	{[]string{"{"}, []string{"stopped 2026-09-21 14:13:20 ─", "1–1 of 1", " start "}, ""},
	{[]string{"."}, []string{"stopped 2026-09-21 14:13:20 ─", " route* "}, ""},
	{[]string{"+", "p"}, []string{"playing ×2 "}, ""},
	{[]string{"-"}, []string{"playing ×1 "}, ""},
	{[]string{"p"}, []string{"stopped 2026"}, "playing"},
	{[]string{"}"}, []string{"capture read to its end", "1–6 of 6"}, ""},
}

// TestScreenKeys presses each key of the help.
func TestScreenKeys(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/events/calls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	p := onScreen(t, small, nil, "calls", "--read", file)
	p.atEnd()
	p.shows("1–6 of 6 ↥")
	pressed := map[string]bool{"q": true, "^Z": true} // below
	for _, s := range keySteps {
		for _, k := range s.keys {
			pressed[k] = true
			p.press(k) // Esc is the last of a step: what comes at once after it is part of it
		}
		p.shows(s.shown...)
		if s.gone != "" {
			p.hides(s.gone)
		}
	}
	if want := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("1790000007.100001")); !strings.Contains(p.output(), want) {
		t.Error("the callid did not go to the clipboard")
	}
	for _, k := range helpKeys(p) {
		if !pressed[k] {
			t.Errorf("no test presses %s", k)
		}
	}
	p.press("q")
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.leftAsItWas()
}

// helpKeys returns the keys that the help names.
func helpKeys(p *terminal) (keys []string) {
	p.t.Helper()
	p.resize(size{80, 60})
	p.press("?")
	p.shows("Keys of an open call", "States")
	row := regexp.MustCompile(`^  (\S+(?: \S+)?)  +\S`)
	for line := range strings.Lines(p.text()) {
		if strings.HasPrefix(line, "States") {
			break
		}
		if m := row.FindStringSubmatch(line); m != nil {
			keys = append(keys, strings.Fields(m[1])...)
		}
	}
	if len(keys) < 30 {
		p.t.Errorf("the help has the keys %q", keys)
	}
	p.press("q")
	p.hides("Keys of an open call")
	return keys
}

// leftAsItWas checks that the terminal shows its main screen again, with the cursor, and that
// what was switched on is off again.
func (p *terminal) leftAsItWas() {
	p.t.Helper()
	out := p.output()
	for _, mode := range []string{"?1049", "?2004", "?1002", "?1006"} {
		if strings.LastIndex(out, "\x1b["+mode+"h") > strings.LastIndex(out, "\x1b["+mode+"l") {
			p.t.Errorf("mode %s is left on", mode)
		}
	}
	if strings.LastIndex(out, "\x1b[?25l") > strings.LastIndex(out, "\x1b[?25h") {
		p.t.Error("the cursor is left hidden")
	}
}

// TestScreenSave saves calls in each format, and never over a file.
func TestScreenSave(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/events/calls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	p := onScreen(t, small, nil, "calls", "--read", file)
	p.atEnd()
	p.press("j", "Space", "Space")
	p.shows("[2 marked]")
	saveAs := func(name, says string) {
		t.Helper()
		p.press("s")
		p.shows("save 2 marked calls to: ")
		p.press("\x15", name, "Enter")
		p.shows(says)
	}
	for _, c := range []struct {
		name  string
		want  []string // at the beginning of lines
		lines int
	}{
		{"a.ndjson", []string{`{"callid":"1790000021.100003"`, `{"callid":"1790000028.100004"`}, 2},
		{"a.csv", []string{"callid,callids,", "1790000021.100003,"}, 3},
		{"a.events.ndjson", []string{`{"class":"call","event":"start"`}, 9},
		{"a.mmd", []string{"sequenceDiagram", "    participant"}, 0},
	} {
		saveAs(c.name, "2 calls saved to")
		text, err := os.ReadFile(filepath.Join(p.home, c.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains("\n"+string(text), "\n"+want) {
				t.Errorf("%s: no line begins with %q:\n%s", c.name, want, text)
			}
		}
		if n := strings.Count(string(text), "\n"); c.lines > 0 && n != c.lines {
			t.Errorf("%s has %d lines, want %d", c.name, n, c.lines)
		}
	}
	saveAs("a.csv", "a.csv is there already, and is not overwritten")
	p.press("s", "\x15", "a.txt", "Enter")
	p.shows("end the name in")
	p.press("Esc")
	p.hides("save 2")
	saveAs("nosuch/a.csv", "not saved: ")
	p.press("q")
	p.exit()
}

// TestScreenSuspend: ^Z stops the program with the terminal as it was, and fg goes on with the
// screen as large as it is by then.
func TestScreenSuspend(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	file, err := filepath.Abs("../../testdata/events/calls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	dir, home := shellHome(t)
	cmd := exec.Command(bash, "-m", "-c", `enswitch-events calls --read "$0"; echo stopped $?; stty -a | grep -q ' icanon' && echo cooked; read x; fg; echo exit $?; read x`, file)
	cmd.Dir, cmd.Env = dir, append(home, "XDG_CONFIG_HOME="+t.TempDir(), "TERM=xterm-256color", exitAtOnce)
	p := startOn(t, small, cmd)
	p.atEnd()
	p.press("^Z")
	p.shows("stopped 148", "cooked")
	p.leftAsItWas()
	p.resize(size{100, 30})
	p.press("Enter")
	p.shows("capture read to its end", "1–6 of 6 ↥")
	p.until("waiting for the new size", func(text string) bool { return strings.Count(text, "\n") == 30 })
	p.press("q")
	p.shows("exit 0")
	p.press("Enter")
	p.exit()
}

// TestScreenNarrow: in a terminal that is hardly large enough nothing fails.
func TestScreenNarrow(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../testdata/events/calls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	p := onScreen(t, size{20, 5}, nil, "calls", "--read", file)
	p.shows("capture read to")
	for _, s := range []step{
		{[]string{"j"}, []string{"\n>  ring"}, ""},
		{[]string{"?"}, []string{"Keys"}, "ring"},
		{[]string{"Esc"}, []string{"\n>  ring"}, ""},
		{[]string{"t"}, []string{"[x] STATE"}, ""},
		{[]string{"Esc"}, []string{"\n>  ring"}, ""},
		{[]string{"/", "a long text"}, []string{" filter: …", "text▏"}, ""},
		{[]string{"Esc"}, nil, "text▏"},
		{[]string{"s"}, []string{" save 6 ca…: …", "son▏"}, ""},
		{[]string{"Esc"}, nil, "save"},
		{[]string{"Enter"}, []string{"── event"}, ""},
		{[]string{"Tab", "j"}, []string{"── event"}, ""},
		{[]string{"q"}, []string{"\n>  ring"}, "── event"},
	} {
		p.press(s.keys...)
		p.shows(s.shown...)
		if s.gone != "" {
			p.hides(s.gone)
		}
	}
	p.resize(size{19, 5})
	p.shows("too small: 19×5")
	p.press("q")
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestScreenUntimed: a call without a timestamp has no date, and the signs of a state are in
// sight also after a long word.
func TestScreenUntimed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "untimed.ndjson")
	if err := os.WriteFile(file, []byte(`{"class":"call","event":"start","callid":"7","uniqueid":"7"}
{"class":"call","event":"ring","timestamp":"1790000001.000000","callid":"8","uniqueid":"8"}
{"class":"call","event":"end","timestamp":"1790000003.000000","callid":"8","uniqueid":"8"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := onScreen(t, small, nil, "calls", "--read", file)
	p.atEnd()
	p.shows("unanswer…*<", "lost ")
	p.press("w", "G")
	p.shows("START", "14:13:21", ">  lost", " -    1    1")
	p.hides("00:00:00")
	p.press("Enter")
	p.shows("call 7\n")
	p.press("q", "q")
	p.exit()
}
