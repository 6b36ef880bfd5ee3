package render

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// ColorProfile decides how much colour an output gets. mode is the value of
// --color: auto, always or never, and "" is auto. In auto mode the environment
// is asked in this order: NO_COLOR (anything but empty: none), CLICOLOR_FORCE
// (anything but empty or 0: colour), FORCE_COLOR (0 or false: none, else
// colour), TERM=dumb (none); then colour is for terminals. Colour that is
// forced where TERM does not say what the terminal can do is the 16 colours
// that each terminal has. environ is in the form of os.Environ. The result is
// colorprofile.NoTTY where there is to be no colour.
func ColorProfile(mode string, terminal bool, environ []string) (colorprofile.Profile, error) {
	var noColor, cliForce, force, term string
	var rest []string // what tells the capabilities of the terminal
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case "NO_COLOR":
			noColor = value
		case "CLICOLOR_FORCE":
			cliForce = value
		case "FORCE_COLOR":
			force = value
		case "CLICOLOR", "TTY_FORCE":
		case "TERM":
			term = value
			rest = append(rest, e)
		default:
			rest = append(rest, e)
		}
	}
	on := false
	switch mode {
	case "always":
		on = true
	case "never":
	case "auto", "":
		switch {
		case noColor != "":
		case cliForce != "" && cliForce != "0":
			on = true
		case force != "":
			on = force != "0" && force != "false"
		case term == "dumb":
		default:
			on = terminal
		}
	default:
		return colorprofile.NoTTY, fmt.Errorf("unknown colour mode %q: use auto, always or never", mode)
	}
	if !on {
		return colorprofile.NoTTY, nil
	}
	return max(colorprofile.Env(rest), colorprofile.ANSI), nil
}

// callColors are the colours of calls, as numbers of the 256-colour palette:
// apart from each other in hue, and each with a contrast of at least 3:1 on
// black, on the dark grey of many themes and on white, so that nobody has to
// say what their background is. A plain red is left out: it looks like a fault.
var callColors = [...]string{"33", "28", "136", "162", "30", "166", "98", "170", "64", "129", "167", "31"}

// fewCallColors are for terminals of 16 colours, whose owners chose them to go
// with their background. The bright ones are left out, as bright yellow and
// cyan cannot be read on white, and red, as it looks like a fault.
var fewCallColors = [...]string{"2", "3", "4", "5", "6"}

// gray is readable on black and on white alike.
const gray = "243"

// onLight returns the colour that takes the place of one of those above where the background
// is known to be light: of the same hue, with a contrast of at least 4.5:1 on white.
func onLight(c string) string {
	return map[string]string{
		"33": "26", "28": "22", "136": "94", "162": "125", "30": "23", "166": "130", "98": "55", "170": "127",
		"64": "58", "129": "91", "167": "124", "31": "24", "160": "124", gray: "241",
	}[c]
}

const reset = "\x1b[0m"

// theme is the escape sequences to begin a colour with, made once; all are
// empty where there is no colour. Each colour ends with theme.reset.
type theme struct {
	on    bool
	reset string
	dim   string // times, names of fields, punctuation
	name  string // what happened, in an event of no call
	calls []callColor
	// What happened, by the meaning of its word.
	start, ring, good, over, bad string

	key   string // JSON
	text  string
	other string
	named map[string]string // for templates
}

// callColor is the colour of a call: of what happened, which stands out, and
// of its id.
type callColor struct{ name, id string }

// colorNames are the names that a template may use, with their colour in the
// 256-colour palette and in the 16.
var colorNames = [...][3]string{
	{"red", "160", "1"},
	{"green", "28", "2"},
	{"yellow", "136", "3"},
	{"blue", "33", "4"},
	{"magenta", "162", "5"},
	{"cyan", "30", "6"},
	{"gray", gray, ""},
	{"orange", "166", "3"},
	{"violet", "98", "5"},
}

// newTheme returns a theme that can be read on dark and on light.
func newTheme(p colorprofile.Profile) theme { return themeOn(p, false) }

