package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// In a template the text of an event is of type text, which spells out what a
// terminal must not see when it is printed and still compares as what it is.
// What has been made fit for printing, by color or pad, is of type shown. The
// names of fields are made safe when the event is decoded. As a last resort
// everything that is printed goes through a filter that lets nothing pass but
// visible text, newlines, tabs and colours.

type text string

func (t text) String() string { return safe.String(string(t)) }

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
	onBlank func()
	out     bounded
	ordered bool // what is printed of an event may depend on those before it

	ev   *event.Event // being shown
	json []byte
	root map[string]any
}

func newTemplate(o *Options, th *theme, c clock) (*userTemplate, error) {
	u := &userTemplate{theme: th, clock: c, onError: o.OnError, onBlank: o.OnBlank}
	funcs := u.funcs()
	t, err := template.New("").Funcs(funcs).Parse(o.Template)
	if err != nil {
		return nil, fmt.Errorf("--template: %s", parseFault(err, funcs))
	}
	for _, named := range t.Templates() {
		if named.Tree == nil {
			continue
		}
		c := check{u: u, all: t, funcs: funcs, tree: named.Tree}
		if err := c.node(named.Root); err != nil {
			return nil, err
		}
		showAll(named.Root)
	}
	u.tmpl = t
	return u, nil
}

// noFunction finds the name of a function in the error that it is not defined.
var noFunction = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`function "([^"]*)" not defined$`) })

// parseFault returns why a template cannot be parsed, and in which line.
func parseFault(err error, funcs template.FuncMap) string {
	line, why, _ := strings.Cut(templateFault(err), ": ")
	switch m := noFunction().FindStringSubmatch(why); {
	case m != nil:
		known := slices.DeleteFunc(slices.Sorted(maps.Keys(funcs)), func(name string) bool { return name == showFunc })
		why = fmt.Sprintf("there is no function %q", m[1])
		if near := spelling.Hint(m[1], append(known, "and", "or", "not", "index", "slice", "len")); near != "" {
			why += ": " + near
		}
	case why == "unexpected EOF":
		why = "it ends without an {{end}}"
	case why == "unclosed action":
		why = "a {{ has no }}"
	}
	return "line " + line + ": " + why
}

// templateFault is what a template's error says, without the name that we gave
// the template.
func templateFault(err error) string {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), ":")
	return strings.Replace(text, `executing "" at `, "at ", 1)
}

// maxPrinted is how much a template may print of one event.
const maxPrinted = 16 << 20

// bounded is a buffer of maxPrinted bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPrinted {
		return 0, fmt.Errorf("it prints more than %d MiB of an event", maxPrinted>>20)
	}
	return b.Buffer.Write(p)
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

// toJSON is a value as compact JSON; the event itself keeps its order.
func (u *userTemplate) toJSON(v any) shown {
	if m, ok := v.(map[string]any); ok && reflect.ValueOf(m).Pointer() == reflect.ValueOf(u.root).Pointer() {
		return shown(safe.AppendJSON(nil, event.AppendCompact(nil, u.json)))
	}
	return shown(safe.AppendJSON(nil, marshal(v)))
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
	if err := u.tmpl.Execute(&u.out, u.root); err != nil {
		text := "the template failed: " + templateFault(err)
		kind := text
		if bad, ok := errors.AsType[*valueError](err); ok {
			kind = strings.Replace(text, bad.Error(), "a value "+bad.fault, 1)
		}
		u.failed(&filter.Failure{Text: text, Kind: kind})
		return dst // half a line could not be told from a whole one
	}
	if u.out.Len() == 0 {
		if u.onBlank != nil {
			u.onBlank()
		}
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
	case json.Number:
		return numberOf(string(v))
	case []any:
		for i := range v {
			v[i] = hostile(v[i])
		}
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			if value != nil {
				m[safe.String(key)] = hostile(value)
			}
		}
		return m
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
		n := 1
		for i+n < len(out) && out[i+n] != '\n' && out[i+n] != '\t' && out[i+n] != 0x1b {
			n++
		}
		dst = safe.Append(dst, out[i:i+n])
		i += n
	}
	if painted {
		dst = append(dst, reset...)
	}
	return dst
}
