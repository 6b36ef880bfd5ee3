// Package render turns events into what the user asked to see: one line, JSON
// in several forms, tables, or a template of their own.
//
// line, pretty and template are for people. Nothing that an event holds can
// reach the terminal through them as anything but visible text: what could
// move the cursor, change a colour or the title, begin a line or hide is
// spelled out, see [safe.Append]. json, ndjson, csv and tsv are for programs
// and keep the data as it is.
package render

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Formats are the names of the formats, in the order in which help lists them.
func Formats() []string {
	return []string{"line", "json", "ndjson", "pretty", "csv", "tsv", "template"}
}

// Times are the names of the ways to show a time.
func Times() []string { return []string{"local", "utc", "rfc3339", "unix", "delta", "none"} }

// Options say how events are to be shown. Only Format must be set.
type Options struct {
	// Format is one of Formats.
	Format string
	// Fields picks fields and orders them. A dotted name reaches into objects
	// unless the event has a field of that very name. In a name a star stands for
	// any text: such an item picks the event's fields in the order received, but
	// those that another item names. An item that begins with an exclamation mark
	// leaves out what it matches; without other items all else is shown. csv and
	// tsv need whole names; json and template refuse Fields. In the line format it
	// picks what follows the columns, which stay.
	Fields []string
	// OnField is called with the number of an item of Fields when the renderer
	// first shows a field for it. Nil is not called.
	OnField func(item int)
	// OnNames is called with the first events of which fields are picked, so that the
	// caller knows which fields there are. Nil is not called.
	OnNames func(x *event.Index)
	// Calls says that the objects are records of calls, as package call writes them.
	Calls bool
	// NoHeader leaves out the names of the columns of csv and tsv.
	NoHeader bool
	// IDs is one of IDs: how the line format shows callid, uniqueid and asteriskid,
	// "" for full. short is the callid alone, without a name and without what is
	// before its last dot, in an event without one the uniqueid or the asteriskid
	// with its name. Fields and jq expressions that name an id show it whole.
	IDs string
	// RawOutput prints the strings that a jq expression makes without quotes.
	RawOutput bool
	// Time is one of Times: how the line format shows the time, and templates if
	// they do not say otherwise; "" is local. There local and utc leave out the
	// date of an event that was received on its own day. In csv and tsv the cells
	// of the field timestamp are local, utc, rfc3339 or unix; "" is as received.
	Time string
	// Location is the time zone of local and rfc3339, nil for time.Local, which is
	// that of TZ.
	Location *time.Location
	// Highlight is regular expressions. What they match is shown in reverse
	// in the formats for people, if there is colour; elsewhere they do
	// nothing. They match visible text, escapes as they are spelled.
	Highlight []string
	// Template is a text/template, for the format of that name only.
	Template string
	// Meta wraps each event in {"received":…,"source":…,"event":…}; received is
	// RFC 3339 in UTC to the nanosecond. For json, ndjson and pretty only.
	Meta bool
	// Profile is how much colour there is; see ColorProfile. The zero value
	// is none. csv, tsv, json and ndjson never have colour.
	Profile colorprofile.Profile
	// Width returns the columns of the terminal, 0 if the output is no terminal;
	// nil is for an output that never is one. It is called once for each line, so
	// it must be quick.
	Width func() int
	// SafeCSV writes a ' before a cell of csv or tsv that begins with = + - @,
	// a tab or a carriage return, so that no spreadsheet takes it for a
	// formula. It changes the data: numbers below zero and telephone numbers
	// in international form get the mark too.
	SafeCSV bool
	// OnError is called when the template failed on an event, which is then not
	// shown, and OnBlank when it printed nothing for an event. Each may be nil.
	OnError func(error)
	OnBlank func()
}

// Renderer shows events. It keeps state from one to the next (the width of a
// column, the time before) and is not safe for concurrent use.
type Renderer struct {
	look
	clock       clock
	nameColumns int

	words   words // of field names
	classes words
	events  words
	shapes  [shapeSlots]*names
	loose   names  // of an event whose names have no shape
	text    []byte // of a value without its escapes
	keyText []byte
	scratch []byte
	picks   []pick
	came    int         // see SetTimes
	result  event.Index // of an object that jq made, or of an event read anew
}

