package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// In a template the text of an event is of type text, which spells out what a
// terminal must not see when it is printed and still compares as what it is.
// What has been made fit for printing, by color or pad, is of type shown. The
// names of fields are made safe when the event is decoded. As a last resort
// everything that is printed goes through a filter that lets nothing pass but
// visible text, newlines, tabs and colours.

type text string

func (t text) String() string { return string(AppendSafe(nil, []byte(t))) }

type shown string

// show is the name of the function that each action of a template ends with:
// what is missing prints as nothing, an object as JSON.
const showFunc = "_show"

// userTemplate is the state of the template format.
type userTemplate struct {
	tmpl    *template.Template
	theme   *theme
	clock   clock
	onError func(error)
	out     bytes.Buffer

	ev   *event.Event // being shown
	json []byte
	root map[string]any
}

func newTemplate(src string, th *theme, c clock, onError func(error)) (*userTemplate, error) {
	u := &userTemplate{theme: th, clock: c, onError: onError}
	t, err := template.New("").Funcs(u.funcs()).Parse(src)
	if err != nil {
		return nil, fmt.Errorf("the template does not parse: %s", templateFault(err))
	}
	for _, named := range t.Templates() {
		if named.Tree != nil {
			showAll(named.Root)
		}
	}
	u.tmpl = t
	return u, nil
}

// templateFault is what a template's error says, without the name that we gave
// the template.
func templateFault(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), ":")
}

// showAll ends each action of a template that prints something with showFunc.
func showAll(node parse.Node) {
	branch := func(b *parse.BranchNode) {
		showAll(b.List)
		if b.ElseList != nil {
			showAll(b.ElseList)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			showAll(child)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
				NodeType: parse.NodeCommand, Pos: n.Pos,
				Args: []parse.Node{parse.NewIdentifier(showFunc).SetPos(n.Pos)},
			})
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}

// funcs are the functions that a template has besides those of text/template.
// The value comes last, so that it can be piped in.
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
		"pad": func(n int, v any) shown {
			s := u.show(v)
			return s + shown(blanks(n-ansi.StringWidth(string(s))))
		},
		"padleft": func(n int, v any) shown {
			s := u.show(v)
			return shown(blanks(n-ansi.StringWidth(string(s)))) + s
		},
		"trunc": func(n int, v any) shown {
			return shown(ansi.Truncate(string(u.show(v)), max(n, 0), "…"))
		},
		"time":  u.time,
		"json":  u.toJSON,
		"upper": func(v any) text { return text(strings.ToUpper(plainText(v))) },
		"lower": func(v any) text { return text(strings.ToLower(plainText(v))) },
		"default": func(other, v any) any {
			if plainText(v) == "" {
				return other
			}
			return v
		},
	}
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
	switch v := v.(type) {
	case nil:
		return ""
	case shown:
		return v
	case text:
		return shown(v.String())
	case map[string]any, []any:
		return u.toJSON(v)
	}
	return shown(fmt.Sprint(v))
}

func (u *userTemplate) color(name string, v any) (shown, error) {
	prefix, ok := u.theme.named[name]
	if !ok {
		return "", fmt.Errorf("unknown colour %q: use one of %s", name, strings.Join(slices.Sorted(maps.Keys(u.theme.named)), ", "))
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
func (u *userTemplate) time(style string, v any) shown {
	usec, ok := event.Timestamp([]byte(plainText(v)))
	if !ok {
		return u.show(v)
	}
	c := &u.clock
	if style != "" && style != c.style {
		c = &clock{style: style, loc: u.clock.loc, last: u.clock.last, began: u.clock.began, day: u.clock.day}
		if style == "utc" {
			c.loc = time.UTC
		}
		if !slices.Contains(Times(), style) {
			return shown(time.UnixMicro(usec).In(c.loc).Format(style))
		}
	}
	if c.style == "none" {
		return ""
	}
	s := shown(c.append(nil, usec, true, u.ev.Received))
	u.clock.last, u.clock.began, u.clock.day = c.last, c.began, c.day
	return s
}

// toJSON is a value as compact JSON; the event itself keeps its order.
func (u *userTemplate) toJSON(v any) shown {
	if m, ok := v.(map[string]any); ok && reflect.ValueOf(m).Pointer() == reflect.ValueOf(u.root).Pointer() {
		return shown(appendSafeJSON(nil, event.AppendCompact(nil, u.json)))
	}
	return shown(appendSafeJSON(nil, marshal(v)))
}

// marshal cannot fail: all values come from JSON, or from a template's text.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// append renders an event, whose JSON is valid, with its line end. Of a
// template that fails it appends what was printed up to there, nothing at all
// if there was nothing.
func (u *userTemplate) append(dst []byte, ev *event.Event, jsonText []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(jsonText))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		u.failed(err)
		return dst
	}
	u.ev, u.json, u.root = ev, jsonText, hostile(root).(map[string]any)
	u.out.Reset()
	err := u.tmpl.Execute(&u.out, u.root)
	if err != nil {
		u.failed(fmt.Errorf("the template failed: %s", templateFault(err)))
		return dst // half a line could not be told from a whole one
	}
	if u.out.Len() == 0 {
		return dst
	}
	dst = appendPrinted(dst, u.out.Bytes(), u.theme)
	if dst[len(dst)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

func (u *userTemplate) failed(err error) {
	if u.onError != nil {
		u.onError(err)
	}
}

// hostile changes what encoding/json made into what a template may print. A
// null is left out, so that it prints as nothing, and so does what would be
// inside it.
func hostile(v any) any {
	switch v := v.(type) {
	case string:
		return text(v)
	case []any:
		for i := range v {
			v[i] = hostile(v[i])
		}
	case map[string]any:
		safe := make(map[string]any, len(v))
		for key, value := range v {
			if value != nil {
				safe[string(AppendSafe(nil, []byte(key)))] = hostile(value)
			}
		}
		return safe
	}
	return v
}

// appendPrinted appends what a template printed. Colours pass, and are reset
// at the end; newlines and tabs can only be the template's own.
func appendPrinted(dst, out []byte, th *theme) []byte {
	painted := false
	for i := 0; i < len(out); {
		if c := out[i]; c == '\n' || c == '\t' {
			if c == '\n' && i == len(out)-1 && painted {
				break
			}
			dst = append(dst, c)
			i++
			continue
		}
		if n := sgrLen(out[i:]); n > 0 {
			if th.on {
				dst = append(dst, out[i:i+n]...)
				painted = !hasSuffix(dst, reset)
			}
			i += n
			continue
		}
		_, n := utf8.DecodeRune(out[i:])
		dst = AppendSafe(dst, out[i:i+n])
		i += n
	}
	if painted {
		dst = append(dst, reset...)
	}
	return dst
}
