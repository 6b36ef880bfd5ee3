package flags

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Output are the flags for how events are printed.
type Output struct {
	format, template string
	fields           []string
	raw, meta        bool
	calls            bool // records of calls are printed
	time             string
	ids              string
	highlight        []string
	color            string
	safeCSV          bool
	noHeader         bool
	timezone         string

	mu   sync.Mutex
	seen []bool   // of fields: an event had it
	came []string // names of fields that the first events had
}

// templateText is the pflag value of --template. It refuses an empty text.
type templateText struct{ text *string }

// Set sets the text.
func (t templateText) Set(text string) error {
	if text == "" {
		return errors.New("the template is empty: leave the flag out, or write one like '{{.class}} {{.callid}}'")
	}
	*t.text = text
	return nil
}

// String returns the text.
func (t templateText) String() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Type returns the name of the type.
func (t templateText) Type() string { return "string" }

// Bind adds the flags to f.
func (o *Output) Bind(f *pflag.FlagSet) { o.bind(f, "events") }

// BindCalls adds the flags to f for records of calls.
func (o *Output) BindCalls(f *pflag.FlagSet) {
	o.calls = true
	o.bind(f, "calls")
}

// bind adds the flags for what is printed.
func (o *Output) bind(f *pflag.FlagSet, what string) {
	f.StringVarP(&o.format, "output", "o", "", "print "+what+" as `FORMAT`: "+strings.Join(render.Formats(), ", ")+" (default: line on a terminal, else ndjson)")
	f.VarP(List{&o.fields}, "fields", "F", "print these fields, in this order: `LIST` with commas; * globs, !x leaves out, as -F '!asteriskid' for all others")
	f.Var(templateText{&o.template}, "template", "print "+what+" with a Go template: `TEXT` like '{{.class}} {{pad 8 .event}}'; see 'enswitch-events help template'")
	if !o.calls {
		f.BoolVarP(&o.raw, "raw-output", "r", false, "print strings that --jq returns without quotes")
	}
	f.StringVarP(&o.time, "time", "t", "", "show times as `STYLE`: "+strings.Join(render.Times(), ", ")+" (default: local; in csv and tsv the timestamp as received)")
	f.StringVar(&o.timezone, "timezone", "", "show times in the zone `NAME`, like Europe/London (default: this machine's, or TZ)")
	f.StringVar(&o.ids, "ids", "", "show callid, uniqueid and asteriskid in line as `STYLE`: "+strings.Join(render.IDs(), ", ")+" (default: short on a terminal, which is the callid alone, as …100004; else full)")
	f.StringArrayVarP(&o.highlight, "highlight", "H", nil, "mark what matches `REGEXP`, and keep all events; repeatable")
	if !o.calls {
		f.BoolVar(&o.meta, "meta", false, `wrap each event with its time and source: {"received":…,"source":…,"event":{…}}`)
	}
	f.StringVar(&o.color, "color", "auto", "use colours `WHEN`: auto, always or never; see also NO_COLOR, CLICOLOR_FORCE")
	f.BoolVar(&o.noHeader, "no-header", false, "leave out the header line of csv and tsv")
	f.BoolVar(&o.safeCSV, "csv-safe", false, "put ' in front of cells of csv and tsv that a spreadsheet would take for a formula")
}

// SetFormat sets the format of a command without these flags.
func (o *Output) SetFormat(name string) { o.format = name }

// valuesElsewhere are values that other programs have for the same.
var valuesElsewhere = map[string]string{ //nolint:gochecknoglobals // a table that nothing changes
	"output jsonl": "ndjson", "output jsonlines": "ndjson", "output compact": "ndjson", "output raw": "json",
	"output text": "line", "output plain": "line", "output table": "csv", "output go-template": "template",
	"time gmt": "utc", "time z": "utc", "time epoch": "unix", "time timestamp": "unix", "time iso": "rfc3339", "time iso8601": "rfc3339",
	"time relative": "delta", "time off": "none",
	"color yes": "always", "color on": "always", "color true": "always", "color force": "always",
	"color no": "never", "color off": "never", "color false": "never", "color none": "never",
	"ids long": "full", "ids off": "none",
}

// ForReaders reports whether the output is made to be read by a person, at a terminal if
// tty says so.
func (o *Output) ForReaders(tty bool) bool {
	format := outputFormat(o.format, o.template, tty, o.meta)
	return format == "line" || format == "pretty"
}

// Formatted reports whether records of calls are asked for, in a format or with one of the
// flags for what is printed: typed reports whether a flag is on the command line.
func (o *Output) Formatted(typed func(flag string) bool) bool {
	return o.format != "" || o.template != "" || slices.ContainsFunc([]string{"output", "fields", "time", "ids", "highlight", "no-header", "csv-safe"}, typed)
}

// Screen returns the colours and the time zone of a screen.
func (o *Output) Screen() (profile colorprofile.Profile, location *time.Location, err error) {
	if err := o.known(); err != nil {
		return profile, nil, err
	}
	if profile, err = render.ColorProfile(o.color, true, os.Environ()); err != nil {
		return profile, nil, cli.Usage("", "--color: %w", err)
	}
	if o.timezone == "" {
		return profile, time.Local, nil
	}
	location, err = zone(o.timezone)
	return profile, location, err
}