// look is the part of a Renderer that comes from the options and never changes.
type look struct {
	format   string
	fields   *selection // nil for all
	noHeader bool
	cellTime bool // csv and tsv show the timestamp as the clock does
	calls    bool // see Options
	raw      bool
	meta     bool
	safeCSV  bool
	width    func() int
	ids      string // as in Options, but "" for full
	theme    theme
	marks    []*regexp.Regexp
	template *userTemplate
}

// New compiles options, which it does not keep. Its errors are about the
// options and name what to use instead.
func New(o *Options) (*Renderer, error) {
	r := &Renderer{
		look:        look{format: o.Format, raw: o.RawOutput, calls: o.Calls, meta: o.Meta, safeCSV: o.SafeCSV, noHeader: o.NoHeader, width: o.Width},
		nameColumns: nameColumns,
	}
	if !slices.Contains(Formats(), o.Format) {
		return nil, fmt.Errorf("unknown output format %q: use one of %s", o.Format, strings.Join(Formats(), ", "))
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.IDs != "full" {
		r.ids = o.IDs
	}
	switch o.Format {
	case "line", "pretty", "template":
		r.theme = newTheme(o.Profile)
	default:
		r.theme = newTheme(colorprofile.NoTTY)
	}
	r.clock = clock{style: o.Time, loc: o.Location}
	r.cellTime = o.Time != "" && (o.Format == "csv" || o.Format == "tsv")
	if r.clock.loc == nil {
		r.clock.loc = time.Local
	}
	switch o.Time {
	case "":
		r.clock.style = "local"
	case "utc":
		r.clock.loc = time.UTC
	default:
		if !slices.Contains(Times(), o.Time) {
			return nil, fmt.Errorf("unknown time format %q: use one of %s", o.Time, strings.Join(Times(), ", "))
		}
	}
	var err error
	if o.Format == "template" {
		if r.template, err = newTemplate(o, &r.theme, r.clock); err != nil {
			return nil, err
		}
	}
	if r.fields, err = newSelection(o.Fields, o.OnField, o.OnNames); err != nil {
		return nil, err
	}
	for _, expr := range o.Highlight {
		re, err := filter.CompileRegexp(expr)
		if err != nil {
			return nil, caret.Wrap("--highlight", err)
		}
		if r.theme.on {
			r.marks = append(r.marks, re)
		}
	}
	return r, nil
}

// check refuses options that do not go together.
func (o *Options) check() error {
	switch o.Format {
	case "csv", "tsv":
		if len(o.Fields) == 0 {
			return fmt.Errorf("--output %s needs --fields: name the columns, as in --fields timestamp,class,event,callid", o.Format)
		}
		if i := slices.IndexFunc(o.Fields, isPattern); i >= 0 {
			return fmt.Errorf("the columns of --output %s need whole names, and %q in --fields is a pattern: name the columns, as in --fields timestamp,class,event,callid", o.Format, o.Fields[i])
		}
		if o.Time == "delta" || o.Time == "none" {
			return fmt.Errorf("--time %s is not for %s: use local, utc, rfc3339 or unix, or leave it out for the timestamp as received", o.Time, o.Format)
		}
	case "json":
		if len(o.Fields) > 0 {
			return errors.New("--fields does not go with --output json, which prints events exactly as received: use --output ndjson")
		}
	case "template":
		if len(o.Fields) > 0 {
			return errors.New("--fields does not go with --template, which picks its own fields: name them in the template")
		}
		if o.Template == "" {
			return errors.New("--output template needs --template, as in --template '{{.class}} {{.callid}}'")
		}
	}
	if o.IDs != "" && !slices.Contains(IDs(), o.IDs) {
		return fmt.Errorf("unknown way %q to show ids: use one of %s", o.IDs, strings.Join(IDs(), ", "))
	}
	if o.Template != "" && o.Format != "template" {
		return fmt.Errorf("--template does not go with --output %s: use --output template", o.Format)
	}
	if o.Meta && o.Format != "json" && o.Format != "ndjson" && o.Format != "pretty" {
		return fmt.Errorf("--meta does not go with --output %s: use json, ndjson or pretty", o.Format)
	}
	return nil
}

// SetTimes sets how often the following events have come; 0 is once. The line format marks
// those that came more than once.
func (r *Renderer) SetTimes(n int) { r.came = n }

// Header appends the output before the first event: the names of the columns in csv and tsv,
// nothing in other formats.
func (r *Renderer) Header(dst []byte) []byte {
	if r.format != "csv" && r.format != "tsv" {
		return dst
	}
	if r.noHeader {
		return dst
	}
	for i := range r.fields.items {
		if i > 0 {
			dst = r.separator(dst)
		}
		dst = r.cell(dst, r.fields.items[i].text)
	}
	return append(dst, '\n')
}

// Event appends an event as it is to be shown, with its line end. x has
// scanned ev.Raw without an error. Neither is kept.
func (r *Renderer) Event(dst []byte, ev *event.Event, x *event.Index) []byte {
	switch r.format {
	case "json":
		dst = r.openMeta(dst, ev)
		dst = append(dst, ev.Raw...)
		return r.closeMeta(dst)
	case "ndjson":
		dst = r.openMeta(dst, ev)
		dst = r.object(dst, x)
		return r.closeMeta(dst)
	case "line":
		if x.Repaired() {
			// A name in Latin-1 says more as Andr\xe9 than as Andr\ufffd.
			r.scratch = safe.AppendBroken(r.scratch[:0], ev.Raw)
			if r.result.Scan(r.scratch) == nil {
				x = &r.result
			}
		}
	}
	return r.show(dst, ev, x, false)
}

// Verbatim reports whether Event appends nothing but the very bytes that x has
// scanned and a newline.
func (r *Renderer) Verbatim(x *event.Index) bool {
	switch r.format {
	case "json":
		return !r.meta
	case "ndjson":
		return !r.meta && r.fields == nil && x.OneLine() && !x.Repaired()
	}
	return false
}

// Value appends, instead of ev, a value that a jq expression made of it;
// json is its text, valid and in valid UTF-8. An object is shown as an event
// would be: a line shows those of its columns that the object has. Any other
// value is compact JSON, or with RawOutput a string's own text; in the formats
// for people it is safe for a terminal.
func (r *Renderer) Value(dst []byte, ev *event.Event, json []byte) []byte {
	if i := skipSpace(json, 0); i < len(json) && json[i] == '{' && r.result.Scan(json) == nil {
		if r.format == "json" || r.format == "ndjson" {
			dst = r.openMeta(dst, ev)
			dst = r.object(dst, &r.result)
			return r.closeMeta(dst)
		}
		return r.show(dst, ev, &r.result, true)
	}
	return r.scalar(dst, ev, json)
}

// show renders an event, or an object in its place, in the formats that are
// made field by field.
func (r *Renderer) show(dst []byte, ev *event.Event, x *event.Index, result bool) []byte {
	switch r.format {
	case "line":
		if r.calls && x.Class().Kind == event.Absent { // not the record of a gap
			return r.callLine(dst, ev, x)
		}
		return r.line(dst, ev, x, result)
	case "pretty":
		r.scratch = r.openMeta(r.scratch[:0], ev)
		r.scratch = r.object(r.scratch, x)
		r.scratch = r.closeMeta(r.scratch)
		return r.pretty(dst, r.scratch)
	case "csv", "tsv":
		return r.row(dst, x)
	default: // template
		start := len(dst)
		dst = r.template.append(dst, ev, x.JSON())
		return r.mark(dst, start)
	}
}

// scalar appends a value of a jq expression that is no object.
func (r *Renderer) scalar(dst []byte, ev *event.Event, json []byte) []byte {
	r.scratch = event.AppendCompact(r.scratch[:0], json)
	json = r.scratch
	var text []byte // of a string that is to be shown without quotes
	isText := len(json) > 0 && json[0] == '"' && (r.raw && !r.meta || r.format == "csv" || r.format == "tsv")
	if isText {
		v := event.Value{JSON: json, Kind: event.String, Escaped: bytes.IndexByte(json, '\\') >= 0}
		text = r.plain(v)
	}
	switch r.format {
	case "json", "ndjson":
		if isText {
			return append(append(dst, text...), '\n')
		}
		dst = r.openMeta(dst, ev)
		dst = append(dst, json...)
		return r.closeMeta(dst)
	case "csv", "tsv":
		if !isText {
			text = json
		}
		return append(r.cell(dst, text), '\n')
	case "pretty":
		if !isText {
			wrapped := r.closeMeta(append(r.openMeta(nil, ev), json...))
			return r.pretty(dst, wrapped)
		}
	}
	start := len(dst)
	if isText {
		dst = safe.Append(dst, text)
	} else {
		dst = safe.AppendJSON(dst, json)
	}
	dst = r.mark(dst, start)
	return append(dst, '\n')
}
