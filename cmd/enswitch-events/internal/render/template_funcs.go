package render

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// funcs are the functions that a template has besides those of text/template,
// and those that take the place of one. The value comes last, so that it can be
// piped in.
func (u *userTemplate) funcs() template.FuncMap {
	return template.FuncMap{
		showFunc: u.show,
		"color":  u.color,
		"callcolor": func(id, v any) shown {
			call := plainText(id)
			if call == "" {
				return u.show(v)
			}
			return u.paint(u.theme.call([]byte(call)).id, v)
		},
		"pad":     u.pad,
		"padleft": u.padLeft,
		"trunc":   u.truncate,
		"time":    u.time,
		"json":    u.toJSON,
		"upper":   func(v any) text { return text(strings.ToUpper(plainText(v))) },
		"lower":   func(v any) text { return text(strings.ToLower(plainText(v))) },
		"default": func(other, v any) any {
			if plainText(v) == "" {
				return other
			}
			return v
		},

		"eq":      equal,
		"ne":      func(a, b any) (bool, error) { same, err := equals(a, b); return !same, err },
		"lt":      func(a, b any) (bool, error) { n, err := order(a, b); return n < 0, err },
		"le":      func(a, b any) (bool, error) { n, err := order(a, b); return n <= 0, err },
		"gt":      func(a, b any) (bool, error) { n, err := order(a, b); return n > 0, err },
		"ge":      func(a, b any) (bool, error) { n, err := order(a, b); return n >= 0, err },
		"printf":  printf,
		"print":   func(args ...any) string { return fmt.Sprint(u.printable(args)...) },
		"println": func(args ...any) string { return fmt.Sprintln(u.printable(args)...) },
		// These escape what an event holds, not how a terminal is shown it.
		"html":     func(args ...any) text { return text(template.HTMLEscapeString(joined(args))) },
		"js":       func(args ...any) text { return text(template.JSEscapeString(joined(args))) },
		"urlquery": func(args ...any) text { return text(url.QueryEscape(joined(args))) },
	}
}

// builtins are the functions of text/template that a template has as they are.
var builtins = []string{"and", "index", "len", "not", "or", "slice"} //nolint:gochecknoglobals // a table that nothing changes

// TemplateFunctions returns the names of the functions that a template has, sorted.
func TemplateFunctions() []string {
	names := slices.Clone(builtins)
	for name := range (&userTemplate{theme: &theme{}}).funcs() {
		if name != showFunc {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// usages shows how the functions are written.
func usages() map[string]string {
	return map[string]string{
		"color":     `{{color "red" .class}}`,
		"callcolor": `{{callcolor .callid .event}}`,
		"pad":       `{{pad 8 .event}}`,
		"padleft":   `{{padleft 8 .event}}`,
		"trunc":     `{{trunc 8 .event}}`,
		"time":      `{{time "utc" .timestamp}}`,
		"json":      `{{json .}}`,
		"upper":     `{{upper .event}}`,
		"lower":     `{{lower .event}}`,
		"default":   `{{default "-" .callid}}`,
		"eq":        `{{if eq .machine 1}}…{{end}}`,
		"ne":        `{{if ne .machine 1}}…{{end}}`,
		"lt":        `{{if lt .machine 2}}…{{end}}`,
		"le":        `{{if le .machine 2}}…{{end}}`,
		"gt":        `{{if gt .machine 2}}…{{end}}`,
		"ge":        `{{if ge .machine 2}}…{{end}}`,
		"printf":    `{{printf "%03d" .machine}}`,
	}
}

// printable returns arguments of print: what is missing is nothing, and an object
// is JSON.
func (u *userTemplate) printable(args []any) []any {
	printable := slices.Clone(args)
	for i, v := range printable {
		switch v.(type) {
		case nil, []any, map[string]any:
			printable[i] = u.show(v)
		}
	}
	return printable
}

func joined(args []any) string {
	var all strings.Builder
	for _, v := range args {
		all.WriteString(plainText(v))
	}
	return all.String()
}

// blanks returns at most as many blanks as a wide terminal has columns.
func blanks(n int) string { return strings.Repeat(" ", min(max(n, 0), 1000)) }

// plainText is the text of a value as it is, not safe to print.
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case text:
		return string(v)
	case shown:
		return string(v)
	case string:
		return v
	case map[string]any, []any:
		return string(marshal(v))
	}
	return fmt.Sprint(v)
}

func (u *userTemplate) show(v any) shown {
	if m, ok := v.(map[string]any); ok {
		return u.toJSON(m)
	}
	return showText(v)
}

// showText is a value, not the whole event, made fit for printing.
func showText(v any) shown {
	switch v := v.(type) {
	case nil:
		return ""
	case shown:
		return v
	case text:
		return shown(v.String())
	case map[string]any, []any:
		return shown(safe.AppendJSON(nil, marshal(v)))
	}
	return shown(fmt.Sprint(v))
}

func (u *userTemplate) pad(columns, v any) (shown, error) {
	n, err := integer(columns)
	s := u.show(v)
	return s + shown(blanks(n-ansi.StringWidth(string(s)))), err
}

func (u *userTemplate) padLeft(columns, v any) (shown, error) {
	n, err := integer(columns)
	s := u.show(v)
	return shown(blanks(n-ansi.StringWidth(string(s)))) + s, err
}

func (u *userTemplate) truncate(columns, v any) (shown, error) {
	n, err := integer(columns)
	return shown(ansi.Truncate(string(u.show(v)), max(n, 0), "…")), err
}

func (u *userTemplate) color(name, v any) (shown, error) {
	prefix, ok := u.theme.named[plainText(name)]
	if !ok {
		return "", fmt.Errorf("unknown colour %q: use one of %s", plainText(name), strings.Join(slices.Sorted(maps.Keys(u.theme.named)), ", "))
	}
	return u.paint(prefix, v), nil
}

func (u *userTemplate) paint(prefix string, v any) shown {
	s := u.show(v)
	if prefix == "" || s == "" {
		return s
	}
	return shown(prefix) + s + shown(u.theme.reset)
}

// time shows a timestamp in a style: one of Times, "" for that of --time, or a
// layout of Go's package time in the zone of --time. What is no timestamp is
// shown as it is.
func (u *userTemplate) time(name, v any) (shown, error) {
	style := plainText(name)
	layout := style != "" && !slices.Contains(Times(), style)
	if layout && time.Unix(0, 0).UTC().Format(style) == time.Unix(1e9, 111222333).UTC().Format(style) {
		return "", fmt.Errorf("unknown time format %q: use one of %s, or a layout like 15:04:05", style, strings.Join(Times(), ", "))
	}
	usec, ok := event.Timestamp([]byte(plainText(v)))
	if !ok {
		return u.show(v), nil
	}
	c := &u.clock
	if style != "" && style != c.style {
		c = &clock{style: style, loc: u.clock.loc, last: u.clock.last, began: u.clock.began, day: u.clock.day}
		if style == "utc" {
			c.loc = time.UTC
		}
		if layout {
			return shown(time.UnixMicro(usec).In(c.loc).Format(style)), nil
		}
	}
	if c.style == "none" {
		return "", nil
	}
	s := shown(c.append(nil, usec, true, u.ev.Received))
	u.clock.last, u.clock.began, u.clock.day, u.clock.shown = c.last, c.began, c.day, c.shown || u.clock.shown
	return s, nil
}