// outputFormat returns the format to use: name, or else the default for the other
// flags and for stdout, where tty says that it is a terminal.
func outputFormat(name, template string, tty, meta bool) string {
	switch {
	case name != "":
		return name
	case template != "":
		return "template"
	case tty && !meta:
		return "line"
	}
	return "ndjson"
}

// compile returns a renderer for out. onError is called for each event on which the
// template fails, onBlank for each of which it prints nothing.
func (o *Output) compile(out io.Writer, onError func(error), onBlank func()) (*render.Renderer, error) {
	tty := cli.Terminal(out)
	if err := o.known(); err != nil {
		return nil, err
	}
	profile, err := render.ColorProfile(o.color, tty != nil, os.Environ())
	if err != nil {
		return nil, cli.Usage("", "--color: %w", err)
	}
	fields, err := o.picked(tty != nil)
	if err != nil {
		return nil, err
	}
	r := &render.Options{
		Calls:  o.calls,
		Format: outputFormat(o.format, o.template, tty != nil, o.meta), Fields: fields, RawOutput: o.raw, Time: o.time, Highlight: o.highlight,
		Template: o.template, Meta: o.meta, Profile: profile, SafeCSV: o.safeCSV, NoHeader: o.noHeader, OnError: onError, OnBlank: onBlank,
	}
	if r.IDs = o.ids; o.ids == "" && tty != nil {
		r.IDs = "short"
	}
	if o.timezone != "" {
		if r.Location, err = zone(o.timezone); err != nil {
			return nil, err
		}
		r.Time = cmp.Or(o.time, "local") // in csv and tsv, too
	}
	o.mu.Lock()
	if o.seen == nil {
		o.seen = make([]bool, len(o.fields))
	}
	o.mu.Unlock()
	r.OnField = func(item int) {
		if item >= len(o.fields) {
			return // a column of its own accord
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.seen[item] = true
	}
	r.OnNames = o.noteNames
	r.Width = cli.Columns(out)
	renderer, err := render.New(r)
	if err != nil {
		hint := ""
		if strings.HasPrefix(err.Error(), "--template: ") {
			hint = "see 'enswitch-events help template'"
		}
		return nil, cli.Usage(hint, "%w", err)
	}
	return renderer, nil
}

// known returns what is wrong with a flag that takes one of a few words.
func (o *Output) known() error {
	if strings.ContainsAny(o.format, "./") {
		return cli.Usage("> FILE keeps what is printed, --record FILE every event received", "--output %q is a format and no file", o.format)
	}
	return cmp.Or(OneOf("output", o.format, render.Formats()), OneOf("time", o.time, render.Times()), OneOf("ids", o.ids, render.IDs()), OneOf("color", o.color, Colors()))
}

// OneOf returns what is wrong with a flag that takes one of the words in known: nil if
// nothing is, or if it has no value.
func OneOf(flag, value string, known []string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	typed := cmp.Or(valuesElsewhere[flag+" "+strings.ToLower(value)], value)
	return cli.Usage(spelling.OneOf(typed, known), "--%s %q is not known", flag, value)
}

// Colors returns the values of --color.
func Colors() []string { return []string{"auto", "always", "never"} }

// picked returns the fields to print. Records of calls have all their fields in csv and tsv
// if none are named, and none but those.
func (o *Output) picked(tty bool) ([]string, error) {
	if !o.calls {
		return o.fields, nil
	}
	if format := outputFormat(o.format, o.template, tty, o.meta); len(o.fields) == 0 && (format == "csv" || format == "tsv") {
		return call.Fields(), nil
	}
	for _, item := range o.fields {
		name := strings.TrimPrefix(item, "!")
		if glob := event.NewGlob(name); !slices.ContainsFunc(call.Fields(), func(f string) bool { return glob.Match([]byte(f)) }) {
			return nil, unknownCallField("fields", name)
		}
	}
	return o.fields, nil
}

// zone returns the time zone of that name.
func zone(name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "local":
		return time.Local, nil
	case "utc", "z":
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, cli.Usage("write it like Europe/London, America/New_York or UTC", "--timezone %q is no time zone that is known", name)
	}
	return loc, nil
}

// The bounds of the names of fields that are noted.
const (
	maxNames = 500
	maxName  = 100 // bytes
)

// noteNames notes the names of the fields of x.
func (o *Output) noteNames(x *event.Index) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range x.Len() {
		key := x.Key(i)
		if len(o.came) < maxNames && len(key.JSON) <= maxName && !slices.ContainsFunc(o.came, key.Is) {
			o.came = append(o.came, string(key.Text()))
		}
	}
}

// Unseen returns the items of --fields for which no event had a field, each with a question
// about the field that may have been meant.
func (o *Output) Unseen() (items []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, seen := range o.seen {
		item := o.fields[i]
		if seen || strings.HasPrefix(item, "!") {
			continue
		}
		if near := spelling.Hint(item, o.came); near != "" {
			item += " (" + safe.String(near) + ")"
		}
		items = append(items, item)
	}
	return items
}