// themeOn returns a theme for a background that is known to be light, or for any.
func themeOn(p colorprofile.Profile, light bool) theme {
	t := theme{named: map[string]string{"bold": "", "dim": "", "underline": "", "reverse": ""}, calls: make([]callColor, 1)}
	for _, c := range colorNames {
		t.named[c[0]] = ""
	}
	if p < colorprofile.ANSI {
		return t
	}
	styles := newPalette(p, light)
	t.on, t.reset = true, reset
	few := fewCallColors[:]
	t.key, t.text, t.other = styles.color("4"), styles.color("2"), styles.color("3")
	t.dim = styles.faint()
	if styles.full {
		few = callColors[:]
		t.key, t.text, t.other = styles.color("33"), styles.color("28"), styles.color("136")
		t.dim = styles.color(gray)
	}
	t.name = begin(styles.NewStyle().Bold(true))
	t.calls = make([]callColor, len(few))
	for i, c := range few {
		t.calls[i] = callColor{styles.bold(c), styles.color(c)}
	}
	loud := func(c [3]string) string {
		if styles.full {
			return styles.bold(c[1])
		}
		return styles.bold(c[2])
	}
	t.bad, t.good, t.ring, t.start, t.over = loud(colorNames[0]), loud(colorNames[1]), loud(colorNames[2]), loud(colorNames[5]), t.dim
	for _, c := range colorNames {
		switch {
		case styles.full:
			t.named[c[0]] = styles.color(c[1])
		case c[2] == "":
			t.named[c[0]] = styles.faint()
		default:
			t.named[c[0]] = styles.color(c[2])
		}
	}
	t.named["bold"] = t.name
	t.named["dim"] = t.dim
	t.named["underline"] = "\x1b[4m" // lipgloss underlines letter by letter
	t.named["reverse"] = begin(styles.NewStyle().Reverse(true))
	return t
}

// palette makes what begins a style on a terminal.
type palette struct {
	*lipgloss.Renderer
	full  bool // 256 colours
	light bool // the background is known to be light
}

func newPalette(p colorprofile.Profile, light bool) palette {
	all := palette{lipgloss.NewRenderer(io.Discard), p >= colorprofile.ANSI256, light}
	all.SetColorProfile(termenv.ANSI)
	if all.full {
		all.SetColorProfile(termenv.ANSI256)
	}
	return all
}

// begin returns what begins a style.
func begin(s lipgloss.Style) string {
	before, _, _ := strings.Cut(s.Render("x"), "x")
	return before
}

// tone returns the colour of that number, a darker one on light.
func (p palette) tone(c string) lipgloss.Color {
	if p.full && p.light {
		c = onLight(c)
	}
	return lipgloss.Color(c)
}

func (p palette) color(c string) string { return begin(p.NewStyle().Foreground(p.tone(c))) }

func (p palette) bold(c string) string { return begin(p.NewStyle().Bold(true).Foreground(p.tone(c))) }

func (p palette) faint() string { return begin(p.NewStyle().Faint(true)) }

// call returns the colour of a call: the same for the same id in every run.
func (t *theme) call(id []byte) *callColor {
	const odd = 0x9e3779b97f4a7c15
	h := uint64(len(id)) * odd
	mix := func(w uint64) {
		h = (h ^ w) * odd
		h ^= h >> 32
	}
	for ; len(id) >= 8; id = id[8:] {
		mix(binary.LittleEndian.Uint64(id))
	}
	for _, c := range id {
		mix(uint64(c))
	}
	mix(0) // ids of one moment differ in their last digit alone
	return &t.calls[(h>>32)%uint64(len(t.calls))]
}

// meaning returns the colour of an event by the words in its name, "" if they say nothing. It
// is a guess, and only for the eye: except for call.start no event's name is documented.
func (t *theme) meaning(what event.Value) string {
	if !t.on || what.Kind != event.String || what.Escaped {
		return ""
	}
	switch string(bare(what)) {
	case "start", "started", "begin":
		return t.start
	case "ring", "ringing":
		return t.ring
	case "answer", "answered", "up", "online":
		return t.good
	case "end", "ended", "stop", "stopped", "hangup":
		return t.over
	case "down", "offline", "unreachable", "lost", "fail", "failed", "failure", "error", "crash", "crashed":
		return t.bad
	}
	return ""
}

// paletteRGB is the colour of a number from 16 to 255 of the 256-colour palette.
func paletteRGB(n int) (r, g, b int) {
	if n >= 232 {
		v := 8 + 10*(n-232)
		return v, v, v
	}
	n -= 16
	level := [6]int{0, 95, 135, 175, 215, 255}
	return level[n/36], level[n/6%6], level[n%6]
}
