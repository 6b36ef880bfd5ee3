package flags

import (
	"encoding/csv"
	"errors"
	"strings"
)

// List is the pflag value of a list. Items are separated by commas or line breaks, and
// blanks around them do not count. An item that contains a comma is quoted. A flag that
// is given again adds to its list.
type List struct{ items *[]string }

// NewList returns a List that appends to items.
func NewList(items *[]string) List { return List{items} }

// Set adds the items in text.
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

// String returns the items, separated by commas.
func (l List) String() string {
	if l.items == nil {
		return ""
	}
	return strings.Join(*l.items, ",")
}

// Type returns the name of the type.
func (l List) Type() string { return "list" }

// Append adds one item.
func (l List) Append(item string) error { *l.items = append(*l.items, item); return nil }

// Replace replaces all items.
func (l List) Replace(items []string) error { *l.items = items; return nil } // pflag.SliceValue has an error

// GetSlice returns the items.
func (l List) GetSlice() []string { return *l.items }

// patterns is the pflag value of --class and --event. It keeps each list as one text:
// package filter splits it.
type patterns struct{ List }

// Set adds a list.
func (p patterns) Set(text string) error { return p.Append(oneLine(text)) }

// oneLine returns a list with its line breaks replaced by commas.
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
