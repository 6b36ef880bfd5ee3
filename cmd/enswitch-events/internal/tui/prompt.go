package tui

import (
	"strings"
	"unicode"
)

// prompt is a line that somebody types.
type prompt struct {
	label string
	hint  string
	runes []rune
	at    int                    // of the cursor
	done  func(text string) bool // for Enter: it reports whether the text will do
	tab   func()                 // for Tab; may be nil
}

func newPrompt(label, text string, done func(string) bool) *prompt {
	p := &prompt{label: label, done: done, runes: []rune(text), hint: "Enter takes it  Esc leaves it"}
	p.at = len(p.runes)
	return p
}

func (p *prompt) text() string { return string(p.runes) }

// insert inserts what was typed or pasted, but for control characters.
func (p *prompt) insert(text string) {
	for _, r := range text {
		if !unicode.IsControl(r) && len(p.runes) < maxPrompt {
			p.runes = append(p.runes[:p.at], append([]rune{r}, p.runes[p.at:]...)...)
			p.at++
		}
	}
}

const maxPrompt = 1000

// press takes a key, and the text that it stands for.
func (p *prompt) press(name, text string) {
	switch name {
	case "tab":
		if p.tab != nil {
			p.tab()
		}
	case "backspace", "ctrl+h":
		if p.at > 0 {
			p.runes = append(p.runes[:p.at-1], p.runes[p.at:]...)
			p.at--
		}
	case "delete", "ctrl+d":
		if p.at < len(p.runes) {
			p.runes = append(p.runes[:p.at], p.runes[p.at+1:]...)
		}
	case "left", "ctrl+b":
		p.at = max(p.at-1, 0)
	case "right", "ctrl+f":
		p.at = min(p.at+1, len(p.runes))
	case "home", "ctrl+a":
		p.at = 0
	case "end", "ctrl+e":
		p.at = len(p.runes)
	case "ctrl+u":
		p.runes, p.at = p.runes[p.at:], 0
	case "ctrl+k":
		p.runes = p.runes[:p.at]
	case "ctrl+w":
		before := strings.TrimRightFunc(string(p.runes[:p.at]), unicode.IsSpace)
		begin := len([]rune(before[:strings.LastIndexFunc(before, unicode.IsSpace)+1]))
		p.runes = append(p.runes[:begin], p.runes[p.at:]...)
		p.at = begin
	default:
		p.insert(text)
	}
}

// shown is the text with its cursor, in width columns.
func (p *prompt) shown(width int) string {
	before, after := clean(string(p.runes[:p.at])), clean(string(p.runes[p.at:]))
	before = cutFront(before, max(width/2, width-1-columns(after)))
	return before + "▏" + cut(after, max(width-1-columns(before), 1))
}
