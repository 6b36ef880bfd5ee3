package schema

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// identifiers makes identifiers of names, each a different one.
type identifiers struct {
	used map[string]bool
	// ascii says that only letters of ASCII are allowed.
	ascii bool
}

// newIdentifiers returns an identifiers that does not make the reserved ones.
func newIdentifiers(ascii bool, reserved ...string) *identifiers {
	x := &identifiers{used: map[string]bool{}, ascii: ascii}
	for _, r := range reserved {
		x.used[r] = true
	}
	return x
}

// of returns an identifier that begins with an upper-case letter, made of the words of the
// names: CallStart of call and start.
func (x *identifiers) of(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		upper := true
		for _, r := range name {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) || x.ascii && r >= utf8.RuneSelf {
				upper = true
				continue
			}
			if upper {
				r = unicode.ToUpper(r)
			}
			upper = false
			if b.Len() < 100 {
				b.WriteRune(r)
			}
		}
	}
	id := b.String()
	if first, _ := utf8.DecodeRuneInString(id); !unicode.IsUpper(first) {
		id = "X" + id
	}
	unique := id
	for i := 2; x.used[unique]; i++ {
		unique = id + "_" + strconv.Itoa(i)
	}
	x.used[unique] = true
	return unique
}

// ofKinds returns an identifier for each kind. Those with ordinary names come first, so that
// they get the ones that one expects.
func (x *identifiers) ofKinds(kinds []*Kind) []string {
	all := make([]string, len(kinds))
	for _, ordinary := range []bool{true, false} {
		for i, k := range kinds {
			if ordinary == (lowerWord(k.Class) && lowerWord(k.Event)) {
				all[i] = x.of(k.Class, k.Event)
			}
		}
	}
	return all
}

// lowerWord reports whether name is a lower-case word.
func lowerWord(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' })
}

// comment returns a text that cannot end a comment, nor anything else, in ASCII.
func comment(s string) string {
	s = strconv.QuoteToASCII(s)
	s = s[1 : len(s)-1]
	return strings.NewReplacer(`\"`, `"`, "<", `\x3c`, "*/", `*\/`).Replace(s)
}

// describe says in a few words how values look: pattern, values or examples.
func (f *Field) describe() string {
	var parts []string
	if p := f.Pattern(); p != "" && p != "text" && p != "word" {
		parts = append(parts, p)
	}
	if values, more := f.shown(); len(values) > 0 {
		text := strings.Join(values, ", ")
		if more {
			text = "as " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// shown returns values to show; more says that there are others.
func (f *Field) shown() (values []string, more bool) {
	if f.Many {
		return f.Examples, true
	}
	return f.Values, false
}
