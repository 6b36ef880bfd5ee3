package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// checkVisible fails unless text, its own colours removed, is nothing but
// visible characters and newlines.
func checkVisible(t *testing.T, what string, text []byte) {
	t.Helper()
	for line := range bytes.SplitSeq(stripSGR(text), []byte("\n")) {
		if shown := safe.Append(nil, line); !bytes.Equal(shown, line) {
			t.Fatalf("%s lets out what is %q: %q", what, shown, text)
		}
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return v
}

// FuzzRender shows any event in all formats and holds each to its promises.
func FuzzRender(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		x := new(event.Index)
		if x.Scan(raw) != nil {
			return
		}
		ev := &event.Event{Raw: raw, Received: received, Source: "x\x1b\"\xff"}
		one := func(o Options) []byte {
			got := mustNew(t, o).Event(nil, ev, x)
			if !bytes.HasSuffix(got, []byte("\n")) {
				t.Fatalf("%s: no newline at the end of %q", o.Format, got)
			}
			if o.Format != "pretty" && o.Format != "json" && o.Format != "csv" && bytes.Count(got, []byte("\n")) != 1 {
				t.Fatalf("%s: more than one line in %q", o.Format, got)
			}
			return got
		}

		if got := one(Options{Format: "json"}); string(got) != string(raw)+"\n" {
			t.Fatalf("json: %q", got)
		}
		fields := []string{"class", "a", "a.b"}
		for _, o := range []Options{{}, {Meta: true}, {Fields: fields}} {
			o.Format = "ndjson"
			got := one(o)
			if !json.Valid(got) || !utf8.Valid(got) {
				t.Fatalf("ndjson: %q", got)
			}
			o.Format = "pretty"
			pretty := one(o)
			checkVisible(t, "pretty", pretty)
			if !reflect.DeepEqual(decode(t, pretty), decode(t, got)) {
				t.Fatalf("pretty: %q is not %q", pretty, got)
			}
			o.Profile = colorprofile.ANSI256
			if colored := one(o); string(stripSGR(colored)) != string(pretty) {
				t.Fatalf("pretty: %q in colour is %q", pretty, colored)
			}
		}
		for i, width := range []int{0, 40, 80, 0, 40, 80} {
			o := Options{Format: "line", Width: columnsOf(width)}
			if i > 2 {
				o.IDs = "short"
			}
			plain := one(o)
			checkVisible(t, "line", plain)
			if bytes.IndexByte(plain, 0x1b) >= 0 {
				t.Fatalf("line: colour in %q", plain)
			}
			for _, marks := range [][]string{nil, {`\w+`, `x..=`}} {
				o.Profile, o.Highlight = colorprofile.ANSI, marks
				colored := one(o)
				if string(stripSGR(colored)) != string(plain) {
					t.Fatalf("line: %q in colour is %q", plain, colored)
				}
				if !bytes.HasSuffix(colored, []byte("m\n")) {
					t.Fatalf("line: no reset at the end of %q", colored)
				}
			}
		}
		for _, o := range []Options{
			{Format: "template"},
			{Format: "template", Profile: colorprofile.ANSI256},
			{Format: "template", Template: `{{range $k, $v := .}}{{$k}}{{$v}}{{print $v}}{{printf "%q" $v}}{{end}}{{.a.b | trunc 3}}`},
		} {
			o.OnError = func(error) {} // .a may be no object
			got := mustNew(t, o).Event(nil, ev, x)
			checkVisible(t, "template", got)
			if bytes.Count(got, []byte("\n")) > 1 {
				t.Fatalf("template: more than one line in %q", got)
			}
			if o.Profile == 0 && bytes.IndexByte(got, 0x1b) >= 0 {
				t.Fatalf("template: colour in %q", got)
			}
		}
		checkTables(t, one, x, fields)
		checkVisible(t, "AppendSafe", safe.Append(nil, raw))
	})
}

func checkTables(t *testing.T, one func(Options) []byte, x *event.Index, fields []string) {
	t.Helper()
	r := mustNew(t, Options{Format: "csv", Fields: fields})
	var want []string
	for i := range r.fields.items {
		v := x.Get(r.fields.items[i].name)
		text := string(v.Text())
		switch v.Kind {
		case event.Null:
			text = ""
		case event.Object, event.Array:
			text = string(event.AppendCompact(nil, v.JSON))
		}
		want = append(want, text)
	}
	rows, err := csv.NewReader(bytes.NewReader(one(Options{Format: "csv", Fields: fields}))).ReadAll()
	if err != nil || len(rows) != 1 {
		t.Fatalf("csv: %v, %d rows", err, len(rows))
	}
	cells := strings.Split(strings.TrimSuffix(string(one(Options{Format: "tsv", Fields: fields})), "\n"), "\t")
	if len(cells) != len(want) {
		t.Fatalf("tsv: %d cells", len(cells))
	}
	unescape := strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\r`, "\r", `\0`, "\x00", `\\`, `\`)
	for i := range want {
		// The reader makes \r\n inside quotes a \n, as it says.
		if rows[0][i] != strings.ReplaceAll(want[i], "\r\n", "\n") {
			t.Fatalf("csv: %q, want %q", rows[0][i], want[i])
		}
		if unescape.Replace(cells[i]) != want[i] {
			t.Fatalf("tsv: %q, want %q", cells[i], want[i])
		}
	}
}

// FuzzValue holds the same for what a jq expression may make of an event.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`"a\u001b\u202e"`, `["\u009b",{"a":null}]`, `null`, `-1.5e3`, samples[12], samples[15]} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || !utf8.Valid(text) {
			return
		}
		ev := &event.Event{Raw: []byte(samples[1]), Received: received}
		for _, raw := range []bool{false, true} {
			for _, format := range []string{"line", "pretty", "template"} {
				r := mustNew(t, Options{Format: format, RawOutput: raw, Profile: colorprofile.ANSI256})
				got := r.Value(nil, ev, text)
				checkVisible(t, format, got)
				if format == "line" && bytes.Count(got, []byte("\n")) != 1 {
					t.Fatalf("line: %q", got)
				}
			}
		}
		got := mustNew(t, Options{Format: "ndjson"}).Value(nil, ev, text)
		if !reflect.DeepEqual(decode(t, got), decode(t, text)) || bytes.Count(got, []byte("\n")) != 1 {
			t.Fatalf("ndjson: %q", got)
		}
	})
}
