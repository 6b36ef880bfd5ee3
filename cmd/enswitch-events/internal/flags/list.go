package flags

import (
	"encoding/csv"
	"errors"
	"strings"
)

// List is the value of a flag whose items are separated by commas or line
// breaks, with blanks around them. An item with a comma in it stands in quotes. A
// flag that is given again adds to its list.
type List struct{ items *[]string }

// ListOf returns the value of a flag whose items are appended to items.
func ListOf(items *[]string) List { return List{items} }

func (l List) Set(text string) error {
	r := csv.NewReader(strings.NewReader(oneLine(text)))
	r.TrimLeadingSpace = true
	items, err := r.Read()
	if err != nil && strings.TrimSpace(text) != "" {
		return errors.New("a quote stands inside an item, or is not closed")
	}
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if items[i] == "" {
			return errors.New("an item is empty: separate them by single commas")
		}
	}
	if len(items) == 0 {
		return errors.New("the list is empty: leave the flag out, or name something")
	}
	*l.items = append(*l.items, items...)
	return nil
}

func (l List) String() string {
	if l.items == nil {
		return ""
	}
	return strings.Join(*l.items, ",")
}

func (l List) Type() string { return "list" }

// Append, Replace and GetSlice are for pflag and for config show.
func (l List) Append(item string) error { *l.items = append(*l.items, item); return nil }

func (l List) Replace(items []string) error { *l.items = items; return nil } //nolint:unparam // as pflag.SliceValue has it

func (l List) GetSlice() []string { return *l.items }

// patterns is the value of a flag with lists of patterns, each as it is written.
type patterns struct{ List }

func (p patterns) Set(text string) error { return p.Append(oneLine(text)) }

// oneLine returns a list in which commas stand for line breaks.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) < 2 {
		return strings.TrimSpace(text)
	}
	kept := lines[:0]
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i > 0 {
			line = strings.TrimSpace(strings.TrimPrefix(line, ","))
		}
		if i < len(lines)-1 {
			line = strings.TrimSpace(strings.TrimSuffix(line, ","))
		}
		if line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, ",")
}
